#include "fetch_plan.h"

#include <map>
#include <utility>

namespace nabla {
namespace {

// Bytes touched in between after which memory counts as far away: half of a usual second cache.
constexpr int64_t kFar = 512 << 10;
// Operands below are not worth the trouble, those above would drive out what is needed before them.
constexpr int64_t kLeast = 8 << 10, kMost = 384 << 10;
// Multiply-adds that hide the way of one byte.
constexpr double kMultiplyAddsAByte = 10;

int64_t bytes_of(const OperandCode& o) { return o.elements * element_size(o.dtype); }

/** 0 where a product itself waits for memory: one row, one column, one step of k. */
double multiply_adds(const InstructionCode& gemm) {
  const OperandCode &a = gemm.operands[0], &c = gemm.operands.back();
  if (c.shape[1] == 1 || c.shape[2] == 1 || a.shape[2] == 1) return 0;
  return static_cast<double>(c.elements) * static_cast<double>(a.shape[2]);
}

/** Which operands lie far away when their instruction begins, in a step that follows another. */
std::vector<std::vector<bool>> far_operands(const ProgramCode& code) {
  std::vector<std::vector<bool>> far(code.instructions.size());
  std::map<std::pair<int, int64_t>, int64_t> touched;
  int64_t clock = kFar;
  for (int step = 0; step < 2; ++step) {
    for (size_t i = 0; i < far.size(); ++i) {
      const InstructionCode& instruction = code.instructions[i];
      far[i].clear();
      for (const OperandCode& o : instruction.operands) {
        const auto last = touched.find({o.slot, o.offset});
        const bool whole = o.present && o.end - o.offset == bytes_of(o);
        far[i].push_back(whole && bytes_of(o) >= kLeast && bytes_of(o) <= kMost &&
                         (last == touched.end() || clock - last->second >= kFar));
      }
      for (const OperandCode& o : instruction.operands) {
        if (!o.present) continue;
        clock += bytes_of(o);
        touched[{o.slot, o.offset}] = clock;
      }
    }
  }
  return far;
}

}  // namespace

std::vector<std::vector<OperandNumber>> plan_fetching(const ProgramCode& code) {
  const std::vector<std::vector<bool>> far = far_operands(code);
  std::vector<std::vector<OperandNumber>> plan(code.instructions.size());
  size_t product = plan.size();  // the last one seen
  double room = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    const InstructionCode& instruction = code.instructions[i];
    for (size_t j = 0; product < i && j < static_cast<size_t>(instruction.row->input_count); ++j) {
      const double bytes = static_cast<double>(bytes_of(instruction.operands[j]));
      if (!far[i][j] || bytes > room || plan[product].size() >= kMostSoon) continue;
      plan[product].push_back({i, j});
      room -= bytes;
    }
    if (instruction.row->name != "gemm") continue;
    product = i;
    room = multiply_adds(instruction) / kMultiplyAddsAByte;
  }
  return plan;
}

}  // namespace nabla
