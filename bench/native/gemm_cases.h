// What the benchmarks of gemm share: products of dense layers somewhere in memory, and two threads without
// the runtime. Shapes are batch x out x in of a dense layer, weights stored (in, out):
//   NN  y = x w     NT  dx = dy wT     TN  dw = xT dy
// and as this library keeps weights, (out, in):
//   LF  y = x wT    LX  dx = dy w      LW  dw = dyT x
// and as a frozen weight of a multiple of 16 outputs is kept, in panels of 16 columns of wT:
//   PF  y = x wT
#pragma once
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "../../native/kernels/call.h"

namespace nabla {
namespace {

/** 64-byte aligned memory, in large pages where the system gives them, as the runtime's buffers are. */
void* allocate(size_t bytes) {
  constexpr size_t kPage = size_t{2} << 20;
  void* const memory = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
#if defined(__linux__)
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

/** A helper thread that spins for work, so that two threads can be measured without the runtime. */
struct Helper {
  std::atomic<int64_t> next{0}, finished{0}, tasks{0};
  std::atomic<int> generation{0}, left{0};  // of run_tasks: begun, left by the helper
  TaskFunction function = nullptr;
  void* data = nullptr;
  void* scratch = allocate(kScratchBytes);
  std::thread thread;

  void work(void* own) {
    for (int64_t t; (t = next.fetch_add(1)) < tasks.load();) {
      function(data, t, own);
      finished.fetch_add(1);
    }
  }
  void start() {
    thread = std::thread([this] {
      for (int seen = 0; seen >= 0;) {
        const int now = generation.load(std::memory_order_acquire);
        if (now < 0) return;
        if (now != seen) {
          seen = now;
          work(scratch);
          left.store(now, std::memory_order_release);
        }
      }
    });
  }
} helper;
}  // namespace

void run_tasks(Context& context, int64_t tasks, double, TaskFunction function, void* data) {
  if (context.threads < 2 || tasks < 2) {
    for (int64_t t = 0; t < tasks; t++) function(data, t, context.scratch);
    return;
  }
  helper.function = function;
  helper.data = data;
  helper.finished = 0;
  helper.next = 0;
  helper.tasks = tasks;
  helper.generation.fetch_add(1, std::memory_order_release);
  helper.work(context.scratch);
  // A helper that is still looking for tasks would take one of the next call's.
  while (helper.finished.load() < tasks ||
         helper.left.load(std::memory_order_acquire) != helper.generation.load()) {
  }
}

namespace {
Operand matrix(float* memory, int64_t rows, int64_t columns, bool transposed) {
  Operand x{};
  x.data = memory;
  x.rank = 3;
  x.dtype = DType::f32;
  x.shape[0] = 1, x.shape[1] = rows, x.shape[2] = columns;
  x.stride[0] = rows * columns;
  x.stride[1] = transposed ? 1 : columns;
  x.stride[2] = transposed ? rows : 1;
  return x;
}

struct Case {
  Operand operands[5] = {};
  double flop;
};

/** The product of a dense layer, batch x out x in. */
Case make_case(const std::string& op, int64_t batch, int64_t out, int64_t in, float* a, float* w, float* c) {
  Case result;
  int64_t m = batch, n = out, k = in;
  if (op == "NT" || op == "LX") n = in, k = out;
  if (op == "TN") m = in, n = out, k = batch;
  if (op == "LW") m = out, n = in, k = batch;
  result.operands[0] = matrix(a, m, k, op == "TN" || op == "LW");
  result.operands[1] = matrix(w, k, n, op == "NT" || op == "LF");
  if (op == "PF") {
    Operand& panels = result.operands[1];
    panels.shape[0] = n / 16, panels.shape[2] = 16;
    panels.stride[0] = k * 16, panels.stride[1] = 16;
  }
  result.operands[4] = matrix(c, m, n, false);
  result.flop = 2.0 * m * n * k;
  return result;
}

/** The same product with its operands elsewhere in memory that has room for so many Reals. */
Case placed(Case c, std::mt19937& random, size_t room) {
  constexpr size_t kStep = (size_t{2} << 20) / sizeof(float);
  for (Operand& x : c.operands) {
    if (!x.data) continue;
    const size_t size = static_cast<size_t>(x.shape[0] * x.shape[1] * x.shape[2]);
    x.data = static_cast<float*>(x.data) + random() % ((room - size) / kStep + 1) * kStep;
  }
  return c;
}

/** Memory for operands and the numbers in it. */
constexpr size_t kCount = size_t{16} << 20;
struct Memory {
  float* of[3];
  void* scratch = allocate(kScratchBytes);

  Memory() {
    for (float*& numbers : of) {
      numbers = static_cast<float*>(allocate(sizeof(float) * kCount));
      for (size_t i = 0; i < kCount; i++) numbers[i] = float((i * 2654435761u >> 16) & 255) / 256.f - 0.5f;
    }
  }
  ~Memory() {
    for (float* numbers : of) std::free(numbers);
    std::free(scratch);
  }
};

const char* option(int count, char** values, const char* name, const char* otherwise) {
  for (int i = 1; i < count; i++)
    if (!std::strncmp(values[i], name, std::strlen(name))) return values[i] + std::strlen(name);
  return otherwise;
}
}  // namespace
}  // namespace nabla
