// Any machine: float, one element at a time.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../kernels/call.h"

namespace nabla::scalar {
namespace {
using Real = float;
using Int = int32_t;
}  // namespace
#include "../simd/scalar.h"
#include "../simd/math.h"
#include "../simd/philox.h"
#include "unit.h"
}  // namespace nabla::scalar
