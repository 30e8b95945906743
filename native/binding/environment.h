// What one JavaScript environment (the main thread's or a worker's) keeps: its asynchronous runs.
#pragma once
#include <napi.h>

#include <chrono>
#include <memory>

#include "../runtime/runner.h"

namespace nabla {

/** Instance data. When the environment ends it interrupts its runs and waits for the step that is
 *  being run; their promises stay as they are. */
class Environment {
 public:
  static void create(Napi::Env env);
  static Environment& of(napi_env env);

  /** Starts a run; the promise resolves to the completed steps. A step that takes less time than handing it
   *  over would is run at once, as long as such steps, one awaited after the other, do not keep the event
   *  loop from turning. */
  Napi::Value start(Napi::Env env, std::shared_ptr<Program> program, int64_t steps, int threads);

 private:
  struct Pending;
  using Clock = std::chrono::steady_clock;
  /** Longest step that is run at once, and the time that may pass with such steps before one is handed over.
   *  After a longer gap between two of them the event loop has turned, most likely. ns. */
  static constexpr double kBrief = 50e3, kBriefTogether = 500e3, kGap = 1e6;
  bool run_if_brief(Program& program, int threads);
  void open_channel(Napi::Env env);
  static void run_ended(std::shared_ptr<RunJob> job);
  static void settle(napi_env env, napi_value, void* self, void* data);
  static void close(void* self);

  napi_threadsafe_function channel_ = nullptr;  // from the runners' threads to this one
  int running_ = 0;
  double brief_ = 0;  // ns that have passed with steps run at once since the last that was handed over
  Clock::time_point last_brief_{};
};

}  // namespace nabla
