// Losses over integer classes, row by row; reduction over rows is left to reduce.
//
// cross_entropy, logits x: (r, c), label t, class weights w (absent: 1), smoothing s, as PyTorch's
// F.cross_entropy(reduction='none'):
//   l_j  = lse - x_j = -log softmax(x)_j          lse = m + log sum exp(x - m), m = max x
//   loss = (1 - s) w_t l_t + s/c sum_j w_j l_j
//   dx_j = dloss * (((1 - s) w_t + s/c sum w) p_j - s/c w_j - (1 - s) w_t [j = t])      p_j = exp(x_j - lse)
// Rows whose label is ignore_index give 0 and no gradient.
//
// pick: y[r] = x[r, index[r]].
namespace {

/** Fails the step unless every label is in [0, c) or is `ignored`. */
inline bool labels_in_range(const int32_t* labels, int64_t n, int64_t c, double ignored, Context& context) {
  for (int64_t i = 0; i < n; i++) {
    const int32_t label = labels[i];
    if ((label < 0 || label >= c) && static_cast<double>(label) != ignored) {
      context.fail(Failure::index_out_of_range, label);
      return false;
    }
  }
  return true;
}

/** labels[k] for use as an offset, or -1 if it is not in [0, c) any more: JavaScript may have written to
 *  the labels of an asynchronous run after they were checked. Read once, so that what is compared is what
 *  is used. */
inline int64_t label_at(const int32_t* labels, int64_t k, int64_t c) {
  const int64_t label = *static_cast<const volatile int32_t*>(labels + k);
  return label >= 0 && label < c ? label : -1;
}

struct CrossEntropy {
  const Real *logits, *weight;  // (r, c); (c) or nullptr
  const int32_t* labels;        // (r)
  int64_t c;
  Real smoothing;
  double ignored;

  /** -1: the row counts for nothing. */
  int64_t label_of(int64_t row) const {
    const int64_t label = label_at(labels, row, c);
    return static_cast<double>(label) == ignored ? -1 : label;
  }
  Real weight_of(int64_t j) const { return weight ? weight[j] : Real(1); }
  Real share() const { return smoothing / static_cast<Real>(c); }
};

inline CrossEntropy cross_entropy_of(const Call& call) {
  return {input(call, 0),
          input(call, 2),
          static_cast<const int32_t*>(call.operands[1].data),
          call.operands[0].shape[1],
          real_parameter(call, 0),
          call.parameters[1]};
}

inline void cross_entropy_row(const CrossEntropy& loss, int64_t row, Real* result, Real* logsumexp) {
  const Real* x = loss.logits + row * loss.c;
  const Real maximum = static_cast<Real>(fold_row<FoldMax>(x, loss.c));
  const Real log_sum = first_lane(log(set1(sum_exp<false>(x, loss.c, maximum, nullptr))));
  *logsumexp = maximum + log_sum;
  *result = 0;
  const int64_t label = loss.label_of(row);
  if (label < 0) return;
  // log_sum - (x - max) keeps the digits that lse - x loses when the logits are large
  Real value = (1 - loss.smoothing) * loss.weight_of(label) * (log_sum - (x[label] - maximum));
  if (loss.smoothing != 0) {
    const V m = set1(maximum), s = set1(log_sum), one = set1(1);
    const Real* weight = loss.weight;
    value += loss.share() * static_cast<Real>(fold_terms<FoldSum>(loss.c, [=](auto lanes) {
               return (weight ? lanes.get(weight) : one) * (s - (lanes.get(x) - m));
             }));
  }
  *result = value;
}

void cross_entropy_forward(const Call& call, Context& context) {
  const CrossEntropy loss = cross_entropy_of(call);
  const int64_t r = call.operands[0].shape[0];
  if (!labels_in_range(loss.labels, r, loss.c, loss.ignored, context)) return;
  Real *result = output(call, 3), *logsumexp = output(call, 4);
  parallel_rows(context, r, loss.c, 0.3,
                [&](int64_t row) { cross_entropy_row(loss, row, result + row, logsumexp + row); });
}

/** weight_sum = sum w */
inline void cross_entropy_row_gradient(const CrossEntropy& loss, int64_t row, Real weight_sum, Real logsumexp,
                                       Real dloss, Real* dx) {
  const int64_t label = loss.label_of(row);
  if (label < 0) {
    each_vector(0, loss.c, [=](auto lanes) { lanes.put(dx, zero()); });
    return;
  }
  const Real* x = loss.logits + row * loss.c;
  const Real at_label = (1 - loss.smoothing) * loss.weight_of(label);
  const V lse = set1(logsumexp), scale = set1(dloss * (at_label + loss.share() * weight_sum));
  if (loss.smoothing == 0) {
    each_vector(0, loss.c, [=](auto lanes) { lanes.put(dx, scale * exp(lanes.get(x) - lse)); });
  } else {
    const Real* weight = loss.weight;
    const V share = set1(dloss * loss.share()), one = set1(1);
    each_vector(0, loss.c, [=](auto lanes) {
      const V p = exp(lanes.get(x) - lse);
      lanes.put(dx, fnma(share, weight ? lanes.get(weight) : one, scale * p));
    });
  }
  dx[label] -= dloss * at_label;
}

void cross_entropy_backward(const Call& call, Context& context) {
  const CrossEntropy loss = cross_entropy_of(call);
  const int64_t r = call.operands[0].shape[0];
  if (!labels_in_range(loss.labels, r, loss.c, loss.ignored, context)) return;
  const Real *logsumexp = input(call, 3), *dloss = input(call, 4);
  Real* dx = output(call, 5);
  const Real weight_sum =
      loss.weight ? static_cast<Real>(fold_row<FoldSum>(loss.weight, loss.c)) : static_cast<Real>(loss.c);
  parallel_rows(context, r, loss.c, 0.2, [&](int64_t row) {
    cross_entropy_row_gradient(loss, row, weight_sum, logsumexp[row], dloss[row], dx + row * loss.c);
  });
}

void pick_forward(const Call& call, Context& context) {
  const int64_t r = call.operands[0].shape[0], c = call.operands[0].shape[1];
  const Real* x = input(call, 0);
  const int32_t* index = static_cast<const int32_t*>(call.operands[1].data);
  Real* y = output(call, 2);
  if (!labels_in_range(index, r, c, NAN, context)) return;
  for (int64_t row = 0; row < r; row++) {
    const int64_t label = label_at(index, row, c);
    y[row] = label < 0 ? Real(0) : x[row * c + label];
  }
}

void pick_backward(const Call& call, Context& context) {
  const int64_t r = call.operands[2].shape[0], c = call.operands[2].shape[1];
  const Real* dy = input(call, 0);
  const int32_t* index = static_cast<const int32_t*>(call.operands[1].data);
  Real* dx = output(call, 2);
  if (!labels_in_range(index, r, c, NAN, context)) return;
  parallel_rows(context, r, c, 0.1, [=](int64_t row) {
    Real* to = dx + row * c;
    each_vector(0, c, [=](auto lanes) { lanes.put(to, zero()); });
    const int64_t label = label_at(index, row, c);
    if (label >= 0) to[label] = dy[row];
  });
}

}  // namespace
