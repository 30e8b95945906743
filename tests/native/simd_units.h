// Every instruction set of the machine behind plain pointers, for math_test.cpp and simd_test.cpp:
// the simd/ headers compiled here, each in a namespace of its own, with math_probe.h after them.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

enum class Id { exp, log, tanh, sigmoid, erf, expm1, log1p, log2, sin, cos, normal_cdf, pow };
enum class Operation {
  min,
  max,
  at_least,
  at_most,
  copysign,
  floor,
  ceil,
  trunc,
  round_even,
  neg,
  abs,
  sqrt,
  lt,
  le,
  gt,
  ge,
  eq,
  ne,
  is_nan,
  is_finite,
  select,
  fma,
  fma_half,
  fnma,
  fms,
  scale2,
  integers,
  load_i32,
  load_u8,
  store_i32,
  store_u8,
  count
};

/** What math_probe.h gives of one instruction set. */
struct Probe {
  int width;
  void (*run)(Id id, const float* x, const float* y, float* out, int64_t n);
  void (*run_operation)(Operation operation, const float* a, const float* b, float* out, int64_t n);
  void (*run_across)(const float* x, float* sum_max_min);
  void (*fill_words)(const uint32_t* key, int64_t first, int64_t n, uint32_t* out);
};

namespace scalar {
namespace {
using Real = float;
using Int = int32_t;
}  // namespace
#include "../../native/simd/scalar.h"
#include "../../native/simd/math.h"
#include "../../native/simd/philox.h"
#include "math_probe.h"
}  // namespace scalar

#if defined(__aarch64__)
namespace neon {
#include "../../native/simd/neon.h"
#include "../../native/simd/math.h"
#include "../../native/simd/philox.h"
#include "math_probe.h"
}  // namespace neon
#endif

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace avx2 {
#include "../../native/simd/avx2.h"
#include "../../native/simd/math.h"
#include "../../native/simd/philox.h"
#include "math_probe.h"
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma")
#endif
namespace avx512 {
#include "../../native/simd/avx512.h"
#include "../../native/simd/math.h"
#include "../../native/simd/philox.h"
#include "math_probe.h"
}  // namespace avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

inline int passed = 0, failed = 0;
inline bool check(bool ok) {
  ++(ok ? passed : failed);
  return ok;
}
/** Prints the last line; the exit status. */
inline int finish() {
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed || !passed;
}

struct Isa {
  const char* name;
  const Probe* probe;
};
/** The instruction sets of this machine, the widest last. */
inline std::vector<Isa> available() {
  std::vector<Isa> list = {{"scalar", &scalar::probe}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list.push_back({"avx2", &avx2::probe});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    list.push_back({"avx512", &avx512::probe});
  }
#elif defined(__aarch64__)
  list.push_back({"neon", &neon::probe});
#endif
  return list;
}

inline float from_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
inline uint32_t to_bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

inline const float kSpecial[] = {0.0f,
                                 -0.0f,
                                 1.0f,
                                 -1.0f,
                                 0.5f,
                                 -0.5f,
                                 2.0f,
                                 -2.0f,
                                 3.0f,
                                 -3.0f,
                                 HUGE_VALF,
                                 -HUGE_VALF,
                                 std::numeric_limits<float>::quiet_NaN(),
                                 0x1p-149f,
                                 -0x1p-149f,
                                 0x1.fffffcp-127f,
                                 0x1p-126f,
                                 -0x1p-126f,
                                 0x1.fffffep127f,
                                 -0x1.fffffep127f,
                                 0x1p-24f,
                                 0x1.fffffep-1f,
                                 0x1.000002p0f,
                                 88.72283f,
                                 88.7229f,
                                 -87.33654f,
                                 -88.4f,
                                 -103.97f,
                                 -104.0f,
                                 89.0f,
                                 128.0f,
                                 8388607.5f,
                                 16777216.0f,
                                 16777217.0f,
                                 2147483648.0f,
                                 -2147483648.0f,
                                 4294967296.0f,
                                 1e-10f,
                                 1e10f,
                                 2.5f,
                                 -2.5f,
                                 0.1f};
