// What the kernel test must be told beyond the signatures of kernels.inc: which values mean
// something, and how far two instruction sets may differ. A row or a number parameter that is
// missing here makes the test fail.
#pragma once
#include <cstring>
#include <string>
#include <vector>

namespace test {

/** What the elements of an operand are. */
enum class Fill {
  normal,    // N(0, 2^2), or special values, or small integers, as the pass wants
  positive,  // 1 to 2: variances, squares, reciprocal deviations
  small,     // -0.5 to 0.5
  rate,      // 0 to 1, ends included
  scalars,   // learning rate, step, 1 - beta1^step, 1 - beta2^step
  index,     // integers below the size `symbol`
  bits,      // any integers: a key
};

struct OperandFill {
  const char* kernel;
  const char* operand;
  Fill fill;
  const char* symbol;
};

// Operands of type f not listed are Fill::normal; every i32 operand must be listed.
constexpr OperandFill kFills[] = {
    {"cross_entropy_forward", "labels", Fill::index, "c"},
    {"cross_entropy_forward", "weight", Fill::positive, ""},
    {"cross_entropy_backward", "labels", Fill::index, "c"},
    {"cross_entropy_backward", "weight", Fill::positive, ""},
    {"pick_forward", "index", Fill::index, "c"},
    {"pick_backward", "index", Fill::index, "c"},
    {"batch_norm_backward", "rstd", Fill::positive, ""},
    {"layer_norm_backward", "rstd", Fill::positive, ""},
    {"rms_norm_backward", "rstd", Fill::positive, ""},
    {"gather_rows", "index", Fill::index, "v"},
    {"scatter_add_rows", "index", Fill::index, "v"},
    {"random", "key", Fill::bits, ""},
    {"dropout", "key", Fill::bits, ""},
    {"dropout", "rate", Fill::rate, ""},
    {"sgd_step", "scalars", Fill::scalars, ""},
    {"adagrad_step", "scalars", Fill::scalars, ""},
    {"adagrad_step", "s", Fill::positive, ""},
    {"rmsprop_step", "scalars", Fill::scalars, ""},
    {"rmsprop_step", "s", Fill::positive, ""},
    {"rmsprop_step", "mean", Fill::small, ""},
    {"adam_step", "scalars", Fill::scalars, ""},
    {"adam_step", "v", Fill::positive, ""},
    {"adam_step", "vmax", Fill::positive, ""},
};

struct NumberChoices {
  const char* kernel;  // "" for every kernel that has no entry of its own
  const char* parameter;
  std::vector<double> choices;
};

inline const std::vector<NumberChoices>& number_choices() {
  static const std::vector<NumberChoices> choices = {
      {"gemm", "alpha", {1, 1, -1, 0.5, 2}},
      {"gemm", "beta", {0, 0, 1, 0.5, -2}},
      {"rmsprop_step", "alpha", {0.99, 0.9}},
      {"", "smoothing", {0, 0.1, 0.5}},
      {"", "ignore_index", {-100, 1}},
      {"", "epsilon", {1e-5, 1e-3}},
      {"", "value", {0, 1.5, -3, HUGE_VAL}},
      {"", "a", {0, -2}},
      {"", "b", {1, 3}},
      {"", "momentum", {0, 0.9}},
      {"", "dampening", {0, 0.5}},
      {"", "weight_decay", {0, 0.01}},
      {"", "beta1", {0.9, 0}},
      {"", "beta2", {0.999, 0.9}},
  };
  return choices;
}

/** How far results may be apart. elements: |a - b| <= t (0.1 + |b|). sums, where the order of terms
 *  differs: |a - b| <= t (1 + max |b|) over the output, since single terms are of the size of the
 *  largest result or of 1. */
struct Tolerance {
  const char* kernel;
  bool sums;
  double isa;           // an instruction set against scalar; 0: equal
  double float64;       // scalar against scalar64; negative: the row has no operand of type f
  bool exact_integers;  // small integers give the same numbers everywhere
};

// float32 rounds at 6e-8. Elementwise rows are one source on every instruction set, so the bits
// agree, but for sin and cos, where a vector that holds a large argument takes another way (1 ULP);
// against float64 a few roundings (and 2 ULP functions) come to 1e-6. Sums over up to some
// thousand terms: 2e-6; the normal numbers of random are sines of angles up to 2 pi; quotients by deviations
// of few elements amplify: 2e-5 and 2e-4.
constexpr Tolerance kTolerances[] = {
    {"gemm", true, 3e-6, 3e-6, true},
    {"pointwise", false, 3e-7, 3e-6, false},
    {"reduce", true, 2e-6, 2e-6, true},
    {"arg_reduce", false, 0, 0, true},
    {"softmax_forward", true, 2e-6, 2e-6, false},
    {"softmax_backward", true, 5e-6, 5e-6, false},
    {"cross_entropy_forward", true, 3e-6, 3e-6, false},
    {"cross_entropy_backward", true, 5e-6, 5e-6, false},
    {"pick_forward", false, 0, 0, true},
    {"pick_backward", false, 0, 0, true},
    {"batch_norm_forward", true, 2e-5, 2e-4, false},
    {"batch_norm_backward", true, 2e-5, 2e-4, false},
    {"layer_norm_forward", true, 2e-5, 2e-4, false},
    {"layer_norm_backward", true, 2e-5, 2e-4, false},
    {"rms_norm_forward", true, 2e-5, 2e-4, false},
    {"rms_norm_backward", true, 2e-5, 2e-4, false},
    {"gather_rows", false, 0, -1, true},
    {"scatter_add_rows", true, 0, 2e-6, true},
    {"copy", false, 0, -1, true},
    {"fill", false, 0, 0, true},
    {"random", true, 0, 3e-6, false},
    {"dropout", false, 0, 1e-6, false},
    {"check_finite", false, 0, 0, true},
    {"sgd_step", false, 0, 2e-6, false},
    {"adagrad_step", false, 0, 2e-6, false},
    {"rmsprop_step", false, 0, 3e-6, false},
    {"adam_step", false, 0, 3e-6, false},
};

// Activations and combinations of gemm: those that do not blow up the rounding of a sum (as 1/x
// near 0 would) and do not jump (as floor would). pointwise meets every function with exact arguments.
constexpr const char* kSmooth[] = {
    "identity",  "neg",       "abs",       "sigmoid",      "log_sigmoid", "tanh",
    "relu",      "relu6",     "softplus",  "softsign",     "silu",        "mish",
    "gelu",      "gelu_tanh", "selu",      "hard_sigmoid", "hard_swish",  "hard_tanh",
    "add",       "sub",       "mul",       "minimum",      "maximum",     "sigmoid_grad",
    "tanh_grad", "relu_grad", "silu_grad", "gelu_grad",    "erf_grad",
};

inline const Tolerance* tolerance_of(const std::string& kernel) {
  for (const Tolerance& entry : kTolerances) {
    if (kernel == entry.kernel) return &entry;
  }
  return nullptr;
}

inline const OperandFill* fill_of(const std::string& kernel, const std::string& operand) {
  for (const OperandFill& entry : kFills) {
    if (kernel == entry.kernel && operand == entry.operand) return &entry;
  }
  return nullptr;
}

inline const NumberChoices* choices_of(const std::string& kernel, const std::string& parameter) {
  const NumberChoices* common = nullptr;
  for (const NumberChoices& entry : number_choices()) {
    if (parameter != entry.parameter) continue;
    if (kernel == entry.kernel) return &entry;
    if (*entry.kernel == 0) common = &entry;
  }
  return common;
}

}  // namespace test
