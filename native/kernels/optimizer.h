// One step of an optimizer over a flat parameter buffer: one pass over memory. Semantics of
// torch.optim. p parameters, g gradients; scalars = learning rate, step (from 1), 1 - beta1^step,
// 1 - beta2^step; scale (absent: 1) multiplies g first. Then everywhere
//   g = -g if maximize;  g = g + weight_decay p (not for decoupled Adam)
namespace {

constexpr int64_t kStepChunk = 65536;  // elements a task

/** cost: nanoseconds an element. */
template <class Body>
inline void each_parameter(Context& context, int64_t n, double cost, const Body& body) {
  parallel(context, parts_of(n, kStepChunk), cost * static_cast<double>(n), [&](int64_t task, void*) {
    const Body own = body;  // its parts stay in registers, as no store can reach them
    each_vector(task * kStepChunk, smaller(n, (task + 1) * kStepChunk), own);
  });
}

/** The gradient as the formulas below mean it. */
struct Gradient {
  const Real* g;
  V factor, weight_decay;  // scale, negative to maximize
  bool decays;

  template <class Lanes>
  V get(Lanes lanes, V p) const {
    const V gradient = lanes.get(g) * factor;
    return decays ? fma(weight_decay, p, gradient) : gradient;
  }
};

inline Gradient gradient_of(const Call& call, double weight_decay, bool maximize) {
  const Real scale = call.operands[2] ? *input(call, 2) : Real(1);
  return {input(call, 0), set1(maximize ? -scale : scale), set1(static_cast<Real>(weight_decay)),
          weight_decay != 0};
}

/** sqrt(s) + epsilon, or with epsilon inside sqrt(s + epsilon). */
inline V root(V s, V epsilon, bool inside) { return inside ? sqrt(s + epsilon) : sqrt(s) + epsilon; }

/** Fails the step at the first element that is NaN or infinite, with its index. */
void check_finite(const Call& call, Context& context) {
  const int64_t n = call.operands[0].shape[0];
  const Real* x = input(call, 0);
  const int64_t chunk = larger(kStepChunk, parts_of(n, kPartials)), tasks = parts_of(n, chunk);
  double* first = context.partials;  // index of the first one in each chunk, or -1
  parallel(context, tasks, 0.1 * static_cast<double>(n), [=](int64_t task, void*) {
    first[task] = -1;
    each_vector(task * chunk, smaller(n, (task + 1) * chunk), [=](auto lanes) {
      const V v = lanes.get(x);
      if (all(is_finite(v)) || first[task] >= 0) return;
      int64_t i = lanes.at;
      while (x[i] - x[i] == 0) i++;
      first[task] = static_cast<double>(i);
    });
  });
  for (int64_t task = 0; task < tasks; task++) {
    if (first[task] >= 0) return context.fail(Failure::not_finite, first[task]);
  }
}

/** v = g in the first step, then momentum v + (1 - dampening) g;
 *  p -= rate v, with nesterov p -= rate (g + momentum v). Without v or momentum: p -= rate g.
 *  rate_in_velocity (Keras): rate g in place of g in these lines, and p -= ... without the rate. */
void sgd_step(const Call& call, Context& context) {
  const Real* scalars = input(call, 1);
  Real *p = output(call, 3), *v = output(call, 4);
  const double* parameter = call.parameters;
  const bool remembers = v != nullptr && parameter[0] != 0, first = scalars[1] <= 1;
  const bool nesterov = parameter[3] != 0, in_velocity = parameter[4] != 0;
  const V momentum = set1(real_parameter(call, 0)), gain = set1(static_cast<Real>(1 - parameter[1]));
  const V rate = set1(scalars[0]), one = set1(1), before = in_velocity ? rate : one,
          after = in_velocity ? one : rate;
  const Gradient gradient = gradient_of(call, parameter[2], parameter[5] != 0);
  each_parameter(context, call.operands[0].shape[0], 0.6, [=](auto lanes) {
    const V weight = lanes.get(p), g = before * gradient.get(lanes, weight);
    V update = g;
    if (remembers) {
      const V velocity = first ? g : fma(momentum, lanes.get(v), gain * g);
      lanes.put(v, velocity);
      update = nesterov ? fma(momentum, velocity, g) : velocity;
    }
    lanes.put(p, fnma(after, update, weight));
  });
}

/** s += g^2;  p -= rate g / (sqrt(s) + epsilon)      (Duchi, Hazan, Singer 2011) */
void adagrad_step(const Call& call, Context& context) {
  const Real* scalars = input(call, 1);
  Real *p = output(call, 3), *s = output(call, 4);
  const V rate = set1(scalars[0]), epsilon = set1(real_parameter(call, 0));
  const bool inside = call.parameters[1] != 0;
  const Gradient gradient = gradient_of(call, call.parameters[2], call.parameters[3] != 0);
  each_parameter(context, call.operands[0].shape[0], 0.6, [=](auto lanes) {
    const V weight = lanes.get(p), g = gradient.get(lanes, weight), sum = fma(g, g, lanes.get(s));
    lanes.put(s, sum);
    lanes.put(p, fnma(rate, g / root(sum, epsilon, inside), weight));
  });
}

/** s = alpha s + (1 - alpha) g^2;  p -= rate g / (sqrt(s) + epsilon)      (Tieleman, Hinton 2012)
 *  With mean: mean = alpha mean + (1 - alpha) g, and s - mean^2 in place of s.
 *  With v and momentum: v = momentum v + g / (...);  p -= rate v. */
void rmsprop_step(const Call& call, Context& context) {
  const Real* scalars = input(call, 1);
  Real *p = output(call, 3), *s = output(call, 4), *mean = output(call, 5), *v = output(call, 6);
  const double* parameter = call.parameters;
  const V rate = set1(scalars[0]), alpha = set1(real_parameter(call, 0)),
          rest = set1(static_cast<Real>(1 - parameter[0]));
  const V momentum = set1(real_parameter(call, 1)), epsilon = set1(real_parameter(call, 2));
  const bool inside = parameter[3] != 0, remembers = v != nullptr && parameter[1] != 0;
  const Gradient gradient = gradient_of(call, parameter[4], parameter[5] != 0);
  each_parameter(context, call.operands[0].shape[0], 0.6, [=](auto lanes) {
    const V weight = lanes.get(p), g = gradient.get(lanes, weight);
    V square = fma(rest * g, g, alpha * lanes.get(s));
    lanes.put(s, square);
    if (mean) {
      const V average = fma(alpha, lanes.get(mean), rest * g);
      lanes.put(mean, average);
      square = fnma(average, average, square);
    }
    V update = g / root(square, epsilon, inside);
    if (remembers) {
      update = fma(momentum, lanes.get(v), update);
      lanes.put(v, update);
    }
    lanes.put(p, fnma(rate, update, weight));
  });
}

/** m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  m^ = m / (1 - beta1^step), v^ alike;
 *  p -= rate m^ / (sqrt(v^) + epsilon)      (Kingma, Ba 2015)
 *  With vmax (AMSGrad): vmax = max(vmax, v) in place of v. decoupled (AdamW, Loshchilov, Hutter
 *  2019): p *= 1 - rate weight_decay first, and g stays as it is. */
void adam_step(const Call& call, Context& context) {
  const Real* scalars = input(call, 1);
  Real *p = output(call, 3), *m = output(call, 4), *v = output(call, 5), *vmax = output(call, 6);
  const double* parameter = call.parameters;
  const double rate = static_cast<double>(scalars[0]), correction1 = static_cast<double>(scalars[2]);
  const double correction2 = static_cast<double>(scalars[3]);
  const bool inside = parameter[3] != 0, decoupled = parameter[5] != 0;
  const V beta1 = set1(real_parameter(call, 0)), rest1 = set1(static_cast<Real>(1 - parameter[0]));
  const V beta2 = set1(real_parameter(call, 1)), rest2 = set1(static_cast<Real>(1 - parameter[1]));
  const V epsilon = set1(real_parameter(call, 2)), step = set1(static_cast<Real>(rate / correction1));
  // sqrt(v^) = sqrt(v) / sqrt(1 - beta2^step) where epsilon stands outside; v^ itself where inside
  const V unbias = set1(static_cast<Real>(inside ? 1 / correction2 : 1 / std::sqrt(correction2)));
  const V shrink = set1(static_cast<Real>(decoupled ? 1 - rate * parameter[4] : 1));
  const Gradient gradient = gradient_of(call, decoupled ? 0 : parameter[4], parameter[6] != 0);
  each_parameter(context, call.operands[0].shape[0], 0.9, [=](auto lanes) {
    const V weight = lanes.get(p), g = gradient.get(lanes, weight);
    const V mean = fma(beta1, lanes.get(m), rest1 * g);
    V square = fma(rest2 * g, g, beta2 * lanes.get(v));
    lanes.put(m, mean);
    lanes.put(v, square);
    if (vmax) {
      square = max(lanes.get(vmax), square);
      lanes.put(vmax, square);
    }
    const V denominator = inside ? sqrt(fma(square, unbias, epsilon)) : fma(sqrt(square), unbias, epsilon);
    lanes.put(p, fnma(step, mean / denominator, shrink * weight));
  });
}

}  // namespace
