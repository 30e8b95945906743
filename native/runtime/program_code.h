// A program as data: what program_reader.cpp makes of the words and program_verifier.cpp accepts.
//
// Words (float64, every number exact):
//   magic, version, real type (0 float32, 1 float64), slot count, instruction count, arena bytes
//   slots 1 .. slot count:  least bytes, writable 0/1          (slot 0 is the arena)
//   instructions:  row of kernels.inc
//                  every operand of the row, inputs then outputs:  present 0/1, and if present
//                     slot, offset in bytes, dtype, rank, sizes[rank], strides[rank] in elements,
//                     advance in bytes (added a step)
//                  parameter count, parameters
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "signature.h"

namespace nabla {

constexpr double kProgramMagic = 0x6e61626c;  // "nabl"
constexpr double kProgramVersion = 1;
/** Sizes, strides, offsets and byte counts stay below: exact as float64, no int64 sum overflows. */
constexpr int64_t kMostBytes = int64_t{1} << 53;

struct Slot {
  int64_t bytes;  // the arena's size, or the least a bound buffer has
  bool writable;
};

struct OperandCode {
  bool present = false;
  int slot = 0;
  int64_t offset = 0;   // bytes
  int64_t advance = 0;  // bytes a step
  DType dtype = DType::f32;
  int rank = 0;
  int64_t shape[kMaxRank] = {};
  int64_t stride[kMaxRank] = {};
  // Found by the verifier:
  int64_t elements = 0;
  int64_t end = 0;  // offset of the first byte behind the last element
  bool dense = false;
};

struct InstructionCode {
  int number;      // position in the program
  int row_number;  // in kernel_rows()
  const KernelRow* row;
  std::vector<OperandCode> operands;
  std::vector<double> parameters;
};

struct ProgramCode {
  DType real = DType::f32;
  std::vector<Slot> slots;  // slot 0: the arena
  std::vector<InstructionCode> instructions;
  int64_t most_steps = kMostBytes;  // before advancing operands meet one another or leave the arena
};

/** Throws Error(program) when the words are not a program: a word missing, left over, or no integer
 *  of its range. */
ProgramCode read_program(const double* words, size_t count);

/** Throws Error(program) unless every instruction keeps to its signature, its memory and the rules
 *  of aliasing. Afterwards kernels need no check. */
void verify_program(ProgramCode& code);

/** "instruction 3 (gemm)" and "operand c of instruction 3 (gemm)", for messages. */
std::string place_of(const InstructionCode& instruction);
std::string place_of(const InstructionCode& instruction, size_t operand);
/** "shape [1, 2, 3]". */
std::string shape_of(const OperandCode& operand);

}  // namespace nabla
