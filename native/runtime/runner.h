// The engine's own threads for asynchronous runs: never a thread of libuv's pool.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "program.h"

namespace nabla {

/** One submitted run. Whoever submits it keeps a share until `done` was called. */
struct RunJob {
  std::shared_ptr<Program> program;
  int64_t steps = 0;
  int threads = 1;
  const void* owner = nullptr;                          // whose jobs cancel_all ends
  void (*done)(std::shared_ptr<RunJob> job) = nullptr;  // on a runner's thread, after the run
  void* context = nullptr;                              // of done
  RunStatus status;
  std::string error;  // not empty: nothing ran, for want of memory
};

/** Queues a job whose program was submitted. Jobs begin in order; several run at once, each on a
 *  thread of its own, and buffers' gates order what they share. Throws Error(memory) when the
 *  system gives no thread at all. */
void start_job(std::shared_ptr<RunJob> job);

/** Takes the owner's waiting jobs from the queue (without `done`), interrupts those that run, and
 *  returns when none is left. */
void cancel_jobs(const void* owner);

}  // namespace nabla
