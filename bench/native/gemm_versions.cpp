// gemm of several versions of a unit of native/isa/, in turn within one process, block by block of a
// millisecond: what differs by a per cent shows, where runs one after the other differ by three.
//   gemm_versions [--isa=avx2] [--threads=1|2] [--rounds=N] [--places=N] [--blocks=N] [--activation=N]
//   [--combine=N] LIBRARY...
//     OPERATION:BATCHxOUTxIN...
// A line a shape (gemm_cases.h): GFLOP/s of the best block of each version; its share of the machine's limit,
// both by the fifth sixth of all blocks; time of the first version over that of each other one, by the same
// and by the median of blocks that were measured one after the other; and by the median of those among them
// in which the first version took a quarter longer than by the fifth sixth, if there are any: another thread
// had its share of the core then. Places as in gemm_bench; activation: a row of pointwise.inc, from 0.
//
// A version is a unit as a library, of as many trees as are to be compared, with the flags of binding.gyp:
//   c++ -std=c++17 -O3 -ffp-contract=off -falign-functions=64 -falign-loops=32
//     -shared -fPIC -Wl,-Bsymbolic TREE/native/isa/avx2.cpp -o build/NAME.so
//   c++ -O2 -std=c++17 bench/native/gemm_versions.cpp -rdynamic -pthread -ldl -o build/gemm_versions
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "gemm_cases.h"
#include "peak.h"

namespace nabla {
namespace {

struct Version {
  std::string name;
  Kernel gemm;
  std::vector<double> seconds, ratios;  // of each block; of the first version's to it
  double logarithms = 0;                // of ratios, all shapes
};

/** The value that this part of all are below. */
double quantile(std::vector<double> values, double part) {
  const size_t n =
      std::min(values.size() - 1, static_cast<size_t>(part * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(n), values.end());
  return values[n];
}

int run(int count, char** values) {
  const auto number = [=](const char* name, const char* otherwise) {
    return std::atoi(option(count, values, name, otherwise));
  };
  const std::string isa = option(count, values, "--isa=", "avx2");
  const int threads = number("--threads=", "1"), rounds = number("--rounds=", "3"),
            places = number("--places=", "2"), blocks = number("--blocks=", "4");
  constexpr double kBlock = 1e-3, kQuiet = 1. / 6;

  std::vector<Version> versions;
  std::vector<std::string> shapes;
  const std::string symbol = "_ZN5nabla" + std::to_string(isa.size()) + isa + "5tableE";
  for (int i = 1; i < count; i++) {
    const std::string value = values[i];
    if (value[0] == '-') continue;
    if (value.find(':') != std::string::npos) {
      shapes.push_back(value);
      continue;
    }
    void* const library = dlopen(value.c_str(), RTLD_NOW | RTLD_LOCAL);
    const void* const table = library ? dlsym(library, symbol.c_str()) : nullptr;
    if (!table) {
      std::fprintf(stderr, "Expected libraries of %s but %s\n", isa.c_str(), dlerror());
      return 1;
    }
    const size_t slash = value.rfind('/') + 1;
    versions.push_back({value.substr(slash, value.rfind('.') - slash),
                        static_cast<const KernelTable*>(table)->kernels[0],
                        {},
                        {}});
  }
  if (versions.empty() || shapes.empty()) {
    std::fprintf(stderr,
                 "Expected libraries and shapes, such as build/before.so build/after.so NN:128x512x784\n");
    return 1;
  }

  const Memory memory;
  Context context{};
  context.threads = threads;
  context.scratch = memory.scratch;
  if (threads > 1) helper.start();
  const int combine = number("--combine=", "-1");
  const double parameters[] = {1, 0, static_cast<double>(number("--activation=", "-1")), double(combine)};
  std::mt19937 random(1);
  for (const std::string& shape : shapes) {
    long batch, out, in;
    const int read = std::sscanf(shape.c_str() + shape.find(':'), ":%ldx%ldx%ld", &batch, &out, &in);
    const long room = static_cast<long>(kCount);
    if (read != 3 || batch * in > room || out * in > room || batch * out > room) {
      std::fprintf(stderr, "Expected NN:BATCHxOUTxIN of up to %ld numbers each but received %s\n", room,
                   shape.c_str());
      return 1;
    }
    Case product =
        make_case(shape.substr(0, shape.find(':')), batch, out, in, memory.of[0], memory.of[1], memory.of[2]);
    if (combine >= 0) product.operands[3] = product.operands[4], product.operands[3].data = memory.of[1];
    std::vector<double> limits;
    for (Version& v : versions) v.seconds.clear(), v.ratios.clear();
    for (int turn = 0; turn < places * rounds; turn++) {
      Case here = placed(product, random, kCount);
      const Call call = {here.operands, parameters, 4};
      const auto time = [&](Kernel gemm, int64_t times) {
        const double start = seconds();
        for (int64_t i = 0; i < times; i++) gemm(call, context);
        return (seconds() - start) / static_cast<double>(times);
      };
      time(versions[0].gemm, 1);
      const int64_t times =
          std::max<int64_t>(1, static_cast<int64_t>(kBlock / std::max(1e-8, time(versions[0].gemm, 1))));
      for (int block = 0; block < blocks; block++) {
        for (size_t i = 0; i < versions.size(); i++) {  // each begins as often as the others
          Version& v = versions[(i + static_cast<size_t>(block)) % versions.size()];
          time(v.gemm, 1);
          v.seconds.push_back(time(v.gemm, times));
        }
        for (Version& v : versions) v.ratios.push_back(versions[0].seconds.back() / v.seconds.back());
        limits.push_back(peak(isa));
      }
    }
    const double limit = quantile(limits, 1 - kQuiet), gflop = 1e-9 * product.flop;
    std::printf("%-20s", shape.c_str());
    for (Version& v : versions)
      std::printf(" %7.1f", gflop / *std::min_element(v.seconds.begin(), v.seconds.end()));
    std::printf("  |");
    for (Version& v : versions) std::printf(" %5.3f", gflop / quantile(v.seconds, kQuiet) / limit / threads);
    std::printf("  |");
    for (size_t i = 1; i < versions.size(); i++) {
      Version& v = versions[i];
      const double ratio = quantile(versions[0].seconds, kQuiet) / quantile(v.seconds, kQuiet);
      v.logarithms += std::log(ratio);
      std::printf(" %5.3f/%5.3f", ratio, quantile(v.ratios, 0.5));
      std::vector<double> busy;
      for (size_t block = 0; block < v.ratios.size(); block++)
        if (versions[0].seconds[block] > 1.25 * quantile(versions[0].seconds, kQuiet))
          busy.push_back(v.ratios[block]);
      if (!busy.empty()) std::printf("/%5.3f (%zu)", quantile(busy, 0.5), busy.size());
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  std::printf("geometric mean");
  for (size_t i = 1; i < versions.size(); i++)
    std::printf(" %s %.4f", versions[i].name.c_str(),
                std::exp(versions[i].logarithms / static_cast<double>(shapes.size())));
  std::printf("\n");
  if (threads > 1) {
    helper.generation = -1;
    helper.thread.join();
  }
  return 0;
}
}  // namespace
}  // namespace nabla

int main(int count, char** values) { return nabla::run(count, values); }
