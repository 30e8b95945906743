// softmax and log-softmax of rows, x: (r, c).
//   forward    m = max x;  y = exp(x - m) / sum exp(x - m)      log: y = x - m - log sum exp(x - m)
//   backward   dx = y * (dy - sum(dy * y))                      log: dx = dy - exp(y) * sum dy
// As in PyTorch a row of nothing but -inf, or with +inf or NaN in it, gives NaN.
namespace {

/** The first lane of a vector; with set1, the way to use vector mathematics on one number. */
inline Real first_lane(V v) {
  Real lanes[kWidth];
  store(lanes, v);
  return lanes[0];
}

/** body(row) for each of `rows` rows, `cost` nanoseconds an element, in tasks of about 16384 elements. */
template <class Body>
inline void parallel_rows(Context& context, int64_t rows, int64_t columns, double cost, const Body& body) {
  const int64_t group = larger(1, 16384 / larger(1, columns));
  const double work = static_cast<double>(rows) * (20 + cost * static_cast<double>(columns));
  parallel(context, parts_of(rows, group), work, [&](int64_t task, void*) {
    const int64_t end = smaller(rows, (task + 1) * group);
    for (int64_t row = task * group; row < end; row++) body(row);
  });
}

/** sum exp(x - maximum); the exponentials are kept in `y` unless it is nullptr. */
template <bool kKeep>
inline Real sum_exp(const Real* x, int64_t n, Real maximum, Real* y) {
  const V m = set1(maximum);
  return static_cast<Real>(fold_terms<FoldSum>(n, [=](auto lanes) {
    const V e = exp(lanes.get(x) - m);
    if constexpr (kKeep) lanes.put(y, e);
    return e;
  }));
}

inline void softmax_row(const Real* x, Real* y, int64_t n) {
  const Real maximum = static_cast<Real>(fold_row<FoldMax>(x, n));
  const V scale = set1(Real(1) / sum_exp<true>(x, n, maximum, y));
  each_vector(0, n, [=](auto lanes) { lanes.put(y, lanes.get(y) * scale); });
}

inline void log_softmax_row(const Real* x, Real* y, int64_t n) {
  const Real maximum = static_cast<Real>(fold_row<FoldMax>(x, n));
  const V m = set1(maximum), log_sum = log(set1(sum_exp<false>(x, n, maximum, nullptr)));
  each_vector(0, n, [=](auto lanes) { lanes.put(y, (lanes.get(x) - m) - log_sum); });
}

void softmax_forward(const Call& call, Context& context) {
  const int64_t r = call.operands[0].shape[0], c = call.operands[0].shape[1];
  const Real* x = input(call, 0);
  Real* y = output(call, 1);
  const bool log_wanted = integer_parameter(call, 0) != 0;
  parallel_rows(context, r, c, 0.4, [=](int64_t row) {
    if (log_wanted)
      log_softmax_row(x + row * c, y + row * c, c);
    else
      softmax_row(x + row * c, y + row * c, c);
  });
}

void softmax_backward(const Call& call, Context& context) {
  const int64_t r = call.operands[0].shape[0], c = call.operands[0].shape[1];
  const Real *y = input(call, 0), *dy = input(call, 1);
  Real* dx = output(call, 2);
  const bool log_wanted = integer_parameter(call, 0) != 0;
  parallel_rows(context, r, c, 0.3, [=](int64_t row) {
    const Real *yr = y + row * c, *dyr = dy + row * c;
    Real* dxr = dx + row * c;
    if (log_wanted) {
      const V sum = set1(static_cast<Real>(fold_row<FoldSum>(dyr, c)));
      each_vector(0, c, [=](auto lanes) { lanes.put(dxr, fnma(exp(lanes.get(yr)), sum, lanes.get(dyr))); });
    } else {
      const V dot = set1(static_cast<Real>(
          fold_terms<FoldSum>(c, [=](auto lanes) { return lanes.get(dyr) * lanes.get(yr); })));
      each_vector(0, c, [=](auto lanes) { lanes.put(dxr, lanes.get(yr) * (lanes.get(dyr) - dot)); });
    }
  });
}

}  // namespace
