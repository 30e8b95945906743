// Who may touch a buffer now. Two rules in one word of memory:
//
//  claim   one run at a time may write a buffer, from its submission to its end; a second writer is
//          told so (busy), it does not wait.
//  gate    readers and the writer take turns by steps. The writer holds the gate while it steps and
//          looks between two steps whether a reader waits (one plain load); a reader that waits goes
//          before the writer's next step, and readers that come while the writer waits go after it:
//          neither starves.
//
// A run that must wait holds no gate out of address order (GateSet in gate_set.h), so no two
// runs wait for each other.
#pragma once
#include <atomic>
#include <cstdint>

namespace nabla {

class Gate {
 public:
  /** False: another run has the claim. */
  bool claim() noexcept { return (state_.fetch_or(kClaim, std::memory_order_acquire) & kClaim) == 0; }
  void unclaim() noexcept { state_.fetch_and(~kClaim, std::memory_order_release); }
  bool claimed() const noexcept { return (state_.load(std::memory_order_relaxed) & kClaim) != 0; }

  /** Claim and gate at once, when nobody else is here. */
  bool try_claim_and_write() noexcept {
    uint64_t none = 0;
    return state_.compare_exchange_strong(none, kClaim | kWriting, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  bool try_write() noexcept {
    uint64_t mine = kClaim;
    return state_.compare_exchange_strong(mine, kClaim | kWriting, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  bool try_read() noexcept {
    uint64_t state = state_.load(std::memory_order_relaxed);
    while ((state & (kWriting | kWriterWaits)) == 0) {
      if (state_.compare_exchange_weak(state, state + kReader, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  void write() noexcept {
    if (!try_write()) write_slowly();
  }
  void read() noexcept {
    if (!try_read()) read_slowly();
  }
  /** keep_claim: between two steps; otherwise the run is over. */
  void end_write(bool keep_claim) noexcept {
    const uint64_t bits = keep_claim ? kWriting : kWriting | kClaim;
    const uint64_t before = state_.fetch_and(~bits, std::memory_order_seq_cst);
    if (before >= kWaitingReader) let_readers_in();
  }
  void end_read() noexcept {
    const uint64_t before = state_.fetch_sub(kReader, std::memory_order_seq_cst);
    if ((before & kWriterWaits) != 0) wake_all();
  }

  /** For the one inside: somebody waits for it to leave. */
  bool wanted() const noexcept {
    const uint64_t state = state_.load(std::memory_order_relaxed);
    return state >= kWaitingReader || (state & kWriterWaits) != 0;
  }

 private:
  static constexpr uint64_t kWriting = 1;
  static constexpr uint64_t kClaim = 2;
  static constexpr uint64_t kWriterWaits = 4;
  static constexpr uint64_t kReader = uint64_t{1} << 8;          // 24 bits count the readers inside
  static constexpr uint64_t kWaitingReader = uint64_t{1} << 32;  // the rest those that wait
  static constexpr uint64_t kReaders = kWaitingReader - kReader;

  void write_slowly() noexcept;
  void read_slowly() noexcept;
  void let_readers_in() noexcept;
  void wake_all() noexcept;

  std::atomic<uint64_t> state_{0};
  // Only under the mutex of gate.cpp:
  uint64_t turn_ = 0;      // counts how often a writer left while readers waited
  uint64_t entitled_ = 0;  // waiting readers that go before the next write
};

}  // namespace nabla
