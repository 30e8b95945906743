// 64-bit ARM: NEON and its FMA belong to every machine, so nothing needs to be switched on.
#if defined(__aarch64__) || defined(_M_ARM64)
#include <arm_neon.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../kernels/call.h"

namespace nabla::neon {
#include "../simd/neon.h"
#include "../simd/math.h"
#include "../simd/philox.h"
#include "unit.h"
}  // namespace nabla::neon
#endif
