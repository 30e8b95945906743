// What a kernel receives: resolved operands, parameters, and a place to run in parallel.
// Shared by every instruction set; nothing here may be compiled to instructions of one of them,
// so there are only plain structs and non-template declarations.
#pragma once
#include <cstddef>
#include <cstdint>

namespace nabla {

enum class DType : uint8_t { f32 = 0, f64 = 1, i32 = 2, u8 = 3 };
constexpr int kMaxRank = 8;
constexpr int kMaxOperands = 14;

/** One operand of an instruction, its memory resolved. Strides count elements. */
struct Operand {
  void* data;  // nullptr: an optional operand that is absent
  int64_t shape[kMaxRank];
  int64_t stride[kMaxRank];
  int32_t rank;
  DType dtype;

  explicit operator bool() const { return data != nullptr; }
};

/** What stopped a step. */
enum class Failure : int32_t { none = 0, not_finite = 1, index_out_of_range = 2 };

/** Runs task 0 .. tasks-1 of one kernel; which thread runs which is not defined. */
using TaskFunction = void (*)(void* data, int64_t task, void* scratch);

/** Bytes of private scratch memory every task gets (64-byte aligned, contents undefined). */
constexpr size_t kScratchBytes = size_t{4} << 20;
/** float64 slots every instruction shares for partial results, written by task number. */
constexpr int64_t kPartials = 4096;

/** The running environment of one program run. */
struct Context {
  void* pool;        // ThreadPool, opaque to kernels
  int32_t threads;   // 1: run inline
  void* scratch;     // kScratchBytes for the calling thread
  double* partials;  // kPartials
  Failure failure;
  double failure_value;
  bool shareable = false;  // some work so far was worth two threads

  /** Stops the step after this instruction. The first failure is kept. Not from inside a task. */
  void fail(Failure what, double value) {
    if (failure == Failure::none) {
      failure = what;
      failure_value = value;
    }
  }
};

/** Calls function(data, task, scratch) for every task, in parallel when it pays (`work`: about how
 *  many nanoseconds all tasks together take on one thread). Defined in runtime/thread_pool.cpp. */
void run_tasks(Context& context, int64_t tasks, double work, TaskFunction function, void* data);

/** What an instruction needs soon and nobody has touched for long: `rows` runs of `bytes`, `step` bytes
 * apart, from where the operand lies. */
struct Soon {
  const Operand* operand;
  int64_t rows, step, bytes;
};
constexpr int kMostSoon = 8;

struct Call {
  const Operand* operands;  // inputs, then outputs, in the order of the row
  const double* parameters;
  int32_t parameter_count;
  // What a product may bring nearer behind its arithmetic (runtime/fetch_plan.h).
  int32_t soon_count = 0;
  const Soon* soon = nullptr;
};

using Kernel = void (*)(const Call& call, Context& context);

/** One function pointer a row of kernels.inc. */
struct KernelTable {
  const Kernel* kernels;
  int32_t panel_columns;  // of a panel, as a gemm's w that is read often lies best; 0: in rows
};

}  // namespace nabla
