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
// One JSON line a shape (gemm_cases.h). Rounds of all shapes are interleaved and the best block of each
// counts: the machine is shared.
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "../../native/dispatch.h"
#include "gemm_cases.h"
#include "peak.h"

namespace nabla {
namespace {
struct Shape {
  const char* operation;
  int64_t batch, out, in;
  std::vector<double> seconds;  // of the best block at every place and round
};

/** The same product on the copy of its operands with this number. */
Case copy_of(Case c, int64_t copy, size_t room) {
  for (Operand& x : c.operands) {
    if (!x.data) continue;
    const size_t size = static_cast<size_t>(x.shape[1] * x.shape[2] + 63) / 64 * 64;
    x.data = static_cast<float*>(x.data) + static_cast<size_t>(copy) * size % (room - size + 1) / 64 * 64;
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
  const Memory memory;
  Context context{};
  context.threads = threads;
  context.scratch = memory.scratch;
  if (threads > 1) helper.start();
  double top = 0;
  for (int round = 0; round < rounds; round++)
    for (Shape& s : shapes) {
      top = std::max(top, peak(isa));
      for (int place = 0; place < places; place++) {
        std::vector<Case> cases = {
            make_case(s.operation, s.batch, s.out, s.in, memory.of[0], memory.of[1], memory.of[2])};
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
  return 0;
}
}  // namespace
}  // namespace nabla

int main(int count, char** values) { return nabla::run(count, values); }
