// What this machine can do at most, as one line of JSON:   limits ISA THREADS
//   gflops             float32 multiply-adds in registers
//   memory: bytes      of an array (of each thread its share)
//           read       summing it, GB/s
//           copy       to another array, by ordinary or by streaming stores, whichever is faster
//           update     x = a x in place
// The arrays are plain memory of the process, as typed arrays are. The best of several rounds counts.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "peak.h"

namespace nabla {
namespace {

/** Runs body(thread) on all threads at once; seconds from start to the end of the last. */
template <class Body>
double together(int threads, const Body& body) {
  std::atomic<int> ready{0};
  std::vector<std::thread> others;
  const auto wait = [&] {
    ready++;
    while (ready < threads) std::this_thread::yield();
  };
  for (int t = 1; t < threads; t++)
    others.emplace_back([&, t] {
      wait();
      body(t);
    });
  wait();
  const double start = seconds();
  body(0);
  for (std::thread& other : others) other.join();
  return seconds() - start;
}

float sum(const float* x, size_t n) {
  typedef float Wide __attribute__((vector_size(16)));
  const Wide* p = reinterpret_cast<const Wide*>(x);
  Wide a = {}, b = {}, c = {}, d = {}, e = {}, f = {}, g = {}, h = {};
  for (size_t i = 0; i + 8 <= n / 4; i += 8) {
    a += p[i], b += p[i + 1], c += p[i + 2], d += p[i + 3];
    e += p[i + 4], f += p[i + 5], g += p[i + 6], h += p[i + 7];
  }
  const Wide all = (a + b + c + d) + (e + f + g + h);
  return all[0] + all[1] + all[2] + all[3];
}

void copy(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = x[i];
}

void stream(const float* x, float* y, size_t n) {
#if defined(__x86_64__)
  for (size_t i = 0; i + 4 <= n; i += 4) _mm_stream_ps(y + i, _mm_load_ps(x + i));
  _mm_sfence();
#else
  copy(x, y, n);
#endif
}

void update(float* x, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] *= 1.0000001f;
}

/** Best GB/s over rounds of body(thread, first, count), which moves `moved` bytes an element. */
template <class Body>
double rate(int threads, size_t n, double moved, const Body& body) {
  const size_t share = n / static_cast<size_t>(threads) / 64 * 64;
  const int times = std::max(1, static_cast<int>(40e6 / (4.0 * static_cast<double>(n))));
  double best = 1e9;
  for (int round = 0; round < 12; round++) {
    const double time = together(threads, [&](int t) {
      for (int i = 0; i < times; i++) body(static_cast<size_t>(t) * share, share);
    });
    best = std::min(best, time / times);
  }
  return static_cast<double>(share) * threads * moved / best / 1e9;
}

int run(int count, char** values) {
  const std::string isa = count > 1 ? values[1] : "avx2";
  const int threads = count > 2 ? std::atoi(values[2]) : 1;
  double flops = 0;
  for (int round = 0; round < 12; round++) {
    std::vector<double> each(static_cast<size_t>(threads));
    together(threads, [&](int t) { each[static_cast<size_t>(t)] = peak(isa); });
    double all = 0;
    for (const double one : each) all += one;
    flops = std::max(flops, all);
  }
  std::printf("{\"threads\":%d,\"gflops\":%.1f,\"memory\":[", threads, flops);
  float kept = 0;
  for (const size_t n : {size_t{10000000}, size_t{1000000}}) {
    const size_t bytes = (4 * n + 63) / 64 * 64;
    float *x = static_cast<float*>(std::aligned_alloc(64, bytes)),
          *y = static_cast<float*>(std::aligned_alloc(64, bytes));
    std::fill(x, x + n, 1.f);
    std::fill(y, y + n, 1.f);
    const double read = rate(threads, n, 4, [&](size_t at, size_t m) { kept += sum(x + at, m); });
    const double plain = rate(threads, n, 8, [&](size_t at, size_t m) { copy(x + at, y + at, m); });
    const double past = rate(threads, n, 8, [&](size_t at, size_t m) { stream(x + at, y + at, m); });
    const double changed = rate(threads, n, 8, [&](size_t at, size_t m) { update(x + at, m); });
    std::printf("%s{\"bytes\":%zu,\"read\":%.1f,\"copy\":%.1f,\"update\":%.1f}", n == 1000000 ? "," : "",
                4 * n, read, std::max(plain, past), changed);
    std::free(x), std::free(y);
  }
  std::printf("]}\n");
  return kept == 0.123f;  // the sums must be made
}

}  // namespace
}  // namespace nabla

int main(int count, char** values) { return nabla::run(count, values); }
