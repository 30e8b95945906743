#include "signature.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "error.h"

namespace nabla {
namespace {

[[noreturn]] void malformed(const std::string& row, const std::string& item) {
  throw Error(ErrorCode::program, expected("the grammar of kernels.inc", "row " + row, "\"" + item + "\""));
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

TypeRule parse_type(const std::string& row, const std::string& text) {
  if (text == "f") return TypeRule::real;
  if (text == "i32") return TypeRule::i32;
  if (text == "u8") return TypeRule::u8;
  if (text == "t") return TypeRule::same;
  if (text == "any") return TypeRule::any;
  malformed(row, text);
}

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Dimension parse_dimension(KernelRow& row, const std::string& text) {
  if (is_number(text)) return {-1, std::atoll(text.c_str())};
  const auto found = std::find(row.symbols.begin(), row.symbols.end(), text);
  if (found != row.symbols.end()) return {static_cast<int>(found - row.symbols.begin()), 0};
  row.symbols.push_back(text);
  return {static_cast<int>(row.symbols.size()) - 1, 0};
}

void parse_flags(const KernelRow& row, OperandRow& operand, const std::string& flags) {
  for (size_t i = 0; i < flags.size(); ++i) {
    if (flags[i] == '?') {
      operand.optional = true;
    } else if (flags[i] == '~') {
      operand.strided = true;
    } else if (flags[i] == '+' && operand.output) {
      operand.read_write = true;
    } else if (flags[i] == '@' && operand.output) {
      operand.alias = row.operand_number(flags.substr(i + 1));
      if (operand.alias < 0 || operand.alias >= row.input_count) malformed(row.name, flags);
      return;
    } else {
      malformed(row.name, flags);
    }
  }
}

// name:dtype[dims]flags
OperandRow parse_operand(KernelRow& row, const std::string& text, bool output) {
  const size_t colon = text.find(':');
  const size_t open = text.find('[');
  const size_t close = text.find(']');
  if (colon == std::string::npos || open == std::string::npos || close == std::string::npos || colon > open ||
      open > close) {
    malformed(row.name, text);
  }
  OperandRow operand;
  operand.name = text.substr(0, colon);
  operand.type = parse_type(row.name, text.substr(colon + 1, open - colon - 1));
  operand.output = output;
  const std::string dims = text.substr(open + 1, close - open - 1);
  operand.any_shape = dims == "*";
  if (!operand.any_shape) {
    for (const std::string& dim : split(dims, ',')) operand.dimensions.push_back(parse_dimension(row, dim));
  }
  parse_flags(row, operand, text.substr(close + 1));
  return operand;
}

// name | name:lo..hi | name:unary | name:binary | name...
ParameterRow parse_parameter(const std::string& row, const std::string& text) {
  ParameterRow parameter;
  if (text.size() > 3 && text.compare(text.size() - 3, 3, "...") == 0) {
    parameter.name = text.substr(0, text.size() - 3);
    parameter.kind = ParameterRow::Kind::code;
    return parameter;
  }
  const size_t colon = text.find(':');
  parameter.name = text.substr(0, colon);
  if (colon == std::string::npos) return parameter;
  const std::string kind = text.substr(colon + 1);
  const size_t dots = kind.find("..");
  if (kind == "unary") {
    parameter.kind = ParameterRow::Kind::unary;
  } else if (kind == "binary") {
    parameter.kind = ParameterRow::Kind::binary;
  } else if (dots != std::string::npos && is_number(kind.substr(0, dots)) &&
             is_number(kind.substr(dots + 2))) {
    parameter.kind = ParameterRow::Kind::integer;
    parameter.low = std::atof(kind.substr(0, dots).c_str());
    parameter.high = std::atof(kind.substr(dots + 2).c_str());
  } else {
    malformed(row, text);
  }
  return parameter;
}

}  // namespace

int KernelRow::operand_number(const std::string& operand_name) const {
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].name == operand_name) return static_cast<int>(i);
  }
  return -1;
}

KernelRow parse_row(const std::string& name, const std::string& inputs, const std::string& outputs,
                    const std::string& parameters) {
  KernelRow row;
  row.name = name;
  for (const std::string& text : split(inputs, ' ')) row.operands.push_back(parse_operand(row, text, false));
  row.input_count = static_cast<int>(row.operands.size());
  for (const std::string& text : split(outputs, ' ')) row.operands.push_back(parse_operand(row, text, true));
  for (const std::string& text : split(parameters, ' '))
    row.parameters.push_back(parse_parameter(name, text));
  if (row.operands.size() > static_cast<size_t>(kMaxOperands)) malformed(name, "too many operands");
  for (size_t i = 0; i + 1 < row.parameters.size(); ++i) {
    if (row.parameters[i].kind == ParameterRow::Kind::code) malformed(name, "code before another parameter");
  }
  return row;
}

const std::vector<KernelRow>& kernel_rows() {
  static const std::vector<KernelRow> rows = {
#define KERNEL(name, inputs, outputs, parameters) parse_row(#name, inputs, outputs, parameters),
#include "../kernels/kernels.inc"
#undef KERNEL
  };
  return rows;
}

const std::vector<PointwiseRow>& pointwise_rows() {
  static const std::vector<PointwiseRow> rows = {
#define POINTWISE(name, arity, ...) {#name, arity},
#include "../kernels/pointwise.inc"
#undef POINTWISE
  };
  return rows;
}

const char* dtype_name(DType type) {
  switch (type) {
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::i32:
      return "int32";
    case DType::u8:
      return "uint8";
  }
  return "unknown";
}

}  // namespace nabla
