// What one JavaScript environment (the main thread's or a worker's) keeps: its asynchronous runs.
#pragma once
#include <napi.h>

#include <memory>

#include "../runtime/runner.h"

namespace nabla {

/** Instance data. When the environment ends it interrupts its runs and waits for the step that is
 *  being run; their promises stay as they are. */
class Environment {
 public:
  static void create(Napi::Env env);
  static Environment& of(napi_env env);

  /** Starts a run whose program was submitted; the promise resolves to the completed steps. */
  Napi::Value start(Napi::Env env, std::shared_ptr<Program> program, int64_t steps, int threads);

 private:
  struct Pending;
  void open_channel(Napi::Env env);
  static void run_ended(std::shared_ptr<RunJob> job);
  static void settle(napi_env env, napi_value, void* self, void* data);
  static void close(void* self);

  napi_threadsafe_function channel_ = nullptr;  // from the runners' threads to this one
  int running_ = 0;
};

}  // namespace nabla
