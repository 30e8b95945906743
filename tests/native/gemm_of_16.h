// gemm with vectors of 16 lanes on a processor that has AVX2 (see vectors_of_16.h); the first row of the
// table alone.
#include "../../native/kernels/call.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace nabla::of_16 {
#include "vectors_of_16.h"
#include "../../native/simd/math.h"
#include "../../native/kernels/parallel.h"
#include "../../native/kernels/activation.h"
#include "../../native/kernels/pointwise.h"
#include "../../native/kernels/gemm.h"
}  // namespace nabla::of_16

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

namespace nabla {
namespace {
constexpr Kernel kernels_of_16[] = {of_16::gemm};
constexpr KernelTable table_of_16 = {kernels_of_16, of_16::kGemmOftenRead};
}  // namespace
}  // namespace nabla
#endif
