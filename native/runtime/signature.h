// The rows of kernels.inc and pointwise.inc as structures, parsed once.
// The grammar stands at the head of kernels.inc.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../kernels/call.h"

namespace nabla {

/** What the dtype of an operand must be. */
enum class TypeRule { real, i32, u8, same, any };

struct Dimension {
  int symbol;       // number of the name within the row, or -1: a literal size
  int64_t literal;  // the size when symbol is -1
};

struct OperandRow {
  std::string name;
  TypeRule type = TypeRule::real;
  bool any_shape = false;
  std::vector<Dimension> dimensions;  // empty when any_shape
  bool output = false;
  bool optional = false;
  bool strided = false;
  bool read_write = false;  // an output that is also read
  int alias = -1;           // operand number of the input whose very memory this output may be
};

struct ParameterRow {
  enum class Kind { number, integer, unary, binary, code };
  std::string name;
  Kind kind = Kind::number;
  double low = 0;
  double high = 0;
};

struct KernelRow {
  std::string name;
  std::vector<OperandRow> operands;  // inputs, then outputs
  int input_count = 0;
  std::vector<std::string> symbols;  // names of dimensions
  std::vector<ParameterRow> parameters;

  int operand_number(const std::string& operand_name) const;  // -1: none of that name
};

struct PointwiseRow {
  const char* name;
  int arity;
};

const std::vector<KernelRow>& kernel_rows();
const std::vector<PointwiseRow>& pointwise_rows();

/** Parses one row; throws Error(program) when the text does not follow the grammar. */
KernelRow parse_row(const std::string& name, const std::string& inputs, const std::string& outputs,
                    const std::string& parameters);

constexpr int64_t element_size(DType type) { return type == DType::f64 ? 8 : type == DType::u8 ? 1 : 4; }
const char* dtype_name(DType type);

}  // namespace nabla
