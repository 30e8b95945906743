#include "thread_choice.h"

#include <algorithm>

namespace nabla {
namespace {

// The first steps of a program touch its memory for the first time and wake the workers.
constexpr int64_t kSettling = 10;
// After a change the first step finds its operands in other caches.
constexpr int64_t kUncounted = 1;
// Workers that have slept for tens of milliseconds take some more until they are worth anything: a virtual
// machine's processor comes back beside another one on the same core, and gets one of its own when it has
// been busy for a while. (Steps of 59 us took 60 to 85 for the first two to four, then 34; after a sleep of
// 10 ms, 34 at once.) So they have as much time, unless that costs too much.
constexpr double kWaking = 6e6, kMostLost = 2e6;  // ns
constexpr double kWindow = 0.5e6;                 // ns
constexpr int64_t kLeastSteps = 2;
// Longer steps are worth their threads, and a step alone, so many times as long at worst, would be felt.
constexpr double kBrief = 8e6, kLongestAlone = 64e6;  // ns
// What is better by less is not changed to: measurements differ by as much.
constexpr double kBetter = 0.97;
// Trying the other way may cost a sixtieth of the time after a change, since that may have been made in a bad
// moment; half of that after each try that changes nothing, a three-hundredth at last.
constexpr double kLeastPrice = 60, kMostPrice = 300;
constexpr double kLeastRest = 20e6;  // ns
// Looking how long steps take as they are costs nothing. When they take longer than the other way took at
// last, it is tried again without waiting.
constexpr double kBetweenLooks = 50e6;  // ns
// The last window says so much of what is known of a way, and a step that waited for something else
// altogether is not believed at once.
constexpr double kWeight = 0.4, kMostBelieved = 3;

}  // namespace

int ThreadChoice::threads(int most) noexcept {
  if (most != most_) {
    *this = {};
    most_ = most;
    unmeasured_ = kSettling;
    waking_ = kWaking;
    price_ = kLeastPrice;
  }
  return now_alone_ != trying_ ? 1 : most;
}

void ThreadChoice::took(double nanoseconds, bool shareable) noexcept {
  of_use_ = shareable;
  sum_ += nanoseconds;
  ++steps_;
  if (waking_ > 0) {
    waking_ -= nanoseconds;
    if (trying_) lost_ += nanoseconds - alone_.step;
    if (lost_ <= kMostLost) {
      if (waking_ <= 0) sum_ = 0, steps_ = 0;
      return;
    }
    waking_ = 0;
  }
  if (sum_ >= kWindow && steps_ >= kLeastSteps) end_window();
}

void ThreadChoice::Way::measured(double mean) noexcept {
  if (step == 0) {
    step = mean;
  } else {
    step += kWeight * (std::min(mean, kMostBelieved * step) - step);
  }
}

void ThreadChoice::end_window() noexcept {
  const double mean = sum_ / static_cast<double>(steps_);
  const double steps = static_cast<double>(steps_ + kUncounted);
  sum_ = 0;
  steps_ = 0;
  (now_alone_ != trying_ ? alone_ : together_).measured(mean);
  const double present = now_alone_ ? alone_.step : together_.step;
  const double other = now_alone_ ? together_.step : alone_.step;
  const bool seems_better = other > 0 && other < kBetter * present;
  if (trying_) {
    trying_ = false;
    if (seems_better) now_alone_ = !now_alone_;
    until_try_ = std::max(kLeastRest, price_ * (std::max(lost_, 0.0) + (mean - present) * steps));
    price_ = seems_better ? kLeastPrice : std::min(2 * price_, kMostPrice);
  } else if ((until_try_ <= 0 || seems_better) && present <= kBrief &&
             (now_alone_ || present * most_ <= kLongestAlone)) {
    trying_ = true;
    unmeasured_ = kUncounted;
    waking_ = now_alone_ ? kWaking : 0;
    lost_ = 0;
    return;
  }
  const double rest = std::min(std::max(until_try_, kLeastRest), kBetweenLooks);
  until_try_ -= rest;
  unmeasured_ = static_cast<int64_t>(rest / present);
}

}  // namespace nabla
