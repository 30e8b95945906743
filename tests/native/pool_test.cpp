// The thread pool and the gates of buffers, under as many threads as may come.
#include <atomic>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "../../native/runtime/gate.h"
#include "../../native/runtime/memory.h"
#include "../../native/runtime/thread_pool.h"
#include "check.h"

using namespace nabla;

namespace {

Context make_context(int threads) {
  const ThreadMemory& memory = thread_memory();
  return {&ThreadPool::instance(), threads, memory.scratch, memory.partials, Failure::none, 0};
}

constexpr double kMuchWork = 1e6;  // ns: worth threads

struct Counts {
  std::vector<std::atomic<int>> done;
  explicit Counts(size_t n) : done(n) {}
  static void task(void* data, int64_t task, void* scratch) {
    auto& counts = *static_cast<Counts*>(data);
    std::memset(scratch, static_cast<int>(task), 64);
    counts.done[static_cast<size_t>(task)]++;
  }
  bool each(int wanted) const {
    for (const auto& count : done) {
      if (count != wanted) return false;
    }
    return true;
  }
};

void test_every_task_once() {
  for (const int threads : {1, 2, 3, 8, 16}) {
    ThreadPool::instance().set_threads(threads);
    for (const int64_t tasks : {0, 1, 2, 3, 7, 64, 1000}) {
      Counts counts(static_cast<size_t>(tasks));
      Context context = make_context(threads);
      for (int repeat = 0; repeat < 20; ++repeat) run_tasks(context, tasks, kMuchWork, Counts::task, &counts);
      CHECK(counts.each(20));
    }
  }
}

struct Who {
  std::atomic<int> elsewhere{0};
  std::thread::id caller = std::this_thread::get_id();
  static void task(void* data, int64_t, void*) {
    auto& who = *static_cast<Who*>(data);
    if (std::this_thread::get_id() != who.caller) who.elsewhere++;
  }
  static void slow_task(void* data, int64_t task_number, void* scratch) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    task(data, task_number, scratch);
  }
  /** Slow in a worker; the caller waits until one has begun. */
  static void slow_elsewhere(void* data, int64_t task_number, void* scratch) {
    auto& who = *static_cast<Who*>(data);
    if (std::this_thread::get_id() != who.caller) {
      task(data, task_number, scratch);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    } else {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
      while (who.elsewhere == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    }
  }
};

/** Longer than any stall makes a caller work alone; threads beyond the CPUs of this machine stall often. */
void forget_stalls() { std::this_thread::sleep_for(std::chrono::milliseconds(250)); }

void test_small_work_stays() {
  ThreadPool::instance().set_threads(4);
  Who who;
  Context context = make_context(4);
  for (int i = 0; i < 1000; ++i) run_tasks(context, 8, 500, Who::task, &who);
  CHECK(who.elsewhere == 0);
  context.threads = 1;
  run_tasks(context, 8, kMuchWork, Who::task, &who);
  CHECK(who.elsewhere == 0);
  forget_stalls();
  context.threads = 4;
  run_tasks(context, 32, kMuchWork, Who::slow_task, &who);
  CHECK(who.elsewhere > 0);
}

// A worker that takes much longer than its task should has lost its CPU: the caller works alone for some
// time.
void test_stalled_worker() {
  ThreadPool::instance().set_threads(2);
  forget_stalls();
  Context context = make_context(2);
  Who stalled;
  run_tasks(context, 2, kMuchWork, Who::slow_elsewhere, &stalled);
  CHECK(stalled.elsewhere == 1);
  Who after;
  for (int i = 0; i < 10; ++i) run_tasks(context, 8, kMuchWork, Who::task, &after);
  CHECK(after.elsewhere == 0);
  forget_stalls();
  Who later;
  run_tasks(context, 32, kMuchWork, Who::slow_task, &later);
  CHECK(later.elsewhere > 0);
}

void test_many_callers() {
  ThreadPool::instance().set_threads(3);
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&right] {
      Context context = make_context(3);
      Counts counts(50);
      for (int i = 0; i < 200; ++i) run_tasks(context, 50, kMuchWork, Counts::task, &counts);
      if (counts.each(200)) ++right;
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(right == 6);
}

struct Scratches {
  std::atomic<int> wrong{0};
  static void task(void* data, int64_t task, void* scratch) {
    auto* words = static_cast<volatile int64_t*>(scratch);
    for (int round = 0; round < 50; ++round) {
      for (int i = 0; i < 64; ++i) words[i] = task;
      for (int i = 0; i < 64; ++i) {
        if (words[i] != task) static_cast<Scratches*>(data)->wrong++;
      }
    }
  }
};

void test_scratch_is_private() {
  ThreadPool::instance().set_threads(4);
  Scratches scratches;
  Context context = make_context(4);
  for (int i = 0; i < 50; ++i) run_tasks(context, 40, kMuchWork, Scratches::task, &scratches);
  CHECK(scratches.wrong == 0);
  CHECK(reinterpret_cast<uintptr_t>(context.scratch) % 64 == 0);
}

struct Nested {
  Context* context;
  Counts* counts;
  static void task(void* data, int64_t, void*) {
    auto& nested = *static_cast<Nested*>(data);
    Context inner = make_context(4);
    run_tasks(inner, 10, kMuchWork, Counts::task, nested.counts);
  }
};

void test_nested() {
  ThreadPool::instance().set_threads(4);
  Counts counts(10);
  Nested nested{nullptr, &counts};
  Context context = make_context(4);
  run_tasks(context, 5, kMuchWork, Nested::task, &nested);
  CHECK(counts.each(5));
}

void test_after_idle() {
  ThreadPool::instance().set_threads(2);
  for (int i = 0; i < 20; ++i) {  // the workers have parked
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    Counts counts(8);
    Context context = make_context(2);
    run_tasks(context, 8, kMuchWork, Counts::task, &counts);
    CHECK(counts.each(1));
  }
}

void test_limits() {
  REFUSES("1 to 256|threads|0", ThreadPool::instance().set_threads(0));
  REFUSES("1 to 256|threads|257", ThreadPool::instance().set_threads(257));
}

// One writer in many steps, readers beside it: nobody is inside with the writer, nobody starves.
void test_gate() {
  Gate gate;
  std::atomic<int> inside{0}, clashes{0}, reads{0};
  std::atomic<bool> stop{false};
  int64_t writes = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        gate.read();
        ++inside;
        if (inside >= 1000) ++clashes;
        --inside;
        gate.end_read();
        ++reads;
      }
    });
  }
  CHECK(gate.claim());
  CHECK(!gate.claim());
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  while (std::chrono::steady_clock::now() < end) {
    gate.write();
    if (inside.fetch_add(1000) != 0) ++clashes;
    inside -= 1000;
    gate.end_write(true);
    ++writes;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(clashes == 0);
  CHECK(writes > 20);
  CHECK(reads > 20);
  gate.unclaim();
  CHECK(gate.try_claim_and_write());
  CHECK(!gate.try_read());
  gate.end_write(false);
  CHECK(!gate.claimed() && !gate.wanted());
}

}  // namespace

int main() {
  test_every_task_once();
  test_small_work_stays();
  test_stalled_worker();
  test_many_callers();
  test_scratch_is_private();
  test_nested();
  test_after_idle();
  test_limits();
  test_gate();
  return test::finish();
}
