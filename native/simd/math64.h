// The functions of math.h for Real = double (scalar64), from the C library: about 1 ULP.
namespace {

inline V exp(V x) { return {std::exp(x.v)}; }
inline V expm1(V x) { return {std::expm1(x.v)}; }
inline V log(V x) { return {std::log(x.v)}; }
inline V log1p(V x) { return {std::log1p(x.v)}; }
inline V log2(V x) { return {std::log2(x.v)}; }
inline V sin(V x) { return {std::sin(x.v)}; }
inline V cos(V x) { return {std::cos(x.v)}; }
inline V tanh(V x) { return {std::tanh(x.v)}; }
inline V erf(V x) { return {std::erf(x.v)}; }
inline V pow(V x, V y) { return {std::pow(x.v, y.v)}; }
inline V sigmoid(V x) { return {1 / (1 + std::exp(-x.v))}; }
inline V normal_cdf(V x) { return {0.5 * std::erfc(-0.70710678118654752440 * x.v)}; }
inline void normal_cdf_pdf(V x, V& cdf, V& pdf) {
  cdf = normal_cdf(x);
  pdf = {0.39894228040143267794 * std::exp(-0.5 * x.v * x.v)};
}

}  // namespace
