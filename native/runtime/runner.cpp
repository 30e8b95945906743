#include "runner.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "error.h"
#include "machine.h"
#include "memory.h"

namespace nabla {
namespace {

/** Enough for a few trainings and the predictions beside them; what comes above waits in order. */
constexpr int kMostRunners = 8;

class Runners {
 public:
  void start(std::shared_ptr<RunJob> job) {
    std::unique_lock<std::mutex> lock(mutex_);
    waiting_.push_back(std::move(job));
    if (idle_ >= static_cast<int>(waiting_.size()) || threads_ == kMostRunners || add_thread()) {
      wake_.notify_one();
      return;
    }
    if (threads_ > 0) return;  // one of those will come to it
    waiting_.pop_back();
    throw Error(ErrorCode::memory, "Expected a thread for an asynchronous run but the system refused it");
  }

  void cancel(const void* owner) {
    std::unique_lock<std::mutex> lock(mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      if ((*it)->owner != owner) {
        ++it;
        continue;
      }
      (*it)->program->cancel_submitted();
      it = waiting_.erase(it);
    }
    for (const auto& job : running_) {
      if (job->owner == owner) job->program->interrupt();
    }
    finished_.wait(lock, [&] {
      return std::none_of(running_.begin(), running_.end(),
                          [&](const auto& job) { return job->owner == owner; });
    });
  }

 private:
  bool add_thread() {
    try {
      if (threads_ == 0) pin_library();
      std::thread([this] { loop(); }).detach();
      ++threads_;
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  void loop() noexcept {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      ++idle_;
      wake_.wait(lock, [this] { return !waiting_.empty(); });
      --idle_;
      const auto place = running_.insert(running_.end(), std::move(waiting_.front()));
      waiting_.pop_front();
      lock.unlock();
      run(*place);
      lock.lock();
      running_.erase(place);
      finished_.notify_all();
    }
  }

  static void run(const std::shared_ptr<RunJob>& job) noexcept {
    try {
      thread_memory();  // may throw at a thread's first run only
      job->status = job->program->run_submitted(job->steps, job->threads);
    } catch (const Error& error) {
      job->program->cancel_submitted();
      job->error = error.what();
    }
    job->done(job);
  }

  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::deque<std::shared_ptr<RunJob>> waiting_;
  std::list<std::shared_ptr<RunJob>> running_;
  int idle_ = 0;
  int threads_ = 0;
};

// Never destroyed: its threads may wait while the process exits.
Runners& runners() {
  static Runners& instance = *new Runners;
  return instance;
}

}  // namespace

void start_job(std::shared_ptr<RunJob> job) { runners().start(std::move(job)); }
void cancel_jobs(const void* owner) { runners().cancel(owner); }

}  // namespace nabla
