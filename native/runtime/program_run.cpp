// Running a program. From execute() down: no allocation, no exception, no lock but the gates
// between two steps.
#include <chrono>
#include <string>

#include "error.h"
#include "../simd/float_mode.h"
#include "program.h"
#include "thread_pool.h"

namespace nabla {

const RunStatus& Program::run(int64_t steps, int threads) {
  begin(steps);
  if (const int slot = gates_.claim_and_enter(); slot >= 0) refuse_busy(slot);
  execute(steps, threads, nullptr);
  gates_.leave(false);
  return status_;
}

const RunStatus& Program::profile(int64_t steps, int threads, double* nanoseconds) {
  begin(steps);
  if (const int slot = gates_.claim_and_enter(); slot >= 0) refuse_busy(slot);
  execute(steps, threads, nanoseconds);
  gates_.leave(false);
  return status_;
}

void Program::submit(int64_t steps) {
  if (arrays_ > 0) {
    throw Error(ErrorCode::argument, expected("buffers in every slot", "an asynchronous run",
                                              "an array that JavaScript could take away"));
  }
  begin(steps);
  if (const int slot = gates_.claim(); slot >= 0) refuse_busy(slot);
  submitted_ = true;
}

const RunStatus& Program::run_submitted(int64_t steps, int threads) noexcept {
  gates_.enter();
  execute_measured(steps, threads);
  gates_.leave(false);
  return status_;
}

bool Program::run_if_brief(int threads, double most) {
  // While a submitted run goes on, the engine's thread writes what is read here.
  if (submitted_ || measured_ == 0 || measured_ > most || arrays_ > 0) return false;
  begin(1);
  if (!gates_.try_claim_and_enter()) return false;
  execute_measured(1, threads);
  gates_.leave(false);
  return true;
}

void Program::execute_measured(int64_t steps, int threads) noexcept {
  const auto start = std::chrono::steady_clock::now();
  execute(steps, threads, nullptr);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  if (steps == 1) measured_ = took.count();
}

void Program::begin(int64_t steps) {
  if (submitted_ || unbound_ > 0 || steps < 0 || steps > most_steps_) refuse_begin(steps);
  if (!apart_) check_apart();
  thread_memory();  // takes the memory now, if ever, where taking it may still throw
  interrupted_.store(false, std::memory_order_relaxed);
}

void Program::refuse_begin(int64_t steps) const {
  if (submitted_) {
    throw Error(ErrorCode::busy,
                expected("a program that is not running", "run", "one in an asynchronous run"));
  }
  for (size_t i = 1; i < slots_.size(); ++i) {
    if (!slots_[i].bound) {
      throw Error(ErrorCode::state, expected("bound memory", "slot " + std::to_string(i), "none"));
    }
  }
  throw Error(ErrorCode::argument, expected("an integer from 0 to " + std::to_string(most_steps_) +
                                                " (what the bound memory holds)",
                                            "steps", std::to_string(steps)));
}

void Program::refuse_busy(int slot) {
  throw Error(ErrorCode::busy, expected("a buffer that no other run writes", "slot " + std::to_string(slot),
                                        "one that another run is writing"));
}

/** The number of instructions done: all of them, or up to the one that failed. */
size_t Program::execute_step(Context& context) const noexcept {
  const size_t count = calls_.size();
  for (size_t i = 0; i < count; ++i) {
    kernels_[i](calls_[i], context);
    if (context.failure != Failure::none) return i;
  }
  return count;
}

/** The same with as many threads as are of use, at most so many. */
size_t Program::execute_chosen_step(Context& context, int threads) noexcept {
  size_t done = 0;
  choice_.run(context, threads, [&] {
    done = execute_step(context);
    return done == calls_.size();
  });
  return done;
}

size_t Program::profile_step(Context& context, double* nanoseconds) const noexcept {
  using Clock = std::chrono::steady_clock;
  const size_t count = calls_.size();
  auto before = Clock::now();
  for (size_t i = 0; i < count; ++i) {
    kernels_[i](calls_[i], context);
    if (context.failure != Failure::none) return i;
    const auto after = Clock::now();
    nanoseconds[i] += std::chrono::duration<double, std::nano>(after - before).count();
    before = after;
  }
  return count;
}

void Program::execute(int64_t steps, int threads, double* nanoseconds) noexcept {
  const FlushDenormals flush(flush_denormals_);
  const ThreadMemory& memory = thread_memory();
  Context context{parallel_ ? &ThreadPool::instance() : nullptr,
                  parallel_ ? threads : 1,
                  memory.scratch,
                  memory.partials,
                  Failure::none,
                  0};
  const bool choosing = context.threads > 1;
  status_ = {};
  const size_t count = calls_.size();
  while (status_.completed < steps && !interrupted_.load(std::memory_order_relaxed)) {
    if (status_.completed > 0) {
      gates_.give_way();
      advance();
    }
    const size_t done = nanoseconds ? profile_step(context, nanoseconds)
                        : choosing  ? execute_chosen_step(context, threads)
                                    : execute_step(context);
    if (done < count) {
      status_.failure = context.failure;
      status_.value = context.failure_value;
      status_.instruction = static_cast<int64_t>(done);
      status_.step = status_.completed;
      break;
    }
    ++status_.completed;
  }
  if (!advancing_.empty()) rewind();
}

void Program::advance() noexcept {
  for (const size_t i : advancing_) {
    operands_[i].data = static_cast<std::byte*>(operands_[i].data) + places_[i].advance;
  }
}

void Program::rewind() noexcept {
  for (const size_t i : advancing_) {
    const Place& place = places_[i];
    operands_[i].data = slots_[static_cast<size_t>(place.slot)].data + place.offset;
  }
}

}  // namespace nabla
