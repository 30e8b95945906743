// avx512.cpp whose matrix products round their factors to bfloat16 and sum in float32: mixed precision.
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../kernels/call.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,fma"))), \
                             apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,fma")
#endif

#define NABLA_GEMM_BF16
namespace nabla::avx512bf16 {
#include "../simd/avx512.h"
#include "../simd/math.h"
#include "../simd/philox.h"
#include "../simd/avx512bf16.h"
#include "unit.h"
}  // namespace nabla::avx512bf16
#undef NABLA_GEMM_BF16

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif
#endif
