#include "thread_pool.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>
#include <thread>

#include "error.h"
#include "../simd/float_mode.h"
#include "machine.h"
#include "memory.h"

namespace nabla {
namespace {

using Clock = std::chrono::steady_clock;

// Below this the fork-join (0.3 us with spinning workers) and cold caches eat the gain.
constexpr double kWorthThreads = 3000;  // ns
// Waking a parked thread costs about 5 us (in a virtual machine ten times as much); less work than this is
// left to threads that are awake.
constexpr double kWorthWaking = 20000;  // ns
constexpr auto kSpin = std::chrono::microseconds(30);
// A worker stays awake for as long as a user's own code may take between two steps.
constexpr auto kIdleSpin = std::chrono::microseconds(300);
// A worker that does not come back in so many times what its task should take has lost its CPU to somebody
// else. Then the caller works alone for some times as long as it waited, at first for little: a moment
// without its CPU should not cost more than that moment. Where stalls follow each other, a process beside
// this one wants the CPU as well, and it is left to that for longer and longer.
constexpr double kStalled = 4;
constexpr auto kLeastStall = std::chrono::microseconds(200);
constexpr int kAloneAfterStall = 2, kMostAloneAfterStall = 16;
constexpr auto kLongestAlone = std::chrono::milliseconds(200);

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  __asm__ __volatile__("yield");
#endif
}

/** Waits at most `limit` for done(). */
template <class Condition>
bool spin(std::chrono::microseconds limit, const Condition& done) {
  const auto end = Clock::now() + limit;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause_cpu();
    }
  } while (Clock::now() < end);
  return done();
}

enum WorkerState : uint32_t { kIdle, kOffered, kRunning };

}  // namespace

// A worker is offered a job, and takes it or has it withdrawn: so the caller waits only for those
// that began, never for one that is still waking up.
struct alignas(64) ThreadPool::Worker {
  std::atomic<uint32_t> state{kIdle};
  std::atomic<bool> parked{false};
  std::mutex mutex;
  std::condition_variable wake;
  bool called = false;  // under the mutex
  void* scratch = nullptr;

  void offer() noexcept {
    state.store(kOffered, std::memory_order_seq_cst);
    if (!parked.load(std::memory_order_seq_cst)) return;
    std::lock_guard<std::mutex> lock(mutex);
    called = true;
    wake.notify_one();
  }
  bool take() noexcept {
    uint32_t offered = kOffered;
    return state.compare_exchange_strong(offered, kRunning, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  /** True: it never began. */
  bool withdraw() noexcept {
    uint32_t offered = kOffered;
    return state.compare_exchange_strong(offered, kIdle, std::memory_order_acquire,
                                         std::memory_order_acquire);
  }
  /** Sleeps until a call, even one whose offer was withdrawn meanwhile: the next job is near. */
  void park() noexcept {
    std::unique_lock<std::mutex> lock(mutex);
    parked.store(true, std::memory_order_seq_cst);
    wake.wait(lock, [this] { return called || state.load(std::memory_order_seq_cst) == kOffered; });
    called = false;
    parked.store(false, std::memory_order_relaxed);
  }
};

// Never destroyed: its threads are detached and may be parked while the process exits.
ThreadPool& ThreadPool::instance() {
  static ThreadPool& pool = *new ThreadPool;
  return pool;
}

ThreadPool::ThreadPool() : threads_(default_threads()), cpus_(available_cpus()) {}

int default_threads() {
  const char* text = std::getenv("NABLA_THREADS");
  if (!text || !*text) return std::min(available_cpus(), kMaxThreads);
  char* end = nullptr;
  const long threads = std::strtol(text, &end, 10);
  if (*end != '\0' || threads < 1 || threads > kMaxThreads) {
    throw Error(ErrorCode::argument, expected("an integer from 1 to " + std::to_string(kMaxThreads),
                                              "NABLA_THREADS", "\"" + std::string(text) + "\""));
  }
  return static_cast<int>(threads);
}

void ThreadPool::set_threads(int threads) {
  if (threads < 1 || threads > kMaxThreads) {
    throw Error(ErrorCode::argument, expected("an integer from 1 to " + std::to_string(kMaxThreads),
                                              "threads", std::to_string(threads)));
  }
  threads_.store(threads, std::memory_order_relaxed);
}

// Workers beyond a lowered setThreads stay parked. False: the system gave no thread; fewer do the work.
bool ThreadPool::grow(int workers) noexcept {
  try {
    workers_.reserve(static_cast<size_t>(workers));
    while (static_cast<int>(workers_.size()) < workers) {
      if (workers_.empty()) pin_library();
      auto worker = std::make_unique<Worker>();
      worker->scratch = allocate_zeroed(kScratchBytes);
      Worker* raw = worker.get();
      workers_.push_back(std::move(worker));
      try {
        std::thread([this, raw] { work(*raw); }).detach();
      } catch (...) {  // std::system_error: no more threads
        release_memory(raw->scratch, kScratchBytes);
        workers_.pop_back();
        throw;
      }
    }
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void ThreadPool::work(Worker& worker) noexcept {
  const FlushDenormals flush(true);
  for (;;) {
    const bool crowded = threads() > cpus_;  // then spinning takes the CPU from who has work
    const auto offered = [&] { return worker.state.load(std::memory_order_relaxed) == kOffered; };
    if (!spin(crowded ? std::chrono::microseconds(0) : kIdleSpin, offered)) worker.park();
    if (!worker.take()) continue;
    take_tasks(worker.scratch, false);
    worker.state.store(kIdle, std::memory_order_release);
  }
}

// The caller begins with the first share of the tasks and the workers with what follows it; whoever is
// through with his own goes on where the other would come last. So each begins where he did at the last call
// of the same kernel, whose operands may still be in his cache, and neighbouring tasks follow each other.
// A ticket a task: whatever the order, the tasks of both sides never meet.
void ThreadPool::take_tasks(void* scratch, bool caller) noexcept {
  const int64_t tasks = job_.tasks, share = job_.caller_share;
  for (int64_t own = 0; job_.taken.fetch_add(1, std::memory_order_relaxed) < tasks; ++own) {
    const int64_t at = caller ? own : tasks - 1 - job_.workers_next.fetch_add(1, std::memory_order_relaxed);
    job_.function(job_.data, at < share ? at : tasks - 1 - (at - share), scratch);
  }
}

// Whether it pays to wake workers for this job. Only by the holder of busy_.
bool ThreadPool::wakes(double work) noexcept {
  if (work >= kWorthWaking) return true;
  const auto now = Clock::now();
  // Or jobs follow each other so closely that, once awake, it would stay awake.
  const bool close = now - last_small_job_ < kIdleSpin;
  last_small_job_ = now;
  return close;
}

void ThreadPool::wait_for(Worker& worker, double task) noexcept {
  const auto finished = [&] { return worker.state.load(std::memory_order_acquire) == kIdle; };
  if (spin(kSpin, finished)) return;
  const auto start = Clock::now();
  while (!spin(kSpin, finished)) std::this_thread::yield();
  const auto now = Clock::now();
  const auto waited = now - start;
  if (waited < kLeastStall || waited < std::chrono::nanoseconds(static_cast<int64_t>(kStalled * task)))
    return;
  const bool again = now - alone_until_ < 4 * alone_;
  alone_factor_ = again ? std::min(2 * alone_factor_, kMostAloneAfterStall) : kAloneAfterStall;
  alone_ = std::min<Clock::duration>(alone_factor_ * waited, kLongestAlone);
  alone_until_ = now + alone_;
  stalled_ = true;
}

void ThreadPool::run(int limit, int64_t tasks, double work, TaskFunction function, void* data,
                     void* scratch) noexcept {
  const int64_t wanted = std::min<int64_t>({limit, threads(), tasks});
  const auto alone = [&] {
    for (int64_t task = 0; task < tasks; ++task) function(data, task, scratch);
  };
  if (wanted <= 1 || work < kWorthThreads || busy_.load(std::memory_order_relaxed) ||
      busy_.exchange(true, std::memory_order_acquire)) {
    return alone();
  }
  if (stalled_) stalled_ = Clock::now() < alone_until_;
  if (stalled_) {
    busy_.store(false, std::memory_order_release);
    return alone();
  }
  job_.function = function;
  job_.data = data;
  job_.tasks = tasks;
  job_.caller_share = tasks / wanted;
  job_.taken.store(0, std::memory_order_relaxed);
  job_.workers_next.store(0, std::memory_order_relaxed);
  if (static_cast<int64_t>(workers_.size()) < wanted - 1) grow(static_cast<int>(wanted) - 1);
  const size_t helpers = std::min(workers_.size(), static_cast<size_t>(wanted - 1));
  const bool wake = wakes(work);
  for (size_t i = 0; i < helpers; ++i) {
    if (wake || !workers_[i]->parked.load(std::memory_order_relaxed)) workers_[i]->offer();
  }
  take_tasks(scratch, true);
  for (size_t i = 0; i < helpers; ++i) {
    if (!workers_[i]->withdraw()) wait_for(*workers_[i], work / static_cast<double>(tasks));
  }
  busy_.store(false, std::memory_order_release);
}

void run_tasks(Context& context, int64_t tasks, double work, TaskFunction function, void* data) {
  if (tasks <= 1 || context.threads <= 1) {
    for (int64_t task = 0; task < tasks; ++task) function(data, task, context.scratch);
    return;
  }
  if (work >= kWorthThreads) context.shareable = true;
  static_cast<ThreadPool*>(context.pool)->run(context.threads, tasks, work, function, data, context.scratch);
}

}  // namespace nabla
