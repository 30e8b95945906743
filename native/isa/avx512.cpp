// x86-64 with AVX-512 (F, DQ, BW, VL). Only what stands after the target pragma may use those instructions,
// so the system headers come before it.
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../kernels/call.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma")
#endif

namespace nabla::avx512 {
#include "../simd/avx512.h"
#include "../simd/math.h"
#include "../simd/philox.h"
#include "unit.h"
}  // namespace nabla::avx512

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif
#endif
