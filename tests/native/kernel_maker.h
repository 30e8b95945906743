// Makes random cases from the signatures.
#pragma once
#include <string>
#include <vector>

#include "check.h"
#include "kernel_case.h"

namespace test {

class CaseMaker {
 public:
  CaseMaker(const KernelRow& row, Generator& generator, Pass pass, bool large)
      : row_(row), generator_(generator), large_(large) {
    it_.row = &row;
    it_.pass = pass;
  }

  Case make() {
    choose_sizes();
    for (size_t i = 0; i < row_.operands.size(); ++i) it_.operands.push_back(make_operand(i));
    choose_parameters();
    settle();
    for (size_t i = 0; i < row_.operands.size(); ++i) share(i);
    return it_;
  }

  /** A pointwise case of one step: y0 = function(x0, x1, x2), n elements. */
  Case make_function(int function, int arity, int64_t n) {
    sizes_ = {n};
    for (size_t i = 0; i < row_.operands.size(); ++i) {
      const bool present = static_cast<int>(i) < arity || i == 8;
      it_.operands.push_back(present ? make_plain(i, n) : CaseOperand());
    }
    const double first_output = 8;
    it_.parameters = {0,
                      0,
                      1,
                      static_cast<double>(function),
                      first_output,
                      0,
                      arity > 1 ? 1.0 : 0.0,
                      arity > 2 ? 2.0 : 0.0};
    return it_;
  }

 private:
  CaseOperand make_plain(size_t index, int64_t n) {
    CaseOperand operand;
    operand.present = true;
    operand.shape = {n};
    operand.stride = {1};
    operand.lead = below(generator_, 17);
    find_places(operand);
    operand.filled = !row_.operands[index].output;
    operand.values.assign(static_cast<size_t>(operand.extent), 0);
    if (operand.filled) fill(index, operand);
    return operand;
  }

  void complain(const std::string& what) {
    check(false, "kernel_cases.h has no entry for", __FILE__, __LINE__, row_.name + " " + what);
  }

  // 0, 1, and around one, two and three vectors of every instruction set; elements in all stay few.
  int64_t size() {
    static const int64_t few[] = {0,  1,  1,  2,  3,  4,  5,  7,  8,  9,  13, 15,
                                  16, 17, 31, 32, 33, 47, 48, 49, 51, 64, 65};
    static const int64_t many[] = {1, 2, 17, 65, 300, 1025, 5000, 40001, 150001};
    return large_ ? many[below(generator_, std::size(many))] : few[below(generator_, std::size(few))];
  }

  void choose_sizes() {
    const double most = large_ ? (row_.name == "gemm" ? 8e6 : 400e3) : 30e3;
    const size_t axes = any_shape() ? static_cast<size_t>(below(generator_, 5)) : row_.symbols.size();
    double product;
    do {
      sizes_.clear();
      product = 1;
      for (size_t i = 0; i < axes; ++i) {
        sizes_.push_back(size());
        if (row_.name == "gemm" && (row_.symbols[i] == "p" || row_.symbols[i] == "v")) continue;
        product *= static_cast<double>(std::max<int64_t>(sizes_.back(), 1));
      }
    } while (product > most || (large_ && product < most / 20 && axes > 0));
    if (row_.name == "gemm") choose_panels();
    if (row_.name == "arg_reduce")
      sizes_[1] = std::max<int64_t>(sizes_[1], 1);  // an index of nothing is refused
  }

  /** w as a matrix for each element of the batch, or as panels of a single one. */
  void choose_panels() {
    int64_t &batch = size_of("b"), &panels = size_of("p"), &width = size_of("v");
    const int64_t columns = size_of("n");
    panels = batch, width = columns;
    if (columns < 2 || coin(generator_)) return;
    batch = 1;
    width = 1 + below(generator_, columns - 1);
    panels = (columns + width - 1) / width;
  }

  bool any_shape() const {
    return std::any_of(row_.operands.begin(), row_.operands.end(),
                       [](const OperandRow& o) { return o.any_shape; });
  }

  int64_t& size_of(const char* symbol) {
    const auto found = std::find(row_.symbols.begin(), row_.symbols.end(), symbol);
    return sizes_[static_cast<size_t>(found - row_.symbols.begin())];
  }

  DType type_of(const OperandRow& rule) {
    static const DType move[] = {DType::f32, DType::f64, DType::i32, DType::u8};
    static const DType any[] = {DType::f32, DType::f32, DType::i32, DType::u8};
    switch (rule.type) {
      case TypeRule::real:
        return DType::f32;
      case TypeRule::i32:
        return DType::i32;
      case TypeRule::u8:
        return DType::u8;
      case TypeRule::any:
        return any[below(generator_, 4)];
      case TypeRule::same:
        break;
    }
    if (same_ < 0) same_ = below(generator_, 4);
    return move[same_];
  }

  CaseOperand make_operand(size_t index) {
    const OperandRow& rule = row_.operands[index];
    CaseOperand operand;
    operand.present = !rule.optional || coin(generator_);
    operand.dtype = type_of(rule);
    if (!operand.present) return operand;
    if (rule.any_shape) {
      operand.shape = sizes_;
    } else {
      for (const nabla::Dimension& d : rule.dimensions) {
        operand.shape.push_back(d.symbol < 0 ? d.literal : sizes_[static_cast<size_t>(d.symbol)]);
      }
    }
    operand.stride = rule.strided ? strides(operand.shape, rule.output) : dense_strides(operand.shape);
    operand.lead = below(generator_, 17);
    find_places(operand);
    operand.filled = !rule.output || rule.read_write;
    operand.values.assign(static_cast<size_t>(operand.extent), 0);
    if (operand.filled) fill(index, operand);
    return operand;
  }

  /** Dense, or the axes in another order, with gaps, or (inputs) repeated. */
  std::vector<int64_t> strides(const std::vector<int64_t>& shape, bool output) {
    if (below(generator_, 3) == 0) return dense_strides(shape);
    std::vector<size_t> order(shape.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (coin(generator_)) std::shuffle(order.begin(), order.end(), generator_);
    const bool gaps = coin(generator_);
    std::vector<int64_t> result(shape.size());
    int64_t stride = gaps && coin(generator_) ? 2 : 1;
    for (size_t i = order.size(); i-- > 0;) {
      result[order[i]] = stride;
      stride = stride * std::max<int64_t>(shape[order[i]], 1) + (gaps ? below(generator_, 4) : 0);
    }
    if (!output) {
      for (int64_t& each : result) {
        if (below(generator_, 5) == 0) each = 0;
      }
    }
    return result;
  }

  static void find_places(CaseOperand& operand) {
    int64_t count = 1;
    operand.extent = 1;
    for (size_t axis = 0; axis < operand.shape.size(); ++axis) {
      count *= operand.shape[axis];
      operand.extent += std::max<int64_t>(operand.shape[axis] - 1, 0) * operand.stride[axis];
    }
    if (count == 0) operand.extent = 0;
    std::vector<int64_t> index(operand.shape.size(), 0);
    for (int64_t i = 0; i < count; ++i) {
      int64_t place = 0;
      for (size_t axis = 0; axis < index.size(); ++axis) place += index[axis] * operand.stride[axis];
      operand.places.push_back(place);
      for (size_t axis = index.size(); axis-- > 0;) {
        if (++index[axis] < operand.shape[axis]) break;
        index[axis] = 0;
      }
    }
  }

  double real_value() {
    static const double special[] = {NAN,   INFINITY, -INFINITY,     0.0, -0.0,
                                     1e-40, -1e-40,   1.1754944e-38, 1,   -1};
    if (it_.pass == Pass::integers) return static_cast<double>(below(generator_, 7) - 3);
    if (it_.pass == Pass::special && below(generator_, 12) == 0)
      return special[below(generator_, std::size(special))];
    return static_cast<double>(static_cast<float>(2 * normal_(generator_)));
  }

  double uniform() { return static_cast<double>(below(generator_, 1 << 20)) / (1 << 20); }

  void fill(size_t index, CaseOperand& operand) {
    const OperandRow& rule = row_.operands[index];
    const OperandFill* entry = fill_of(row_.name, rule.name);
    if (!entry && rule.type == TypeRule::i32) return complain("operand " + rule.name);
    const Fill kind = entry ? entry->fill : Fill::normal;
    const int64_t range = kind == Fill::index ? size_of(entry->symbol) : 1;
    for (size_t i = 0; i < operand.values.size(); ++i)
      operand.values[i] = value(kind, operand.dtype, range, i);
  }

  double value(Fill kind, DType dtype, int64_t range, size_t i) {
    switch (kind) {
      case Fill::positive:
        return static_cast<double>(static_cast<float>(1 + uniform()));
      case Fill::small:
        return uniform() - 0.5;
      case Fill::rate:
        return static_cast<double>(static_cast<float>(static_cast<double>(below(generator_, 11)) / 10));
      case Fill::scalars: {
        const double scalars[] = {0.0625, 1.0 + static_cast<double>(below(generator_, 3)), 0.25, 0.125};
        return scalars[i % 4];
      }
      case Fill::index:
        return static_cast<double>(below(generator_, std::max<int64_t>(range, 1)));
      case Fill::bits:
        return static_cast<double>(static_cast<int32_t>(generator_()));
      case Fill::normal:
        break;
    }
    if (dtype == DType::u8) return static_cast<double>(below(generator_, 256));
    if (dtype == DType::i32) return static_cast<double>(below(generator_, 20001) - 10000);
    return real_value();
  }

  double function(int arity) {
    for (;;) {
      const double row = function_number(kSmooth[below(generator_, std::size(kSmooth))]);
      if (row < 0) {
        complain("function in kSmooth");
        return -1;
      }
      if (nabla::pointwise_rows()[static_cast<size_t>(row)].arity == arity) return row;
    }
  }

  void choose_parameters() {
    for (const ParameterRow& rule : row_.parameters) {
      switch (rule.kind) {
        case ParameterRow::Kind::number: {
          const NumberChoices* choices = choices_of(row_.name, rule.name);
          if (!choices) return complain("parameter " + rule.name);
          it_.parameters.push_back(choices->choices[static_cast<size_t>(
              below(generator_, static_cast<int64_t>(choices->choices.size())))]);
          break;
        }
        case ParameterRow::Kind::integer: {
          const double span = rule.high - rule.low + 1;
          it_.parameters.push_back(rule.low +
                                   static_cast<double>(below(generator_, static_cast<int64_t>(span))));
          break;
        }
        case ParameterRow::Kind::unary:
        case ParameterRow::Kind::binary: {
          const int arity = rule.kind == ParameterRow::Kind::unary ? 1 : 2;
          const bool none = it_.pass == Pass::integers || coin(generator_);
          it_.parameters.push_back(none ? -1 : function(arity));
          break;
        }
        case ParameterRow::Kind::code:
          if (row_.name != "pointwise") return complain("code");
          make_chain();
          break;
      }
    }
  }

  // ---- the code of pointwise

  /** Steps on any registers that hold a value; then one step for each output not yet written. */
  void make_chain() {
    const int constants = static_cast<int>(below(generator_, 3)),
              temporaries = static_cast<int>(below(generator_, 4));
    const int first_output = 8 + constants + temporaries;
    std::vector<int> defined, targets, missing;
    for (int i = 0; i < 8; ++i) {
      if (it_.operands[static_cast<size_t>(i)].present) defined.push_back(i);
    }
    for (int i = 0; i < constants; ++i) defined.push_back(8 + i);
    for (int i = 0; i < temporaries; ++i) targets.push_back(8 + constants + i);
    for (int i = 0; i < 4; ++i) {
      if (it_.operands[static_cast<size_t>(8 + i)].present) missing.push_back(first_output + i);
    }
    std::vector<double> steps;
    int count = 0;
    const auto step = [&](int to) {
      const int64_t row = below(generator_, static_cast<int64_t>(nabla::pointwise_rows().size()));
      steps.push_back(static_cast<double>(row));
      steps.push_back(to);
      for (int argument = 0; argument < 3; ++argument) {
        const int arity = nabla::pointwise_rows()[static_cast<size_t>(row)].arity;
        const bool read = argument < arity;
        steps.push_back(
            read ? defined[static_cast<size_t>(below(generator_, static_cast<int64_t>(defined.size())))] : 0);
      }
      if (std::find(defined.begin(), defined.end(), to) == defined.end()) defined.push_back(to);
      ++count;
    };
    if (defined.empty()) {  // something must be read
      it_.operands[0] = make_present_input();
      defined.push_back(0);
    }
    for (const int target : targets) step(target);
    for (const int target : missing) step(target);
    it_.parameters = {static_cast<double>(constants), static_cast<double>(temporaries),
                      static_cast<double>(count)};
    for (int i = 0; i < constants; ++i)
      it_.parameters.push_back(static_cast<double>(below(generator_, 9)) / 2 - 2);
    it_.parameters.insert(it_.parameters.end(), steps.begin(), steps.end());
  }

  CaseOperand make_present_input() {
    CaseOperand operand;
    do operand = make_operand(0);
    while (!operand.present);
    return operand;
  }

  /** What the meaning of a row asks of several operands and parameters together. */
  void settle() {
    settle_without("v", "momentum", 0);  // momentum is kept in v
    settle_without("aux", "combine", -1);
  }

  /** Without the operand, the parameter must have the value that means none. */
  void settle_without(const char* operand, const char* parameter, double none) {
    const int index = row_.operand_number(operand);
    if (index < 0 || it_.operands[static_cast<size_t>(index)].present) return;
    for (size_t i = 0; i < row_.parameters.size() && i < it_.parameters.size(); ++i) {
      if (row_.parameters[i].name == parameter) it_.parameters[i] = none;
    }
  }

  /** Lets an output work on the memory of the input it may share. */
  void share(size_t index) {
    const OperandRow& rule = row_.operands[index];
    CaseOperand& y = it_.operands[index];
    if (!rule.output || !y.present) return;
    int input = rule.alias;
    if (row_.name == "pointwise") input = static_cast<int>(below(generator_, 8));
    if (input < 0 || coin(generator_)) return;
    const CaseOperand& x = it_.operands[static_cast<size_t>(input)];
    if (!x.present || x.dtype != y.dtype || x.stride != dense_strides(x.shape)) return;
    for (const CaseOperand& other : it_.operands) {
      if (other.shares == input) return;
    }
    y.shares = input;
    y.lead = x.lead;
  }

  const KernelRow& row_;
  Generator& generator_;
  bool large_;
  Case it_;
  std::vector<int64_t> sizes_;  // by symbol; axes of a row of any shape
  int64_t same_ = -1;
  std::normal_distribution<double> normal_;
};

}  // namespace test
