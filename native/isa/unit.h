// The body of a unit: every kernel, compiled to the instruction set whose simd/ headers the unit
// included before this, and the table that dispatch.cpp picks one of.
#include "../kernels/parallel.h"
#include "../kernels/activation.h"
#include "../kernels/pointwise.h"
#include "../kernels/gemm.h"
#include "../kernels/reduce.h"
#include "../kernels/softmax.h"
#include "../kernels/loss.h"
#include "../kernels/norm.h"
#include "../kernels/index.h"
#include "../kernels/move.h"
#include "../kernels/random.h"
#include "../kernels/optimizer.h"

namespace {
constexpr Kernel kernels[] = {
#define KERNEL(name, inputs, outputs, parameters) name,
#include "../kernels/kernels.inc"
#undef KERNEL
};
}  // namespace

extern const KernelTable table;
const KernelTable table = {kernels, kGemmOftenRead};
