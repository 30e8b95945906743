#include "error.h"
#include "program_code.h"

namespace nabla {
namespace {

/** Walks the words; every read names what it is, for the message. */
class Words {
 public:
  Words(const double* words, size_t count) : words_(words), count_(count) {}

  double number(const char* what) {
    if (next_ >= count_) {
      throw Error(ErrorCode::program,
                  expected(what, "word " + std::to_string(next_), "the end of the program"));
    }
    return words_[next_++];
  }

  /** An integer from low to high, both exact as float64. */
  int64_t integer(const char* what, double low, double high) {
    const double value = number(what);
    // NaN fails the first comparison; what passes it converts without overflow.
    if (!(value >= low && value <= high) || value != static_cast<double>(static_cast<int64_t>(value))) {
      throw Error(ErrorCode::program, expected(std::string(what) + ", an integer from " + number_text(low) +
                                                   " to " + number_text(high),
                                               "word " + std::to_string(next_ - 1), number_text(value)));
    }
    return static_cast<int64_t>(value);
  }

  int64_t size(const char* what) { return integer(what, 0, static_cast<double>(kMostBytes - 1)); }
  size_t left() const { return count_ - next_; }

  void finish() const {
    if (left() == 0) return;
    throw Error(ErrorCode::program, expected("the end of the program", "word " + std::to_string(next_),
                                             std::to_string(left()) + " more words"));
  }

 private:
  const double* words_;
  size_t count_;
  size_t next_ = 0;
};

OperandCode read_operand(Words& words, size_t slots) {
  OperandCode operand;
  operand.present = words.integer("presence of an operand", 0, 1) == 1;
  if (!operand.present) return operand;
  operand.slot = static_cast<int>(words.integer("a slot", 0, static_cast<double>(slots - 1)));
  operand.offset = words.size("an offset in bytes");
  operand.dtype = static_cast<DType>(words.integer("a dtype", 0, 3));
  operand.rank = static_cast<int>(words.integer("a rank", 0, kMaxRank));
  for (int i = 0; i < operand.rank; ++i) operand.shape[i] = words.size("a dimension");
  for (int i = 0; i < operand.rank; ++i) operand.stride[i] = words.size("a stride");
  operand.advance = words.size("an advance in bytes");
  return operand;
}

InstructionCode read_instruction(Words& words, int number, size_t slots) {
  const auto& rows = kernel_rows();
  InstructionCode instruction;
  instruction.number = number;
  instruction.row_number =
      static_cast<int>(words.integer("a row of kernels.inc", 0, static_cast<double>(rows.size() - 1)));
  instruction.row = &rows[static_cast<size_t>(instruction.row_number)];
  for (size_t i = 0; i < instruction.row->operands.size(); ++i) {
    instruction.operands.push_back(read_operand(words, slots));
  }
  // A count that the rest of the words cannot hold is refused before memory is taken for it.
  const int64_t parameters = words.integer("a parameter count", 0, static_cast<double>(words.left()));
  for (int64_t i = 0; i < parameters; ++i) instruction.parameters.push_back(words.number("a parameter"));
  return instruction;
}

}  // namespace

ProgramCode read_program(const double* words, size_t count) {
  Words reader(words, count);
  reader.integer("the magic number of a program", kProgramMagic, kProgramMagic);
  reader.integer("the version of the program format", kProgramVersion, kProgramVersion);
  ProgramCode code;
  code.real = reader.integer("a real type", 0, 1) == 0 ? DType::f32 : DType::f64;
  // A slot takes two words, an instruction two at least.
  const double half = static_cast<double>(count / 2);
  const int64_t slots = reader.integer("a slot count", 0, half);
  const int64_t instructions = reader.integer("an instruction count", 0, half);
  code.slots.push_back({reader.size("the bytes of the arena"), true});
  for (int64_t i = 0; i < slots; ++i) {
    const int64_t bytes = reader.size("the least bytes of a slot");
    code.slots.push_back({bytes, reader.integer("whether a slot is writable", 0, 1) == 1});
  }
  for (int64_t i = 0; i < instructions; ++i) {
    code.instructions.push_back(read_instruction(reader, static_cast<int>(i), code.slots.size()));
  }
  reader.finish();
  return code;
}

}  // namespace nabla
