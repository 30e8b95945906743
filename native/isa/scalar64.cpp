// Any machine: double, one element at a time, for checking gradients.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../kernels/call.h"

namespace nabla::scalar64 {
namespace {
using Real = double;
using Int = int64_t;
}  // namespace
#include "../simd/scalar.h"
#include "../simd/math64.h"
#include "../simd/philox.h"
#include "unit.h"
}  // namespace nabla::scalar64
