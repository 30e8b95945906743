#include "checks.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "error.h"

namespace nabla {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& where, const std::string& received) {
  throw Error(ErrorCode::program, expected(what, where, received));
}

bool same_shape(const OperandCode& a, const OperandCode& b) {
  return a.rank == b.rank && std::equal(a.shape, a.shape + a.rank, b.shape);
}

const OperandCode& operand(const InstructionCode& instruction, const char* name) {
  return instruction.operands[static_cast<size_t>(instruction.row->operand_number(name))];
}

double parameter(const InstructionCode& instruction, const char* name) {
  const auto& rules = instruction.row->parameters;
  const auto found =
      std::find_if(rules.begin(), rules.end(), [&](const ParameterRow& p) { return p.name == name; });
  return instruction.parameters[static_cast<size_t>(found - rules.begin())];
}

// ---- pointwise: the limits of kernels/pointwise.h

constexpr int kInputs = 8, kOutputs = 4, kMostConstants = 16, kMostTemporaries = 16, kMostSteps = 64;

void check_pointwise_operands(const ProgramCode& code, const InstructionCode& instruction) {
  const OperandCode& first = instruction.operands[kInputs];
  for (size_t i = 0; i < instruction.operands.size(); ++i) {
    const OperandCode& x = instruction.operands[i];
    if (!x.present) continue;
    if (!same_shape(x, first)) refuse("the shape of y0", place_of(instruction, i), "another shape");
    if (x.dtype != code.real && x.dtype != DType::i32 && x.dtype != DType::u8) {
      refuse(std::string(dtype_name(code.real)) + ", int32 or uint8", place_of(instruction, i),
             dtype_name(x.dtype));
    }
  }
}

/** Follows the chain once, keeping which registers hold a value. */
class ChainCheck {
 public:
  explicit ChainCheck(const InstructionCode& instruction) : instruction_(instruction) {}

  void run() {
    constants_ = count("a constant count", kMostConstants);
    temporaries_ = count("a temporary count", kMostTemporaries);
    steps_ = count("a step count", kMostSteps);
    const size_t wanted = 3 + static_cast<size_t>(constants_) + 5 * static_cast<size_t>(steps_);
    if (instruction_.parameters.size() != wanted) {
      refuse(std::to_string(wanted) + " parameters", place_of(instruction_),
             std::to_string(instruction_.parameters.size()));
    }
    next_ += static_cast<size_t>(constants_);  // any number at all
    for (int i = 0; i < kInputs; ++i) defined_[i] = instruction_.operands[static_cast<size_t>(i)].present;
    for (int i = 0; i < constants_; ++i) defined_[kInputs + i] = true;
    for (int i = 0; i < steps_; ++i) check_step(i);
    for (int i = 0; i < kOutputs; ++i) {
      if (instruction_.operands[static_cast<size_t>(kInputs + i)].present && !defined_[first_output() + i]) {
        refuse("a step that writes it", place_of(instruction_, static_cast<size_t>(kInputs + i)), "none");
      }
    }
  }

 private:
  int first_output() const { return kInputs + constants_ + temporaries_; }
  int registers() const { return first_output() + kOutputs; }

  int integer(const std::string& what, int low, int high) {
    const std::string place = "code word " + std::to_string(next_) + " of " + place_of(instruction_);
    const std::string wanted =
        what + ", an integer from " + std::to_string(low) + " to " + std::to_string(high);
    if (next_ >= instruction_.parameters.size()) refuse(wanted, place, "the end of the code");
    const double value = instruction_.parameters[next_];
    if (!(value >= low && value <= high) || value != static_cast<int>(value))
      refuse(wanted, place, number_text(value));
    ++next_;
    return static_cast<int>(value);
  }
  int count(const std::string& what, int most) { return integer(what, 0, most); }

  void check_step(int number) {
    const std::string step = " of step " + std::to_string(number);
    const auto& functions = pointwise_rows();
    const int row = integer("a row of pointwise.inc", 0, static_cast<int>(functions.size()) - 1);
    const int to =
        integer("a temporary or an output as destination" + step, kInputs + constants_, registers() - 1);
    if (to >= first_output() &&
        !instruction_.operands[static_cast<size_t>(kInputs + to - first_output())].present) {
      refuse("a present output as destination" + step, place_of(instruction_),
             "y" + std::to_string(to - first_output()));
    }
    for (int argument = 0; argument < 3; ++argument) {
      const int from = integer("a register" + step, 0, registers() - 1);
      if (argument < functions[static_cast<size_t>(row)].arity && !defined_[from]) {
        refuse("a register that holds a value as argument " + std::to_string(argument) + step,
               place_of(instruction_), "register " + std::to_string(from));
      }
    }
    defined_[to] = true;
  }

  const InstructionCode& instruction_;
  size_t next_ = 0;
  int constants_ = 0, temporaries_ = 0, steps_ = 0;
  bool defined_[kInputs + kMostConstants + kMostTemporaries + kOutputs] = {};
};

void check_pointwise(const ProgramCode& code, const InstructionCode& instruction) {
  check_pointwise_operands(code, instruction);
  ChainCheck(instruction).run();
}

// ---- the others

// w is a matrix for each element of the batch, or a single one in panels of columns. The kernel combines with
// aux, and with nothing else.
void check_gemm(const ProgramCode&, const InstructionCode& instruction) {
  const OperandCode &w = operand(instruction, "w"), &c = operand(instruction, "c");
  const int64_t batch = c.shape[0], columns = c.shape[2], panels = w.shape[0], width = w.shape[2];
  const bool in_panels =
      batch == 1 && width > 0 && width < columns && panels == (columns + width - 1) / width;
  if (!in_panels && (panels != batch || width != columns)) {
    const std::string k = std::to_string(w.shape[1]), n = std::to_string(columns);
    refuse("shape [" + std::to_string(batch) + ", " + k + ", " + n + "]" +
               (batch == 1 ? " or panels of fewer columns v [ceil(" + n + " / v), " + k + ", v]" : ""),
           place_of(instruction, 1), shape_of(w));
  }
  if (parameter(instruction, "combine") >= 0 && !operand(instruction, "aux").present) {
    refuse("operand aux, since combine is a function,", place_of(instruction), "none");
  }
}

void check_copy(const ProgramCode&, const InstructionCode& instruction) {
  if (!same_shape(operand(instruction, "x"), operand(instruction, "y"))) {
    refuse("the shape of operand x", place_of(instruction, 1), "another shape");
  }
}

// An index of nothing does not exist, and the answer is an int32.
void check_arg_reduce(const ProgramCode&, const InstructionCode& instruction) {
  const int64_t size = operand(instruction, "x").shape[1];
  const bool asked = operand(instruction, "y").elements > 0;
  if (asked && (size < 1 || size > INT32_MAX)) {
    refuse("1 to 2147483647 elements on axis 1", place_of(instruction, 0), std::to_string(size));
  }
}

// Labels and row numbers are int32, so more columns or rows could not be named.
void check_index_range(const InstructionCode& instruction, const char* name, int axis) {
  const int64_t size = operand(instruction, name).shape[axis];
  if (size > INT32_MAX) {
    refuse("at most 2147483647 elements on axis " + std::to_string(axis),
           place_of(instruction, static_cast<size_t>(instruction.row->operand_number(name))),
           std::to_string(size));
  }
}
void check_cross_entropy(const ProgramCode&, const InstructionCode& instruction) {
  check_index_range(instruction, "logits", 1);
}
void check_pick_forward(const ProgramCode&, const InstructionCode& instruction) {
  check_index_range(instruction, "x", 1);
}
void check_pick_backward(const ProgramCode&, const InstructionCode& instruction) {
  check_index_range(instruction, "dx", 1);
}
void check_rows(const ProgramCode&, const InstructionCode& instruction) {
  check_index_range(instruction, "table", 0);
}

// Momentum is kept in v.
void check_momentum(const ProgramCode&, const InstructionCode& instruction) {
  if (parameter(instruction, "momentum") != 0 && !operand(instruction, "v").present) {
    refuse("operand v, since momentum is not 0,", place_of(instruction), "none");
  }
}

struct KernelCheck {
  const char* name;
  void (*check)(const ProgramCode&, const InstructionCode&);
};

constexpr KernelCheck kChecks[] = {
    {"gemm", check_gemm},
    {"pointwise", check_pointwise},
    {"copy", check_copy},
    {"arg_reduce", check_arg_reduce},
    {"cross_entropy_forward", check_cross_entropy},
    {"cross_entropy_backward", check_cross_entropy},
    {"pick_forward", check_pick_forward},
    {"pick_backward", check_pick_backward},
    {"gather_rows", check_rows},
    {"scatter_add_rows", check_rows},
    {"sgd_step", check_momentum},
    {"rmsprop_step", check_momentum},
};

/** Kernels with operands of any shape or code of their own must be in the list above. */
bool needs_check(const KernelRow& row) {
  const bool any_shape =
      std::any_of(row.operands.begin(), row.operands.end(), [](const OperandRow& o) { return o.any_shape; });
  return any_shape || (!row.parameters.empty() && row.parameters.back().kind == ParameterRow::Kind::code);
}

}  // namespace

void check_kernel(const ProgramCode& code, const InstructionCode& instruction) {
  for (const KernelCheck& entry : kChecks) {
    if (instruction.row->name == entry.name) {
      entry.check(code, instruction);
      return;
    }
  }
  if (needs_check(*instruction.row)) refuse("a check in runtime/checks.cpp", place_of(instruction), "none");
}

// pointwise reads each element of a block before it writes it, and gathers an input that a later
// step reads again.
bool may_work_in_place(const KernelRow& row, size_t output, size_t input) {
  if (static_cast<int>(input) >= row.input_count) return false;
  return row.operands[output].alias == static_cast<int>(input) || row.name == "pointwise";
}

}  // namespace nabla
