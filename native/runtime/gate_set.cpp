#include "gate_set.h"

namespace nabla {

int GateSet::claim() noexcept {
  for (size_t i = 0; i < members_.size(); ++i) {
    if (!members_[i].write || members_[i].gate->claim()) continue;
    for (size_t taken = 0; taken < i; ++taken) {
      if (members_[taken].write) members_[taken].gate->unclaim();
    }
    return members_[i].slot;
  }
  return -1;
}

void GateSet::unclaim() noexcept {
  for (const Member& member : members_) {
    if (member.write) member.gate->unclaim();
  }
}

void GateSet::give_back(const Member& member, bool keep_claim) noexcept {
  if (member.write) {
    member.gate->end_write(keep_claim);
  } else {
    member.gate->end_read();
  }
}

bool GateSet::try_claim_and_enter() noexcept {
  size_t taken = 0;
  for (; taken < members_.size(); ++taken) {
    const Member& member = members_[taken];
    if (!(member.write ? member.gate->try_claim_and_write() : member.gate->try_read())) break;
  }
  if (taken == members_.size()) return true;
  while (taken-- > 0) give_back(members_[taken], false);
  return false;
}

int GateSet::claim_and_enter() noexcept {
  if (try_claim_and_enter()) return -1;
  const int busy = claim();
  if (busy < 0) enter();
  return busy;
}

void GateSet::enter() noexcept {
  for (const Member& member : members_) {
    if (member.write) {
      member.gate->write();
    } else {
      member.gate->read();
    }
  }
}

void GateSet::leave(bool keep_claims) noexcept {
  for (const Member& member : members_) give_back(member, keep_claims);
}

}  // namespace nabla
