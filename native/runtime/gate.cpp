#include "gate.h"

#include <condition_variable>
#include <mutex>

namespace nabla {
namespace {

// Waiting is rare and short (a step), so every gate shares one mutex and one condition. Never
// destroyed: a thread may still wait while the process exits.
std::mutex& waiting_mutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}
std::condition_variable& waiting_condition() {
  static std::condition_variable& condition = *new std::condition_variable;
  return condition;
}

}  // namespace

void Gate::read_slowly() noexcept {
  std::unique_lock<std::mutex> lock(waiting_mutex());
  state_.fetch_add(kWaitingReader, std::memory_order_seq_cst);
  const uint64_t came = turn_;
  waiting_condition().wait(lock, [&] {
    const uint64_t state = state_.load(std::memory_order_seq_cst);
    return (state & kWriting) == 0 && ((state & kWriterWaits) == 0 || turn_ != came);
  });
  if (turn_ != came && entitled_ > 0) --entitled_;
  state_.fetch_add(kReader - kWaitingReader, std::memory_order_seq_cst);
}

void Gate::write_slowly() noexcept {
  std::unique_lock<std::mutex> lock(waiting_mutex());
  state_.fetch_or(kWriterWaits, std::memory_order_seq_cst);
  waiting_condition().wait(lock, [&] {
    return (state_.load(std::memory_order_seq_cst) & (kReaders | kWriting)) == 0 && entitled_ == 0;
  });
  state_.fetch_xor(kWriterWaits | kWriting, std::memory_order_seq_cst);
}

void Gate::let_readers_in() noexcept {
  std::lock_guard<std::mutex> lock(waiting_mutex());
  entitled_ = state_.load(std::memory_order_seq_cst) / kWaitingReader;
  ++turn_;
  waiting_condition().notify_all();
}

void Gate::wake_all() noexcept {
  std::lock_guard<std::mutex> lock(waiting_mutex());
  waiting_condition().notify_all();
}

}  // namespace nabla
