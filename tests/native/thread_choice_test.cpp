// The choice between one thread and several, against machines whose steps take made-up times.
#include "../../native/runtime/thread_choice.h"

#include <functional>

#include "check.h"

using namespace nabla;

namespace {

constexpr int kThreads = 4;
constexpr double kSecond = 1e9;

struct Step {
  bool alone, measured, changed;  // from together to alone or back
  double now;                     // nanoseconds since the beginning
};
/** What a step takes, in nanoseconds. */
using Machine = std::function<double(const Step&)>;

struct Result {
  double alone = 0, together = 0;  // nanoseconds spent
  double steps = 0;
  double mean() const { return (alone + together) / steps; }
  double part_alone() const { return alone / (alone + together); }
};

/** Steps until `until`; the clock goes on from the last call. */
Result run(ThreadChoice& choice, double& now, double until, const Machine& machine) {
  Result result;
  bool before = false;
  while (now < until) {
    const int threads = choice.threads(kThreads);
    const bool measures = choice.measures(), alone = threads == 1;
    const double took = machine({alone, measures, alone != before, now});
    before = alone;
    if (measures) choice.took(took, true);
    now += took;
    (alone ? result.alone : result.together) += took;
    ++result.steps;
  }
  return result;
}

Result run(double seconds, const Machine& machine) {
  ThreadChoice choice;
  double now = 0;
  return run(choice, now, seconds * kSecond, machine);
}

/** The first `burst` of every `period` somebody else is at work. */
bool in_burst(double now, double period, double burst) {
  return now - period * static_cast<double>(static_cast<int64_t>(now / period)) < burst;
}

void test_better_together() {
  for (const double step : {5e3, 1e5, 1.5e6, 3e6}) {
    const Result result = run(20, [&](const Step& it) { return it.alone ? 1.8 * step : step; });
    CHECK(result.alone > 0);
    CHECK(result.part_alone() < 0.02);
    CHECK(result.mean() < 1.005 * step);
  }
}

void test_better_alone() {
  for (const double step : {5e3, 1e5, 1.5e6}) {
    const Result result = run(20, [&](const Step& it) { return it.alone ? step : 1.5 * step; });
    CHECK(result.mean() < 1.01 * step);
    CHECK(result.part_alone() > 0.97);
  }
}

void test_follows_the_machine() {
  ThreadChoice choice;
  double now = 0;
  const auto quiet = [](const Step& it) { return it.alone ? 150e3 : 100e3; };
  const auto crowded = [](const Step& it) { return it.alone ? 150e3 : 220e3; };
  CHECK(run(choice, now, 1 * kSecond, quiet).mean() < 102e3);
  run(choice, now, 1.3 * kSecond, crowded);  // long enough to see it
  CHECK(run(choice, now, 3 * kSecond, crowded).mean() < 153e3);
  run(choice, now, 3.7 * kSecond, quiet);
  CHECK(run(choice, now, 5 * kSecond, quiet).mean() < 103e3);
}

// Trying costs much where steps are long and gain much; what is seen without trying need not wait for that.
void test_sees_a_crowd_soon() {
  ThreadChoice choice;
  double now = 0;
  const auto quiet = [](const Step& it) { return it.alone ? 4.3e6 : 2.2e6; };
  const auto crowded = [](const Step& it) { return it.alone ? 4.3e6 : 5e6; };
  run(choice, now, 4 * kSecond, quiet);
  run(choice, now, 4.3 * kSecond, crowded);
  CHECK(run(choice, now, 5.3 * kSecond, crowded).mean() < 4.35e6);
}

// Somebody works for a while and sleeps for a while: only the mean of many moments tells.
void test_bursts() {
  for (const double period : {0.1e6, 2e6, 8e6}) {
    const Result result = run(20, [&](const Step& it) {
      if (it.alone) return 146e3;
      return in_burst(it.now, period, period / 2) ? 300e3 : 100e3;
    });
    CHECK(result.mean() < 1.15 * 146e3);
  }
}

// One moment of nothing, as when a machine is moved, is not taken for a habit.
void test_one_stall() {
  for (const bool of_alone : {false, true}) {
    bool stalled = false;
    const Result result = run(2, [&](const Step& it) {
      if (!stalled && it.measured && it.now > 1 * kSecond && it.alone == of_alone) {
        stalled = true;
        return 20e6;
      }
      return it.alone ? 150e3 : 100e3;
    });
    CHECK(stalled);
    CHECK((result.alone + result.together - 20e6) / result.steps < 101.5e3);
  }
}

// After a change the operands lie in other caches: that is no reason against it.
void test_step_after_a_change() {
  const Result result =
      run(20, [](const Step& it) { return (it.alone ? 300e3 : 340e3) + (it.changed ? 200e3 : 0); });
  CHECK(result.part_alone() > 0.9);
}

/** Workers that have slept for 20 ms take 4 ms until they are worth anything. */
struct SlowToWake {
  double slept = kSecond, waking = 0;

  double operator()(const Step& it) {
    if (it.alone) {
      slept += 58e3;
      return 58e3;
    }
    if (slept > 20e6) waking = 4e6;
    slept = 0;
    const double took = waking > 0 ? 66e3 : 34e3;
    waking -= took;
    return took;
  }
};

// A virtual machine's processors: tried for less than that, threads would seem to be of no use for ever.
void test_workers_that_wake_slowly() {
  CHECK(run(20, SlowToWake{}).mean() < 34.5e3);
  CHECK(run(0.1, SlowToWake{}).mean() < 37e3);  // from the first verdict on
  ThreadChoice choice;
  double now = 0;
  run(choice, now, 1 * kSecond, [](const Step& it) { return it.alone ? 58e3 : 120e3; });
  const Machine quiet = SlowToWake{};
  run(choice, now, 4 * kSecond, quiet);
  CHECK(run(choice, now, 6 * kSecond, quiet).mean() < 35e3);
}

// Nor is it for long what the first moments were like.
void test_a_crowd_at_the_beginning() {
  ThreadChoice choice;
  double now = 0;
  run(choice, now, 0.05 * kSecond, [](const Step& it) { return it.alone ? 58e3 : 120e3; });
  const Machine quiet = SlowToWake{};
  run(choice, now, 0.4 * kSecond, quiet);
  CHECK(run(choice, now, 0.6 * kSecond, quiet).mean() < 37e3);
}

void test_long_steps_are_not_tried_alone() {
  // with many threads it could take as many times as long
  ThreadChoice choice;
  for (int i = 0; i < 10000; ++i) {
    if (choice.threads(64) != 64) CHECK(false);
    if (choice.measures()) choice.took(2e6, true);
  }
  CHECK(run(20, [](const Step& it) { return it.alone ? 50e6 : 9e6; }).alone == 0);
}

void test_nothing_to_share() {
  ThreadChoice choice;
  int measured = 0;
  for (int i = 0; i < 100000; ++i) {
    if (choice.threads(kThreads) != kThreads) CHECK(false);
    if (choice.measures()) {
      ++measured;
      choice.took(1e3, false);
    }
  }
  CHECK(measured == 1);
}

/** Few steps are measured, so that asking the time costs nothing, also when there is nothing to choose. */
void test_most_steps_pass() {
  for (const double alone : {14e3, 24e3}) {
    double measured = 0;
    const Result result = run(20, [&](const Step& it) {
      if (it.measured) ++measured;
      return it.alone ? alone : 14e3;
    });
    CHECK(measured > 1000);
    CHECK(measured < 0.06 * result.steps);
  }
}

void test_another_number_of_threads() {
  ThreadChoice choice;
  double now = 0;
  run(choice, now, 1 * kSecond, [](const Step& it) { return it.alone ? 1e5 : 2e5; });
  CHECK(choice.threads(kThreads) == 1);
  CHECK(choice.threads(2) == 2);  // nothing is known of these
}

}  // namespace

int main() {
  test_better_together();
  test_better_alone();
  test_follows_the_machine();
  test_sees_a_crowd_soon();
  test_bursts();
  test_one_stall();
  test_step_after_a_change();
  test_workers_that_wake_slowly();
  test_a_crowd_at_the_beginning();
  test_long_steps_are_not_tried_alone();
  test_nothing_to_share();
  test_most_steps_pass();
  test_another_number_of_threads();
  return test::finish();
}
