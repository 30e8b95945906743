// The gates of all buffers one run touches, taken and given together.
#pragma once
#include <cstddef>
#include <vector>

#include "gate.h"

namespace nabla {

/** Holds for the whole run what nobody else wants; leaves everything between two steps as soon as
 *  somebody waits for any of it. It waits only while it holds gates of lower addresses, so two sets
 *  never wait for each other. */
class GateSet {
 public:
  struct Member {
    Gate* gate;
    bool write;
    int slot;  // for messages
  };

  /** Members sorted by address, each gate once. Not while a run holds the set. */
  void reset(std::vector<Member> members) { members_ = std::move(members); }

  /** Claims every written buffer, all or none. Returns the slot that another run writes, or -1. */
  int claim() noexcept;
  void unclaim() noexcept;

  /** claim() and enter() when nobody else is here; false, and nothing done, when somebody is. */
  bool try_claim_and_enter() noexcept;
  /** claim() and enter(); nothing is waited for when nobody else is here. */
  int claim_and_enter() noexcept;
  void enter() noexcept;
  void leave(bool keep_claims) noexcept;

  /** Between two steps. */
  void give_way() noexcept {
    for (const Member& member : members_) {
      if (member.gate->wanted()) {
        leave(true);
        enter();
        return;
      }
    }
  }

 private:
  static void give_back(const Member& member, bool keep_claim) noexcept;

  std::vector<Member> members_;
};

}  // namespace nabla
