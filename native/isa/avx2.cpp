// x86-64 with AVX2 and FMA. Only what stands after the target pragma may use those instructions,
// so the system headers come before it.
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../kernels/call.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace nabla::avx2 {
#include "../simd/avx2.h"
#include "../simd/avx2_outer.h"
#include "../simd/math.h"
#include "../simd/philox.h"
#include "unit.h"
}  // namespace nabla::avx2

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif
#endif
