// The plain formulas, in float64 and row-major order: what a kernel should give. Rows whose every
// instruction set comes from one source could all be wrong alike; these are written apart from it.
// (Optimizers are held against PyTorch's trajectories, random and dropout against their moments,
// in the TypeScript tests.)
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernel_case.h"

namespace test {

using Numbers = std::vector<double>;

/** Expected elements of every output, in the row's order. */
using Oracle = std::vector<Numbers> (*)(const Case&);

namespace oracle {

inline size_t axis(const Case& it, const char* name, size_t number) {
  return static_cast<size_t>(it.operand(name).shape[number]);
}

inline std::vector<Numbers> copy(const Case& it) { return {it.elements("x")}; }
inline std::vector<Numbers> fill(const Case& it) {
  return {Numbers(axis(it, "y", 0), it.parameter("value"))};
}

inline std::vector<Numbers> gather_rows(const Case& it) {
  const Numbers table = it.elements("table"), index = it.elements("index");
  const size_t d = axis(it, "table", 1);
  Numbers y;
  for (const double row : index) {
    for (size_t j = 0; j < d; ++j) y.push_back(table[static_cast<size_t>(row) * d + j]);
  }
  return {y};
}

inline std::vector<Numbers> scatter_add_rows(const Case& it) {
  const Numbers dy = it.elements("dy"), index = it.elements("index");
  const size_t d = axis(it, "table", 1);
  Numbers table = it.elements("table");
  if (it.parameter("accumulate") == 0) std::fill(table.begin(), table.end(), 0);
  for (size_t k = 0; k < index.size(); ++k) {
    for (size_t j = 0; j < d; ++j) table[static_cast<size_t>(index[k]) * d + j] += dy[k * d + j];
  }
  return {table};
}

inline std::vector<Numbers> pick_forward(const Case& it) {
  const Numbers x = it.elements("x"), index = it.elements("index");
  Numbers y;
  for (size_t r = 0; r < index.size(); ++r)
    y.push_back(x[r * axis(it, "x", 1) + static_cast<size_t>(index[r])]);
  return {y};
}

inline std::vector<Numbers> pick_backward(const Case& it) {
  const Numbers dy = it.elements("dy"), index = it.elements("index");
  const size_t c = axis(it, "dx", 1);
  Numbers dx(dy.size() * c, 0);
  for (size_t r = 0; r < dy.size(); ++r) dx[r * c + static_cast<size_t>(index[r])] = dy[r];
  return {dx};
}

/** Maximum or minimum; a NaN wins. */
inline double best(double a, double b, bool maximum) {
  if (std::isnan(a) || std::isnan(b)) return NAN;
  return maximum ? std::max(a, b) : std::min(a, b);
}

inline std::vector<Numbers> reduce(const Case& it) {
  const Numbers x = it.elements("x");
  const size_t o = axis(it, "x", 0), r = axis(it, "x", 1), n = axis(it, "x", 2);
  const int kind = static_cast<int>(it.parameter("kind"));
  Numbers y;
  for (size_t a = 0; a < o; ++a) {
    for (size_t b = 0; b < n; ++b) {
      double value = kind == 2 ? -INFINITY : kind == 3 ? INFINITY : kind == 4 ? 1 : 0;
      for (size_t k = 0; k < r; ++k) {
        const double each = x[(a * r + k) * n + b];
        if (kind == 2 || kind == 3)
          value = best(value, each, kind == 2);
        else if (kind == 4)
          value *= each;
        else
          value += kind == 5 ? each * each : each;
      }
      y.push_back(kind == 1 ? value / static_cast<double>(r) : value);
    }
  }
  return {y};
}

inline std::vector<Numbers> arg_reduce(const Case& it) {
  const Numbers x = it.elements("x");
  const size_t o = axis(it, "x", 0), r = axis(it, "x", 1), n = axis(it, "x", 2);
  const bool maximum = it.parameter("kind") == 0;
  Numbers y;
  for (size_t a = 0; a < o; ++a) {
    for (size_t b = 0; b < n; ++b) {
      size_t found = 0;
      for (size_t k = 1; k < r; ++k) {
        const double each = x[(a * r + k) * n + b], champion = x[(a * r + found) * n + b];
        if (std::isnan(champion)) break;
        if (std::isnan(each) || (maximum ? each > champion : each < champion)) found = k;
      }
      y.push_back(static_cast<double>(found));
    }
  }
  return {y};
}

struct Row {
  double maximum, log_sum;  // log sum exp(x - maximum)
  double logsumexp() const { return maximum + log_sum; }
};

inline Row row_of(const Numbers& x, size_t begin, size_t c) {
  Row row{-INFINITY, 0};
  for (size_t j = 0; j < c; ++j) row.maximum = best(row.maximum, x[begin + j], true);
  double sum = 0;
  for (size_t j = 0; j < c; ++j) sum += std::exp(x[begin + j] - row.maximum);
  row.log_sum = std::log(sum);
  return row;
}

inline std::vector<Numbers> softmax_forward(const Case& it) {
  const Numbers x = it.elements("x");
  const size_t r = axis(it, "x", 0), c = axis(it, "x", 1);
  Numbers y;
  for (size_t i = 0; i < r; ++i) {
    const Row row = row_of(x, i * c, c);
    for (size_t j = 0; j < c; ++j) {
      const double log_y = x[i * c + j] - row.maximum - row.log_sum;
      y.push_back(it.parameter("log") != 0 ? log_y : std::exp(log_y));
    }
  }
  return {y};
}

/** y (dy - sum dy y), or with logarithms dy - exp(y) sum dy */
inline std::vector<Numbers> softmax_backward(const Case& it) {
  const Numbers y = it.elements("y"), dy = it.elements("dy");
  const size_t r = axis(it, "y", 0), c = axis(it, "y", 1);
  const bool log = it.parameter("log") != 0;
  Numbers dx;
  for (size_t i = 0; i < r; ++i) {
    double sum = 0;
    for (size_t j = 0; j < c; ++j) sum += log ? dy[i * c + j] : dy[i * c + j] * y[i * c + j];
    for (size_t j = 0; j < c; ++j) {
      const size_t at = i * c + j;
      dx.push_back(log ? dy[at] - std::exp(y[at]) * sum : y[at] * (dy[at] - sum));
    }
  }
  return {dx};
}

inline Numbers weights_of(const Case& it, size_t c) {
  return it.operand("weight").present ? it.elements("weight") : Numbers(c, 1);
}

// PyTorch's F.cross_entropy(reduction="none", weight, label_smoothing, ignore_index)
inline std::vector<Numbers> cross_entropy_forward(const Case& it) {
  const Numbers x = it.elements("logits"), labels = it.elements("labels");
  const size_t r = axis(it, "logits", 0), c = axis(it, "logits", 1);
  const Numbers w = weights_of(it, c);
  const double s = it.parameter("smoothing");
  Numbers loss, logsumexp;
  for (size_t i = 0; i < r; ++i) {
    const Row row = row_of(x, i * c, c);
    logsumexp.push_back(row.logsumexp());
    const auto minus_log = [&](size_t j) { return row.log_sum - (x[i * c + j] - row.maximum); };
    double smooth = 0;
    for (size_t j = 0; j < c; ++j) smooth += w[j] * minus_log(j);
    if (labels[i] == it.parameter("ignore_index")) {
      loss.push_back(0);
      continue;
    }
    const size_t label = static_cast<size_t>(labels[i]);
    const double main = (1 - s) * w[label] * minus_log(label);
    loss.push_back(s == 0 ? main : main + s / static_cast<double>(c) * smooth);
  }
  return {loss, logsumexp};
}

inline std::vector<Numbers> cross_entropy_backward(const Case& it) {
  const Numbers x = it.elements("logits"), labels = it.elements("labels");
  const Numbers logsumexp = it.elements("logsumexp"), dloss = it.elements("dloss");
  const size_t r = axis(it, "logits", 0), c = axis(it, "logits", 1);
  const Numbers w = weights_of(it, c);
  const double s = it.parameter("smoothing");
  double weight_sum = 0;
  for (const double each : w) weight_sum += each;
  Numbers dx;
  for (size_t i = 0; i < r; ++i) {
    for (size_t j = 0; j < c; ++j) {
      if (labels[i] == it.parameter("ignore_index")) {
        dx.push_back(0);
        continue;
      }
      const size_t label = static_cast<size_t>(labels[i]);
      const double p = std::exp(x[i * c + j] - logsumexp[i]), share = s / static_cast<double>(c);
      const double main = (1 - s) * w[label] * (p - (j == label ? 1 : 0));
      dx.push_back(dloss[i] * (s == 0 ? main : main + share * (weight_sum * p - w[j])));
    }
  }
  return {dx};
}

/** y, mean, variance, rstd of `groups` groups of `count` elements; element k of group g at place(g, k). */
template <class Place>
std::vector<Numbers> normalise(const Case& it, size_t groups, size_t count, bool centre, const Place& place) {
  const Numbers x = it.elements("x");
  Numbers y(x.size()), mean, variance, rstd;
  const bool has_gamma = it.operand("gamma").present;
  const int beta_number = it.row->operand_number("beta");
  const bool has_beta = beta_number >= 0 && it.operand("beta").present;
  const Numbers gamma = has_gamma ? it.elements("gamma") : Numbers(),
                beta = has_beta ? it.elements("beta") : Numbers();
  for (size_t g = 0; g < groups; ++g) {
    double m = 0, v = 0;
    for (size_t k = 0; k < count; ++k) m += x[place(g, k)];
    m = centre ? m / static_cast<double>(count) : 0;
    for (size_t k = 0; k < count; ++k) v += (x[place(g, k)] - m) * (x[place(g, k)] - m);
    v /= static_cast<double>(count);
    mean.push_back(m);
    variance.push_back(v);
    rstd.push_back(1 / std::sqrt(v + it.parameter("epsilon")));
    for (size_t k = 0; k < count; ++k) {
      const size_t at = place(g, k), column = at % axis(it, "x", 1);
      y[at] = (x[at] - m) * rstd[g] * (has_gamma ? gamma[column] : 1) + (has_beta ? beta[column] : 0);
    }
  }
  return {y, mean, variance, rstd};
}

inline std::vector<Numbers> batch_norm_forward(const Case& it) {
  const size_t c = axis(it, "x", 1);
  return normalise(it, c, axis(it, "x", 0), true, [c](size_t g, size_t k) { return k * c + g; });
}
inline std::vector<Numbers> layer_norm_forward(const Case& it) {
  const size_t c = axis(it, "x", 1);
  auto all = normalise(it, axis(it, "x", 0), c, true, [c](size_t g, size_t k) { return g * c + k; });
  return {all[0], all[1], all[3]};
}
inline std::vector<Numbers> rms_norm_forward(const Case& it) {
  const size_t c = axis(it, "x", 1);
  auto all = normalise(it, axis(it, "x", 0), c, false, [c](size_t g, size_t k) { return g * c + k; });
  return {all[0], all[3]};
}

/** dx = rstd (g - mean(g) - z mean(g z)), g = dy gamma, z = (x - mean) rstd; without a mean the
 *  second term is missing. dgamma = sum dy z, dbeta = sum dy. */
template <class Place>
std::vector<Numbers> normalise_backward(const Case& it, size_t groups, size_t count, bool centre,
                                        const Place& place) {
  const Numbers x = it.elements("x"), dy = it.elements("dy"), rstd = it.elements("rstd");
  const Numbers mean = centre ? it.elements("mean") : Numbers(groups, 0);
  const size_t c = axis(it, "x", 1);
  const Numbers gamma = it.operand("gamma").present ? it.elements("gamma") : Numbers(c, 1);
  Numbers dx(x.size()), dgamma(c, 0), dbeta(c, 0);
  for (size_t g = 0; g < groups; ++g) {
    double sum = 0, sum_z = 0;
    for (size_t k = 0; k < count; ++k) {
      const size_t at = place(g, k);
      const double z = (x[at] - mean[g]) * rstd[g];
      sum += dy[at] * gamma[at % c];
      sum_z += dy[at] * gamma[at % c] * z;
      dgamma[at % c] += dy[at] * z;
      dbeta[at % c] += dy[at];
    }
    const double n = static_cast<double>(count);
    for (size_t k = 0; k < count; ++k) {
      const size_t at = place(g, k);
      const double z = (x[at] - mean[g]) * rstd[g];
      dx[at] = rstd[g] * (dy[at] * gamma[at % c] - (centre ? sum / n : 0) - z * sum_z / n);
    }
  }
  return {dx, dgamma, dbeta};
}

inline std::vector<Numbers> batch_norm_backward(const Case& it) {
  const size_t c = axis(it, "x", 1);
  return normalise_backward(it, c, axis(it, "x", 0), true, [c](size_t g, size_t k) { return k * c + g; });
}
inline std::vector<Numbers> layer_norm_backward(const Case& it) {
  const size_t c = axis(it, "x", 1);
  return normalise_backward(it, axis(it, "x", 0), c, true, [c](size_t g, size_t k) { return g * c + k; });
}
inline std::vector<Numbers> rms_norm_backward(const Case& it) {
  const size_t c = axis(it, "x", 1);
  auto all =
      normalise_backward(it, axis(it, "x", 0), c, false, [c](size_t g, size_t k) { return g * c + k; });
  return {all[0], all[1]};
}

/** Without activation and combination: gemm_test.cpp has those. */
inline std::vector<Numbers> gemm(const Case& it) {
  const Numbers a = it.elements("a"), w = it.elements("w"), before = it.elements("c");
  const size_t b = axis(it, "a", 0), m = axis(it, "a", 1), k = axis(it, "a", 2), n = axis(it, "c", 2);
  const size_t v = axis(it, "w", 2);  // all columns, or those of a panel
  const Numbers bias = it.operand("bias").present ? it.elements("bias") : Numbers(n, 0);
  const double alpha = it.parameter("alpha"), beta = it.parameter("beta");
  Numbers c;
  for (size_t i = 0; i < b * m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (size_t l = 0; l < k; ++l) sum += a[i * k + l] * w[((i / m + j / v) * k + l) * v + j % v];
      c.push_back(alpha * sum + (beta == 0 ? 0 : beta * before[i * n + j]) + bias[j]);
    }
  }
  return {c};
}

}  // namespace oracle

struct NamedOracle {
  const char* kernel;
  Oracle oracle;
};

constexpr NamedOracle kOracles[] = {
    {"gemm", oracle::gemm},
    {"reduce", oracle::reduce},
    {"arg_reduce", oracle::arg_reduce},
    {"softmax_forward", oracle::softmax_forward},
    {"softmax_backward", oracle::softmax_backward},
    {"cross_entropy_forward", oracle::cross_entropy_forward},
    {"cross_entropy_backward", oracle::cross_entropy_backward},
    {"pick_forward", oracle::pick_forward},
    {"pick_backward", oracle::pick_backward},
    {"batch_norm_forward", oracle::batch_norm_forward},
    {"batch_norm_backward", oracle::batch_norm_backward},
    {"layer_norm_forward", oracle::layer_norm_forward},
    {"layer_norm_backward", oracle::layer_norm_backward},
    {"rms_norm_forward", oracle::rms_norm_forward},
    {"rms_norm_backward", oracle::rms_norm_backward},
    {"gather_rows", oracle::gather_rows},
    {"scatter_add_rows", oracle::scatter_add_rows},
    {"copy", oracle::copy},
    {"fill", oracle::fill},
};

/** Null where the row has none, or this case is beyond it. */
inline Oracle oracle_of(const Case& it) {
  if (it.row->name == "gemm" && (it.parameter("activation") >= 0 || it.parameter("combine") >= 0))
    return nullptr;
  for (const NamedOracle& entry : kOracles) {
    if (it.row->name == entry.kernel) return entry.oracle;
  }
  return nullptr;
}

}  // namespace test
