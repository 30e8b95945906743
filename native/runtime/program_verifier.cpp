#include <algorithm>
#include <string>
#include <vector>

#include "checks.h"
#include "error.h"
#include "program_code.h"

namespace nabla {
namespace {

[[noreturn]] void refuse(const InstructionCode& instruction, size_t operand, const std::string& what,
                         const std::string& received) {
  throw Error(ErrorCode::program, expected(what, place_of(instruction, operand), received));
}

std::string range_text(const OperandCode& operand) {
  return "bytes " + std::to_string(operand.offset) + " to " + std::to_string(operand.end) + " of slot " +
         std::to_string(operand.slot);
}

/** a * b, or kMostBytes when that is less. */
int64_t product(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return 0;
  return a > kMostBytes / b ? kMostBytes : std::min(a * b, kMostBytes);
}

// dtypes and sizes by name, shared by the operands of one instruction
struct RowBinding {
  std::vector<int64_t> sizes;   // by symbol, -1 while unknown
  std::vector<size_t> decided;  // the operand that decided it, for the message
  int same_type = -1;           // operand that decided `t`
};

void check_type(const ProgramCode& code, const InstructionCode& instruction, size_t index,
                RowBinding& binding) {
  const OperandCode& operand = instruction.operands[index];
  DType wanted = operand.dtype;
  switch (instruction.row->operands[index].type) {
    case TypeRule::real:
      wanted = code.real;
      break;
    case TypeRule::i32:
      wanted = DType::i32;
      break;
    case TypeRule::u8:
      wanted = DType::u8;
      break;
    case TypeRule::same:
      if (binding.same_type < 0) binding.same_type = static_cast<int>(index);
      wanted = instruction.operands[static_cast<size_t>(binding.same_type)].dtype;
      break;
    case TypeRule::any:
      break;
  }
  if (operand.dtype != wanted) refuse(instruction, index, dtype_name(wanted), dtype_name(operand.dtype));
}

void check_shape(const InstructionCode& instruction, size_t index, RowBinding& binding) {
  const OperandRow& rule = instruction.row->operands[index];
  const OperandCode& operand = instruction.operands[index];
  if (rule.any_shape) return;
  if (static_cast<size_t>(operand.rank) != rule.dimensions.size()) {
    refuse(instruction, index, "rank " + std::to_string(rule.dimensions.size()), shape_of(operand));
  }
  for (size_t axis = 0; axis < rule.dimensions.size(); ++axis) {
    const Dimension& dimension = rule.dimensions[axis];
    const int64_t size = operand.shape[axis];
    if (dimension.symbol < 0) {
      if (size != dimension.literal) {
        refuse(instruction, index,
               "size " + std::to_string(dimension.literal) + " on axis " + std::to_string(axis),
               shape_of(operand));
      }
      continue;
    }
    const size_t symbol = static_cast<size_t>(dimension.symbol);
    if (binding.sizes[symbol] < 0) {
      binding.sizes[symbol] = size;
      binding.decided[symbol] = index;
    } else if (binding.sizes[symbol] != size) {
      const std::string& other = instruction.row->operands[binding.decided[symbol]].name;
      refuse(instruction, index,
             "size " + std::to_string(binding.sizes[symbol]) + " (" + instruction.row->symbols[symbol] +
                 " of operand " + other + ") on axis " + std::to_string(axis),
             shape_of(operand));
    }
  }
}

/** Row-major without gaps. Strides of axes of one element say nothing and are set to what a dense
 *  operand would have, so that kernels may trust them. */
bool make_dense(OperandCode& operand) {
  int64_t stride = 1;
  for (int axis = operand.rank - 1; axis >= 0; --axis) {
    const int64_t size = operand.shape[axis];
    if (operand.elements > 0 && size > 1 && operand.stride[axis] != stride) return false;
    stride = product(stride, std::max<int64_t>(size, 1));
  }
  stride = 1;
  for (int axis = operand.rank - 1; axis >= 0; --axis) {
    operand.stride[axis] = stride;
    stride = product(stride, std::max<int64_t>(operand.shape[axis], 1));
  }
  return true;
}

/** No element of a strided output lies on another: with the axes by ascending stride, each stride
 *  is past all that the axes before it span. */
bool nests(const OperandCode& operand) {
  std::vector<int> axes;
  for (int axis = 0; axis < operand.rank; ++axis) {
    if (operand.shape[axis] > 1) axes.push_back(axis);
  }
  std::sort(axes.begin(), axes.end(), [&](int a, int b) { return operand.stride[a] < operand.stride[b]; });
  int64_t span = 1;
  for (const int axis : axes) {
    if (operand.stride[axis] < span) return false;
    span += product(operand.stride[axis], operand.shape[axis] - 1);
  }
  return true;
}

void check_memory(ProgramCode& code, InstructionCode& instruction, size_t index) {
  const OperandRow& rule = instruction.row->operands[index];
  OperandCode& operand = instruction.operands[index];
  const Slot& slot = code.slots[static_cast<size_t>(operand.slot)];
  const int64_t size = element_size(operand.dtype);
  int64_t bound = 1;  // of every product of sizes, whatever zeros there are
  int64_t last = 0;   // index of the last element
  operand.elements = 1;
  for (int axis = 0; axis < operand.rank; ++axis) {
    bound = product(bound, std::max<int64_t>(operand.shape[axis], 1));
    operand.elements = product(operand.elements, operand.shape[axis]);
    last = std::min(last + product(operand.stride[axis], std::max<int64_t>(operand.shape[axis] - 1, 0)),
                    kMostBytes);
  }
  if (bound >= kMostBytes) refuse(instruction, index, "fewer than 2^53 elements", shape_of(operand));
  operand.dense = make_dense(operand);
  if (!rule.strided && !operand.dense) {
    refuse(instruction, index, "dense row-major strides", "others for " + shape_of(operand));
  }
  if (operand.offset % size != 0 || operand.advance % size != 0) {
    refuse(instruction, index,
           "an offset and an advance that are multiples of " + std::to_string(size) + " bytes",
           std::to_string(operand.offset) + " and " + std::to_string(operand.advance));
  }
  const int64_t extent = operand.elements == 0 ? 0 : product(last + 1, size);
  operand.end = operand.offset + extent;
  if (operand.end > slot.bytes) {
    refuse(
        instruction, index,
        "memory within the " + std::to_string(slot.bytes) + " bytes of slot " + std::to_string(operand.slot),
        range_text(operand));
  }
  if (!rule.output) return;
  if (!slot.writable) refuse(instruction, index, "a writable slot", "slot " + std::to_string(operand.slot));
  if (operand.elements > 0 && !operand.dense && !nests(operand)) {
    refuse(instruction, index, "strides under which no two elements share memory", shape_of(operand));
  }
}

// Advancing operands of the arena stay in it; those of other slots are checked where the size of
// the bound buffer is known (Program::resolve).
void limit_steps_in_arena(ProgramCode& code, const OperandCode& operand) {
  if (operand.slot != 0 || operand.advance == 0 || operand.elements == 0) return;
  code.most_steps = std::min(code.most_steps, (code.slots[0].bytes - operand.end) / operand.advance + 1);
}

/** An output against another operand of its instruction: apart, or the very same memory where the
 *  kernel works in place. */
void check_alias(ProgramCode& code, const InstructionCode& instruction, size_t output, size_t other) {
  const OperandCode& y = instruction.operands[output];
  const OperandCode& x = instruction.operands[other];
  if (!x.present || x.slot != y.slot || x.elements == 0 || y.elements == 0) return;
  const OperandCode& low = x.offset <= y.offset ? x : y;
  const OperandCode& high = x.offset <= y.offset ? y : x;
  if (low.end <= high.offset) {  // apart in the first step; the lower one may catch up later
    if (low.advance > high.advance) {
      code.most_steps = std::min(code.most_steps, (high.offset - low.end) / (low.advance - high.advance) + 1);
    }
    return;
  }
  const bool same = x.offset == y.offset && x.end == y.end && x.dtype == y.dtype && x.dense && y.dense &&
                    x.elements == y.elements && x.advance == y.advance;
  if (same && may_work_in_place(*instruction.row, output, other)) return;
  refuse(instruction, output,
         "memory of its own, apart from operand " + instruction.row->operands[other].name,
         range_text(y) + " over " + range_text(x));
}

void check_parameter(const InstructionCode& instruction, const ParameterRow& rule, double value) {
  const std::string place = "parameter " + rule.name + " of " + place_of(instruction);
  const auto refuse_value = [&](const std::string& what) {
    throw Error(ErrorCode::program, expected(what, place, number_text(value)));
  };
  const auto whole_in = [&](double low, double high) {
    return value >= low && value <= high && value == static_cast<double>(static_cast<int64_t>(value));
  };
  const auto& functions = pointwise_rows();
  switch (rule.kind) {
    case ParameterRow::Kind::number:
      if (value != value) refuse_value("a number");
      return;
    case ParameterRow::Kind::integer:
      if (!whole_in(rule.low, rule.high)) {
        refuse_value("an integer from " + number_text(rule.low) + " to " + number_text(rule.high));
      }
      return;
    case ParameterRow::Kind::unary:
    case ParameterRow::Kind::binary: {
      const int arity = rule.kind == ParameterRow::Kind::unary ? 1 : 2;
      const double last = static_cast<double>(functions.size()) - 1;
      if (!whole_in(-1, last) || (value >= 0 && functions[static_cast<size_t>(value)].arity != arity)) {
        refuse_value("-1 or a function of " + std::to_string(arity) + " in pointwise.inc");
      }
      return;
    }
    case ParameterRow::Kind::code:
      return;
  }
}

void check_parameters(const InstructionCode& instruction) {
  const auto& rules = instruction.row->parameters;
  const bool open = !rules.empty() && rules.back().kind == ParameterRow::Kind::code;
  const size_t fixed = open ? rules.size() - 1 : rules.size();
  const size_t count = instruction.parameters.size();
  if (count < fixed || (count > fixed && !open)) {
    throw Error(ErrorCode::program, expected(std::to_string(fixed) + " parameters", place_of(instruction),
                                             std::to_string(count)));
  }
  for (size_t i = 0; i < fixed; ++i) check_parameter(instruction, rules[i], instruction.parameters[i]);
}

void verify_instruction(ProgramCode& code, InstructionCode& instruction) {
  const KernelRow& row = *instruction.row;
  RowBinding binding;
  binding.sizes.assign(row.symbols.size(), -1);
  binding.decided.assign(row.symbols.size(), 0);
  for (size_t i = 0; i < row.operands.size(); ++i) {
    if (!instruction.operands[i].present) {
      if (!row.operands[i].optional) refuse(instruction, i, "an operand", "none");
      continue;
    }
    check_type(code, instruction, i, binding);
    check_shape(instruction, i, binding);
    check_memory(code, instruction, i);
    limit_steps_in_arena(code, instruction.operands[i]);
  }
  for (size_t i = static_cast<size_t>(row.input_count); i < row.operands.size(); ++i) {
    if (!instruction.operands[i].present) continue;
    for (size_t other = 0; other < i; ++other) check_alias(code, instruction, i, other);
  }
  check_parameters(instruction);
  check_kernel(code, instruction);
}

}  // namespace

std::string place_of(const InstructionCode& instruction) {
  return "instruction " + std::to_string(instruction.number) + " (" + instruction.row->name + ")";
}

std::string place_of(const InstructionCode& instruction, size_t operand) {
  return "operand " + instruction.row->operands[operand].name + " of " + place_of(instruction);
}

std::string shape_of(const OperandCode& operand) {
  std::string text = "shape [";
  for (int i = 0; i < operand.rank; ++i) text += (i ? ", " : "") + std::to_string(operand.shape[i]);
  return text + "]";
}

void verify_program(ProgramCode& code) {
  for (InstructionCode& instruction : code.instructions) verify_instruction(code, instruction);
}

}  // namespace nabla
