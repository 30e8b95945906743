// How fast gemm is: GFLOP/s a shape, beside the machine's multiply-add peak measured in between.
//   gemm_bench [--isa=NAME] [--threads=1|2] [--filter=TEXT] [--rounds=N] [--cold=N] [--places=N]
// cold: N copies of all operands in turn, as the layers of a deep network come, so that they are found in
// the last cache or in memory.
// places: a round moves the operands to N other places in turn. Which sets of the second and the third cache
// they share there is up to the pages of the system (in a virtual machine even within large ones), and the
// same product may be a fifth slower than elsewhere; gflops_low is the slowest, gflops_mean goes by the time
// of all. Not together with cold.
// Built against the library that `npm run build` leaves:
//   c++ -O2 -std=c++17 bench/native/gemm_bench.cpp build/Release/engine.a -pthread -ldl -o build/gemm_bench
//
// One JSON line a shape. Shapes are batch x out x in of a dense layer, weights stored (in, out):
//   NN  y = x w     NT  dx = dy wT     TN  dw = xT dy
// and as this library keeps weights, (out, in):
//   LF  y = x wT    LX  dx = dy w      LW  dw = dyT x
// Rounds of all shapes are interleaved and the best block of each counts: the machine is shared.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "../../native/dispatch.h"
#include "../../native/kernels/call.h"
#include "peak.h"

namespace nabla {
namespace {

/** 64-byte aligned memory, in large pages where the system gives them, as the runtime's buffers are. */
void* allocate(size_t bytes) {
  constexpr size_t kPage = size_t{2} << 20;
  void* const memory = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
#if defined(__linux__)
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

/** A helper thread that spins for work, so that two threads can be measured without the runtime. */
struct Helper {
  std::atomic<int64_t> next{0}, finished{0}, tasks{0};
  std::atomic<int> generation{0}, left{0};  // of run_tasks: begun, left by the helper
  TaskFunction function = nullptr;
  void* data = nullptr;
  void* scratch = allocate(kScratchBytes);
  std::thread thread;

  void work(void* own) {
    for (int64_t t; (t = next.fetch_add(1)) < tasks.load();) {
      function(data, t, own);
      finished.fetch_add(1);
    }
  }
  void start() {
    thread = std::thread([this] {
      for (int seen = 0; seen >= 0;) {
        const int now = generation.load(std::memory_order_acquire);
        if (now < 0) return;
        if (now != seen) {
          seen = now;
          work(scratch);
          left.store(now, std::memory_order_release);
        }
      }
    });
  }
} helper;
}  // namespace

void run_tasks(Context& context, int64_t tasks, double, TaskFunction function, void* data) {
  if (context.threads < 2 || tasks < 2) {
    for (int64_t t = 0; t < tasks; t++) function(data, t, context.scratch);
    return;
  }
  helper.function = function;
  helper.data = data;
  helper.finished = 0;
  helper.next = 0;
  helper.tasks = tasks;
  helper.generation.fetch_add(1, std::memory_order_release);
  helper.work(context.scratch);
  // A helper that is still looking for tasks would take one of the next call's.
  while (helper.finished.load() < tasks ||
         helper.left.load(std::memory_order_acquire) != helper.generation.load()) {
  }
}

namespace {
struct Shape {
  const char* operation;
  int64_t batch, out, in;
  std::vector<double> seconds;  // of the best block at every place and round
};

Operand matrix(float* memory, int64_t rows, int64_t columns, bool transposed) {
  Operand x{};
  x.data = memory;
  x.rank = 3;
  x.dtype = DType::f32;
  x.shape[0] = 1, x.shape[1] = rows, x.shape[2] = columns;
  x.stride[0] = rows * columns;
  x.stride[1] = transposed ? 1 : columns;
  x.stride[2] = transposed ? rows : 1;
  return x;
}

struct Case {
  Operand operands[5] = {};
  double flop;
};

Case make_case(const Shape& s, float* a, float* w, float* c) {
  Case result;
  const std::string op = s.operation;
  int64_t m = s.batch, n = s.out, k = s.in;
  if (op == "NT" || op == "LX") n = s.in, k = s.out;
  if (op == "TN") m = s.in, n = s.out, k = s.batch;
  if (op == "LW") m = s.out, n = s.in, k = s.batch;
  result.operands[0] = matrix(a, m, k, op == "TN" || op == "LW");
  result.operands[1] = matrix(w, k, n, op == "NT" || op == "LF");
  result.operands[4] = matrix(c, m, n, false);
  result.flop = 2.0 * m * n * k;
  return result;
}

/** The same product on the copy of its operands with this number. */
Case copy_of(Case c, int64_t copy, size_t room) {
  for (Operand& x : c.operands) {
    if (!x.data) continue;
    const size_t size = static_cast<size_t>(x.shape[1] * x.shape[2] + 63) / 64 * 64;
    x.data = static_cast<float*>(x.data) + static_cast<size_t>(copy) * size % (room - size + 1) / 64 * 64;
  }
  return c;
}

/** The same product with its operands elsewhere in memory that has room for so many Reals. */
Case placed(Case c, std::mt19937& random, size_t room) {
  constexpr size_t kStep = (size_t{2} << 20) / sizeof(float);
  for (Operand& x : c.operands) {
    if (!x.data) continue;
    const size_t size = static_cast<size_t>(x.shape[1] * x.shape[2]);
    x.data = static_cast<float*>(x.data) + random() % ((room - size) / kStep + 1) * kStep;
  }
  return c;
}

double measure(Kernel gemm, Context& context, const std::vector<Case>& cases, double least) {
  const double parameters[] = {1, 0, -1, -1};
  size_t next = 0;
  const auto one = [&] {
    const Call call = {cases[next].operands, parameters, 4};
    gemm(call, context);
    next = next + 1 == cases.size() ? 0 : next + 1;
  };
  one();
  double start = seconds();
  one();
  const double once = std::max(seconds() - start, 1e-8);
  const int64_t times =
      std::max<int64_t>(static_cast<int64_t>(cases.size()), static_cast<int64_t>(least / once));
  double best = 1e9;
  for (int block = 0; block < 12; block++) {
    start = seconds();
    for (int64_t i = 0; i < times; i++) one();
    best = std::min(best, (seconds() - start) / times);
  }
  return best;
}

const char* option(int count, char** values, const char* name, const char* otherwise) {
  for (int i = 1; i < count; i++)
    if (!std::strncmp(values[i], name, std::strlen(name))) return values[i] + std::strlen(name);
  return otherwise;
}

int run(int count, char** values) {
  const std::string isa = option(count, values, "--isa=", active_isa().name),
                    filter = option(count, values, "--filter=", "");
  const int threads = std::atoi(option(count, values, "--threads=", "1"));
  const int copies = std::max(1, std::atoi(option(count, values, "--cold=", "1")));
  const int rounds = std::atoi(option(count, values, "--rounds=", "3"));
  const int places = std::max(1, std::atoi(option(count, values, "--places=", "1")));
  std::mt19937 random(1);
  if (places > 1 && copies > 1) {
    std::fprintf(stderr, "Expected either --places or --cold but received both\n");
    return 1;
  }
  const KernelTable& table = *find_isa(isa, "--isa").table;

  std::vector<Shape> shapes;
  const int64_t sizes[][3] = {
      {64, 64, 64},    {128, 128, 128},  {256, 256, 256},    {512, 512, 512},   {1024, 1024, 1024},
      {32, 512, 784},  {128, 512, 784},  {128, 10, 512},     {256, 1024, 1024}, {512, 4096, 1024},
      {64, 3072, 768}, {1, 1024, 1024},  {128, 256, 64},     {8192, 64, 576},   {25088, 32, 288},
      {100, 200, 300}, {61, 67, 71},     {4, 8, 2},          {32, 128, 784},    {32, 10, 128},
      {4, 512, 784},   {32, 1024, 256},  {64, 256, 256},     {128, 256, 512},   {128, 512, 512},
      {127, 509, 773}, {333, 997, 211},  {2048, 2048, 2048}, {200, 34, 256},    {200, 100, 256},
      {130, 130, 130}, {256, 300, 1024}, {512, 512, 16},     {32, 1024, 64},    {32, 64, 512}};
  for (auto& s : sizes)
    for (const char* op : {"NN", "NT", "TN", "LF", "LX", "LW"}) {
      char name[64];
      std::snprintf(name, sizeof name, "%s %ldx%ldx%ld", op, long(s[0]), long(s[1]), long(s[2]));
      if (std::strstr(name, filter.c_str())) shapes.push_back({op, s[0], s[1], s[2]});
    }
  constexpr size_t kCount = 16 << 20;
  float *a = static_cast<float*>(allocate(4 * kCount)), *w = static_cast<float*>(allocate(4 * kCount)),
        *c = static_cast<float*>(allocate(4 * kCount));
  for (size_t i = 0; i < kCount; i++)
    a[i] = w[i] = c[i] = float((i * 2654435761u >> 16) & 255) / 256.f - 0.5f;
  Context context{};
  context.threads = threads;
  context.scratch = allocate(kScratchBytes);
  if (threads > 1) helper.start();
  double top = 0;
  for (int round = 0; round < rounds; round++)
    for (Shape& s : shapes) {
      top = std::max(top, peak(isa));
      for (int place = 0; place < places; place++) {
        std::vector<Case> cases = {make_case(s, a, w, c)};
        for (int copy = 1; copy < copies; copy++) cases.push_back(copy_of(cases[0], copy, kCount));
        if (places > 1)
          for (Case& one : cases) one = placed(one, random, kCount);
        s.seconds.push_back(measure(table.kernels[0], context, cases, 0.001));
      }
    }
  if (threads > 1) {
    helper.generation = -1;
    helper.thread.join();
  }
  for (Shape& s : shapes) {
    const double gflop = 2e-9 * s.batch * s.out * s.in;
    const auto [best, worst] = std::minmax_element(s.seconds.begin(), s.seconds.end());
    const double all = std::accumulate(s.seconds.begin(), s.seconds.end(), 0.0);
    std::printf(
        "{\"workload\":\"sgemm_%s_%ldx%ldx%ld\",\"peer\":\"nabla_%s\",\"threads\":%d,\"ms_min\":%.6f,"
        "\"gflops\":%.1f,\"gflops_mean\":%.1f,\"gflops_low\":%.1f,\"peak_1t\":%.1f}\n",
        s.operation, long(s.batch), long(s.out), long(s.in), isa.c_str(), threads, 1e3 * *best, gflop / *best,
        gflop * static_cast<double>(s.seconds.size()) / all, gflop / *worst, top);
  }
  std::free(context.scratch), std::free(a), std::free(w), std::free(c);
  return 0;
}
}  // namespace
}  // namespace nabla

int main(int count, char** values) { return nabla::run(count, values); }
