// One pool of threads a process, shared by every program, environment and runner. It begins with
// the first work that is worth two threads.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "../kernels/call.h"

namespace nabla {

class ThreadPool {
 public:
  static ThreadPool& instance();

  int threads() const noexcept { return threads_.load(std::memory_order_relaxed); }
  /** Threads a run may use from now on, the caller's own included. */
  void set_threads(int threads);

  /** See run_tasks in call.h. `limit`: threads this caller may use. */
  void run(int limit, int64_t tasks, double work, TaskFunction function, void* data, void* scratch) noexcept;

 private:
  struct Worker;
  struct Job {
    TaskFunction function;
    void* data;
    int64_t tasks, caller_share;
    std::atomic<int64_t> taken, workers_next;
  };

  ThreadPool();
  bool grow(int workers) noexcept;
  void work(Worker& worker) noexcept;
  bool wakes(double work) noexcept;
  void wait_for(Worker& worker, double task) noexcept;
  void take_tasks(void* scratch, bool caller) noexcept;

  std::atomic<int> threads_;
  const int cpus_;
  std::atomic<bool> busy_{false};  // held by the caller whose job runs
  Job job_{};                      // written by the holder of busy_ while no worker is in it
  // Only by the holder of busy_:
  std::vector<std::unique_ptr<Worker>> workers_;
  std::chrono::steady_clock::time_point last_small_job_{}, alone_until_{};
  std::chrono::steady_clock::duration alone_{};
  int alone_factor_ = 0;
  bool stalled_ = false;
};

constexpr int kMaxThreads = 256;

/** NABLA_THREADS, else available_cpus(). Throws Error(argument) when the variable is not a number. */
int default_threads();

}  // namespace nabla
