// The machine's peak: multiply-adds that wait for nothing.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace nabla {
namespace {
using Clock = std::chrono::steady_clock;
inline double seconds() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

/** GFLOP/s of twelve independent chains of multiply-adds in registers. */
#if defined(__x86_64__)
#define NABLA_CHAIN(a) asm volatile("vfmadd213ps %2, %1, %0" : "+v"(a) : "v"(x), "v"(y));
#define NABLA_TARGET(instructions) __attribute__((target(instructions)))
#elif defined(__aarch64__)
#define NABLA_CHAIN(a) asm volatile("fmla %0.4s, %1.4s, %2.4s" : "+w"(a) : "w"(x), "w"(y));
#define NABLA_TARGET(instructions)
#endif
#if defined(NABLA_CHAIN)
#define NABLA_PEAK(name, instructions, lanes)                                                     \
  NABLA_TARGET(instructions) inline double name(int64_t steps) {                                  \
    typedef float Wide __attribute__((vector_size(4 * lanes)));                                   \
    Wide a = Wide{}, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a; \
    const Wide x = Wide{} + 0.999f, y = Wide{} + 1e-3f;                                           \
    const double start = seconds();                                                               \
    for (int64_t step = 0; step < steps; step++) {                                                \
      NABLA_CHAIN(a)                                                                              \
      NABLA_CHAIN(b)                                                                              \
      NABLA_CHAIN(c)                                                                              \
      NABLA_CHAIN(d)                                                                              \
      NABLA_CHAIN(e)                                                                              \
      NABLA_CHAIN(f)                                                                              \
      NABLA_CHAIN(g)                                                                              \
      NABLA_CHAIN(h)                                                                              \
      NABLA_CHAIN(i)                                                                              \
      NABLA_CHAIN(j)                                                                              \
      NABLA_CHAIN(k)                                                                              \
      NABLA_CHAIN(l)                                                                              \
    }                                                                                             \
    return 12 * 2.0 * lanes * static_cast<double>(steps) / (seconds() - start) / 1e9;             \
  }
#if defined(__x86_64__)
NABLA_PEAK(peak_avx2, "avx2,fma", 8)
NABLA_PEAK(peak_avx512, "avx512f", 16)
#else
NABLA_PEAK(peak_neon, "", 4)
#endif
#undef NABLA_PEAK
#undef NABLA_CHAIN
#endif
/** 0 where it is not known. */
inline double peak(const std::string& isa) {
#if defined(__x86_64__)
  if (!isa.compare(0, 6, "avx512")) return peak_avx512(300000);
  if (isa == "avx2") return peak_avx2(600000);
#elif defined(__aarch64__)
  if (isa == "neon") return peak_neon(1200000);
#endif
  return isa.empty() ? 1 : 0;
}
}  // namespace
}  // namespace nabla
