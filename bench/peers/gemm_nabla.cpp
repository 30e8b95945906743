// nabla's matrix products for `npm run bench:compare`: the kernel itself on the engine's own thread pool,
// without Node around it, as the libraries beside it are called.
// Linked with build/Release/engine.a; memory, scratch and threads, and the choice of how many are of use, are
// what a step of a program has.
#include "gemm_session.h"

#include "../../native/dispatch.h"
#include "../../native/kernels/call.h"
#include "../../native/runtime/memory.h"
#include "../../native/runtime/thread_choice.h"
#include "../../native/runtime/thread_pool.h"

namespace {

// The position of gemm's row in kernels.inc.
enum Row {
#define KERNEL(name, ...) k_##name,
#include "../../native/kernels/kernels.inc"
#undef KERNEL
};

nabla::Operand matrix(const float* memory, long rows, long columns, bool transposed) {
  nabla::Operand x{};
  x.data = const_cast<float*>(memory);
  x.rank = 3;
  x.dtype = nabla::DType::f32;
  x.shape[0] = 1, x.shape[1] = rows, x.shape[2] = columns;
  x.stride[0] = rows * columns;
  x.stride[1] = transposed ? 1 : columns;
  x.stride[2] = transposed ? rows : 1;
  return x;
}

bench::Peer prepare(const bench::Product& p, int threads) {
  nabla::ThreadPool& pool = nabla::ThreadPool::instance();
  pool.set_threads(threads);
  static nabla::Operand operands[5] = {};  // a, b, bias, aux, c
  operands[0] = matrix(p.a, p.m, p.k, p.transpose_a);
  operands[1] = matrix(p.b, p.k, p.n, p.transpose_b);
  operands[4] = matrix(p.c, p.m, p.n, false);
  static nabla::Context context{};
  const nabla::ThreadMemory& memory = nabla::thread_memory();
  context.pool = &pool;
  context.threads = threads;
  context.scratch = memory.scratch;
  context.partials = memory.partials;
  static nabla::ThreadChoice choice{};
  const nabla::Isa& isa = nabla::active_isa();
  const nabla::Kernel gemm = isa.table->kernels[k_gemm];
  const auto multiply = [gemm, threads] {
    static const double parameters[] = {1, 0, -1, -1};  // alpha, beta, no activation, no combining
    const auto product = [gemm] {
      gemm({operands, parameters, 4}, context);
      return true;
    };
    if (threads > 1)
      choice.run(context, threads, product);
    else
      product();
  };
  // A program tries its first steps alone as well. In a training that is over within a second; here it would
  // be a third of a block. (What is never tried, for it is too long or has nothing to share, ends by the
  // clock.)
  for (const double end = bench::seconds() + 0.25; threads > 1 && !choice.tried() && bench::seconds() < end;)
    multiply();
  return {"nabla", NABLA_VERSION, isa.name, multiply};
}

}  // namespace

int main() { return bench::serve(prepare); }
