#include "fetch_plan.h"

#include <algorithm>
#include <map>
#include <utility>

namespace nabla {
namespace {

// Bytes touched in between after which memory counts as far away: half of a usual second cache.
constexpr int64_t kFar = 512 << 10;
// Operands below are not worth the trouble, those above would drive out what is needed before them.
constexpr int64_t kLeast = 8 << 10, kMost = 384 << 10;
// Multiply-adds that hide the way of one byte; of a byte of the product's own result. (Tiles narrower than
// those of AVX-512 fetch less in that time and leave the rest: nobody relies on the plan.)
constexpr double kMultiplyAddsAByte = 6, kMultiplyAddsAResult = 12;
// Memory without gaps is fetched in runs of this many bytes, of a factor's rows so many at first.
constexpr int64_t kRun = 256;

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

/** Whether operand `number` is the right factor of a product that can read its rows in place: then the
 *  product itself fetches what lies behind the columns it begins with. */
bool is_read_by_columns(const InstructionCode& instruction, size_t number) {
  const OperandCode& o = instruction.operands[number];
  return instruction.row->name == "gemm" && number == 1 && instruction.operands.back().shape[0] == 1 &&
         o.stride[2] == 1;
}

Fetch fetch_of(const InstructionCode& instruction, size_t i, size_t number) {
  const OperandCode& o = instruction.operands[number];
  if (!is_read_by_columns(instruction, number))
    return {i, number, (bytes_of(o) + kRun - 1) / kRun, kRun, kRun};
  const int64_t size = element_size(o.dtype);
  return {i, number, o.shape[1], o.stride[1] * size, std::min(kRun, o.shape[2] * size)};
}

/** A product's result; and what is written over an input. */
bool comes_anyway(const InstructionCode& instruction, size_t number) {
  const size_t inputs = static_cast<size_t>(instruction.row->input_count);
  if (number < inputs) return false;
  const auto same = [&](size_t input) {
    const OperandCode &a = instruction.operands[input], &b = instruction.operands[number];
    return a.present && a.slot == b.slot && a.offset == b.offset;
  };
  for (size_t input = 0; input < inputs; ++input)
    if (same(input)) return true;
  return instruction.row->name == "gemm";
}

/** Bytes that a product can fetch for others, beside its result and what it reads by columns. */
double room_of(const InstructionCode& gemm) {
  double room = multiply_adds(gemm) / kMultiplyAddsAByte;
  room -= static_cast<double>(bytes_of(gemm.operands.back())) * kMultiplyAddsAResult / kMultiplyAddsAByte;
  if (is_read_by_columns(gemm, 1)) {
    const Fetch begun = fetch_of(gemm, 0, 1);
    room -= static_cast<double>(bytes_of(gemm.operands[1]) - begun.rows * begun.bytes);
  }
  return room;
}

}  // namespace

std::vector<std::vector<Fetch>> plan_fetching(const ProgramCode& code) {
  const std::vector<std::vector<bool>> far = far_operands(code);
  std::vector<std::vector<Fetch>> plan(code.instructions.size());
  size_t product = plan.size();  // the last one seen
  double room = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    const InstructionCode& instruction = code.instructions[i];
    for (size_t j = 0; product < i && j < instruction.operands.size(); ++j) {
      if (!far[i][j] || comes_anyway(instruction, j) || plan[product].size() >= kMostSoon) continue;
      const Fetch fetch = fetch_of(instruction, i, j);
      const double bytes = static_cast<double>(fetch.rows * fetch.bytes);
      if (bytes > room) continue;
      plan[product].push_back(fetch);
      room -= bytes;
    }
    if (instruction.row->name != "gemm") continue;
    product = i;
    room = room_of(instruction);
  }
  return plan;
}

}  // namespace nabla
