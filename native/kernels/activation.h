// Activations and their gradients over V: the functions of pointwise.inc that are more than one
// operation of math.h. f_grad(x, dy) = dy f'(x), x being the function's input; the two with a
// parameter take it last: leaky_relu_grad(x, dy, slope), elu_grad(x, dy, alpha). NaN comes through
// everywhere, in x as in dy; the bounds and conventions at kinks are PyTorch's.
namespace {

/** dy where m, else 0; NaN where x is NaN. */
inline V gate(M m, V x, V dy) { return select(m, dy, select(is_nan(x), x, zero())); }

inline V sign(V x) { return select(eq(x, zero()), zero(), select(is_nan(x), x, copysign(set1(1), x))); }

/** max(x, 0) */
inline V relu(V x) { return at_least(x, zero()); }

/** x > 0 ? x : slope x */
inline V leaky_relu(V x, V slope) { return select(gt(x, zero()), x, x * slope); }
inline V leaky_relu_grad(V x, V dy, V slope) {
  return select(gt(x, zero()), dy, select(is_nan(x), x, dy * slope));
}

/** x > 0 ? x : alpha (e^x - 1) */
inline V elu(V x, V alpha) { return select(gt(x, zero()), x, alpha * expm1(at_most(x, zero()))); }
inline V elu_grad(V x, V dy, V alpha) {
  return select(gt(x, zero()), dy, dy * alpha * exp(at_most(x, zero())));
}

// Klambauer, Unterthiner, Mayr, Hochreiter: "Self-normalizing neural networks", 2017
constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kSeluAlpha = 1.6732632423543772848170429916717;
inline V selu(V x) {
  return set1(static_cast<Real>(kSeluScale)) * elu(x, set1(static_cast<Real>(kSeluAlpha)));
}
inline V selu_grad(V x, V dy) {
  return elu_grad(x, set1(static_cast<Real>(kSeluScale)) * dy, set1(static_cast<Real>(kSeluAlpha)));
}

/** log(1 + e^x) = max(x, 0) + log(1 + e^-|x|): nothing overflows */
inline V softplus(V x) { return relu(x) + log1p(exp(neg(abs(x)))); }
/** log(sigmoid(x)) = -softplus(-x) */
inline V log_sigmoid(V x) { return neg(softplus(neg(x))); }

/** x / (1 + |x|);  f' = 1 / (1 + |x|)^2 */
inline V softsign(V x) { return x / (set1(1) + abs(x)); }
inline V softsign_grad(V x, V dy) {
  const V r = set1(1) / (set1(1) + abs(x));
  return dy * r * r;
}

/** x sigmoid(x);  f' = s (1 + x (1 - s)) */
inline V silu(V x) { return x * sigmoid(x); }
inline V silu_grad(V x, V dy) {
  const V s = sigmoid(x);
  return dy * s * fma(x, set1(1) - s, set1(1));
}

/** x tanh(softplus(x)). With w = e^x and n = w (w + 2) the tanh is n / (n + 2); it is 1 from 20 on. */
inline V mish(V x) {
  const V w = exp(at_most(x, set1(20)));
  const V n = w * (w + set1(2));
  return x * (n / (n + set1(2)));
}
/** f' = n / (n + 2) + 4 x w (1 + w) / (n + 2)^2 */
inline V mish_grad(V x, V dy) {
  const V bounded = at_most(x, set1(20));
  const V w = exp(bounded);
  const V n = w * (w + set1(2));
  const V r = set1(1) / (n + set1(2));
  return dy * fma(bounded, set1(4) * (w * r) * fma(w, r, r), n * r);
}

/** x Phi(x), Phi and phi the normal distribution's cumulative function and density;  f' = Phi(x) + x phi(x)
 */
inline V gelu(V x) { return x * normal_cdf(x); }
inline V gelu_grad(V x, V dy) {
  V cdf, pdf;
  normal_cdf_pdf(x, cdf, pdf);
  return dy * fma(x, pdf, cdf);
}

/** x / 2 (1 + tanh(u)) = x sigmoid(2 u),  2 u = x (a + b x^2), a = sqrt(8 / pi), b = 0.044715 a */
constexpr double kGeluTanhA = 1.5957691216057307117597842397375;
constexpr double kGeluTanhB = 0.044715 * kGeluTanhA;
inline V gelu_tanh(V x) {
  const V slope = fma(set1(static_cast<Real>(kGeluTanhB)), x * x, set1(static_cast<Real>(kGeluTanhA)));
  return x * sigmoid(x * slope);
}
/** f' = s (1 + x (1 - s) (a + 3 b x^2)); at |x| = 12 s has become exactly 0 or 1 */
inline V gelu_tanh_grad(V x, V dy) {
  const V a = set1(static_cast<Real>(kGeluTanhA)), b = set1(static_cast<Real>(kGeluTanhB));
  const V c = at_least(at_most(x, set1(12)), set1(-12));
  const V square = c * c;
  const V s = sigmoid(c * fma(b, square, a));
  const V slope = fma(set1(3) * b, square, a);
  return dy * s * fma(c * slope, set1(1) - s, set1(1));
}

/** min(max(x / 6 + 1 / 2, 0), 1) */
inline V hard_sigmoid(V x) {
  const V line = fma(x, set1(static_cast<Real>(1.0 / 6)), set1(static_cast<Real>(0.5)));
  return at_most(at_least(line, zero()), set1(1));
}
inline V hard_sigmoid_grad(V x, V dy) {
  return gate(lt(abs(x), set1(3)), x, dy * set1(static_cast<Real>(1.0 / 6)));
}
/** x hard_sigmoid(x): f' = x / 3 + 1 / 2 for -3 <= x <= 3 */
inline V hard_swish_grad(V x, V dy) {
  const V middle = dy * fma(x, set1(static_cast<Real>(1.0 / 3)), set1(static_cast<Real>(0.5)));
  return select(gt(x, set1(3)), dy, gate(ge(x, set1(-3)), x, middle));
}
/** min(max(x, -1), 1) */
inline V hard_tanh_grad(V x, V dy) { return gate(lt(abs(x), set1(1)), x, dy); }

/** f' = 2 / sqrt(pi) e^(-x^2) */
inline V erf_grad(V x, V dy) {
  return dy * (set1(static_cast<Real>(1.1283791670955125738961589031215)) * exp(neg(x * x)));
}

}  // namespace
