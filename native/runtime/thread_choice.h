// Whether the steps of a program gain from threads, found out by trying. What a job is worth is known before
// (run_tasks); what sharing it costs is not: caches of other cores, a core that somebody else works on.
// Steps have the same results either way.
#pragma once
#include <chrono>
#include <cstdint>

#include "../kernels/call.h"

namespace nabla {

class ThreadChoice {
 public:
  /** A step with as many threads as are of use, at most so many; step() says whether all of it was done. */
  template <class Step>
  void run(Context& context, int most, const Step& step) noexcept {
    using Clock = std::chrono::steady_clock;
    context.threads = threads(most);
    if (!measures()) {
      step();
      return;
    }
    context.shareable = context.threads == 1;  // it was, or it would not be tried
    const auto start = Clock::now();
    const bool done = step();
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    if (done) took(time.count(), context.shareable);
  }
  /** How many threads the next step should have, of at most so many. */
  int threads(int most) noexcept;
  /** Once before every step: whether took() is to follow. Most steps pass unmeasured. */
  bool measures() noexcept { return of_use_ && unmeasured_-- <= 0; }
  /** What the step took, in nanoseconds, and whether any of its work was worth two threads. */
  void took(double nanoseconds, bool shareable) noexcept;
  /** Whether both ways have been measured. */
  bool tried() const noexcept { return alone_.step > 0 && together_.step > 0; }

 private:
  /** Alone or together: nanoseconds of a step, by what was measured lately; 0: nothing yet. */
  struct Way {
    double step = 0;
    void measured(double mean) noexcept;
  };

  void end_window() noexcept;

  Way alone_, together_;
  bool now_alone_ = false;  // the better way, as far as is known
  bool trying_ = false;     // the other one, in this window
  double waking_ = 0;       // nanoseconds of steps until the workers are awake
  double lost_ = 0;         // by trying, while they were not; nanoseconds
  bool of_use_ = true;      // until a step has no work to share: the next will not have, either
  int most_ = 0;
  double until_try_ = 0;    // nanoseconds of steps
  double price_ = 0;        // of trying: so many times what it cost until the next
  int64_t unmeasured_ = 0;  // steps until the window goes on
  int64_t steps_ = 0;       // of the window
  double sum_ = 0;          // their nanoseconds
};

}  // namespace nabla
