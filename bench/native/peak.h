// The machine's peak: multiply-adds that wait for nothing.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace nabla {
namespace {
using Clock = std::chrono::steady_clock;
inline double seconds() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

/** Multiply-adds that wait for nothing: a step is one in each of twelve independent chains, in registers. */
struct Chains {
  void (*run)(int64_t steps) = nullptr;  // nullptr: not known for this instruction set
  double flop = 0;                       // of a step
};

#if defined(__x86_64__)
#define NABLA_CHAIN(a) asm volatile("vfmadd213ps %2, %1, %0" : "+v"(a) : "v"(x), "v"(y));
#define NABLA_TARGET(instructions) __attribute__((target(instructions)))
#elif defined(__aarch64__)
#define NABLA_CHAIN(a) asm volatile("fmla %0.4s, %1.4s, %2.4s" : "+w"(a) : "w"(x), "w"(y));
#define NABLA_TARGET(instructions)
#endif
#if defined(NABLA_CHAIN)
#define NABLA_CHAINS(name, instructions, lanes)                                                   \
  NABLA_TARGET(instructions) inline void name(int64_t steps) {                                    \
    typedef float Wide __attribute__((vector_size(4 * lanes)));                                   \
    Wide a = Wide{}, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a; \
    const Wide x = Wide{} + 0.999f, y = Wide{} + 1e-3f;                                           \
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
  }
#if defined(__x86_64__)
NABLA_CHAINS(chains_avx2, "avx2,fma", 8)
NABLA_CHAINS(chains_avx512, "avx512f", 16)
#else
NABLA_CHAINS(chains_neon, "", 4)
#endif
#undef NABLA_CHAINS
#undef NABLA_CHAIN
#undef NABLA_TARGET
#endif

inline Chains chains_of(const std::string& isa) {
#if defined(__x86_64__)
  if (!isa.compare(0, 6, "avx512")) return {chains_avx512, 12 * 2 * 16};
  if (isa == "avx2") return {chains_avx2, 12 * 2 * 8};
#elif defined(__aarch64__)
  if (isa == "neon") return {chains_neon, 12 * 2 * 4};
#endif
  return {};
}

/** GFLOP/s, 0 where it is not known. */
inline double peak(const std::string& isa) {
  constexpr double kFlop = 115e6;  // about half a millisecond
  const Chains chains = chains_of(isa);
  if (!chains.run) return 0;
  const int64_t steps = static_cast<int64_t>(kFlop / chains.flop);
  const double start = seconds();
  chains.run(steps);
  return chains.flop * static_cast<double>(steps) / (seconds() - start) / 1e9;
}
}  // namespace
}  // namespace nabla
