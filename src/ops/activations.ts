/**
 * Activation functions, stable at ±inf; NaN propagates.
 * Φ and φ are the standard normal distribution and density, σ the logistic function.
 */

import { record } from "../graph/trace.js";
import type { PointwiseName } from "../native/kernels.generated.js";
import { Tensor } from "../tensor.js";
import { mul, where } from "./arithmetic.js";
import { definePointwise, type UnaryFunction, unary } from "./define-pointwise.js";

/** f″ from the argument the derivative is written in (x or y); `null`: 0 wherever it is defined. */
type Curvature = ((a: Tensor) => Tensor) | null;

/**
 * The fused derivative of one activation as an operation: g = dy·f′(a), a the input x or the output y.
 * It is linear in dy, and its own derivative by a is dy·∂f′/∂a, which `curvature` gives.
 */
function derivative(row: PointwiseName, curvature: Curvature | undefined): (a: Tensor, dy: Tensor) => Tensor {
  const op = definePointwise(row, {
    result: "float",
    row,
    rule: (call, [a, dy]) => call(row, a!, dy!),
    gradient:
      curvature === undefined
        ? {
            none: `second derivatives of ${row.replace(/_grad$/, "")} are not defined; compose it of elementary operations`,
          }
        : ([a, dy], _y, g) => [curvature === null ? null : mul(mul(g, dy!), curvature(a!)), apply(a!, g)],
  });
  const apply = (a: Tensor, dy: Tensor): Tensor => new Tensor(record(op, [a.value, dy.value], {})[0]!);
  return apply;
}

const fromInput = (row: PointwiseName, curvature?: Curvature) => {
  const apply = derivative(row, curvature);
  return (x: Tensor, _y: Tensor, dy: Tensor) => apply(x, dy);
};
const fromOutput = (row: PointwiseName, curvature?: Curvature) => {
  const apply = derivative(row, curvature);
  return (_x: Tensor, y: Tensor, dy: Tensor) => apply(y, dy);
};

/** λ and α of selu (Klambauer et al., 2017). */
const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

/** σ(x)(1 − σ(x)), the slope of σ. */
const logisticSlope = (x: Tensor): Tensor => {
  const s = x.sigmoid();
  return s.mul(s.neg().add(1));
};

/** σ(x) = 1/(1+e⁻ˣ), in (0, 1); derivative y(1−y), at most 1/4. Not zero-centred; saturates. */
export const sigmoid = unary(
  "sigmoid",
  "sigmoid",
  fromOutput("sigmoid_grad", (y) => y.mul(-2).add(1)),
);
/** ln σ(x), without overflow; derivative σ(−x). */
export const logSigmoid = unary(
  "logSigmoid",
  "log_sigmoid",
  fromInput("log_sigmoid_grad", (x) => logisticSlope(x).neg()),
);
/** tanh x, in (−1, 1); derivative 1−y², at most 1. */
export const tanh = unary(
  "tanh",
  "tanh",
  fromOutput("tanh_grad", (y) => y.mul(-2)),
);
/** max(x, 0); derivative 1 for x > 0, else 0 (also at 0). */
export const relu = unary("relu", "relu", fromOutput("relu_grad", null));
/** min(max(x, 0), 6). */
export const relu6 = unary("relu6", "relu6", fromInput("relu6_grad", null));
/** ln(1+eˣ); derivative σ(x). */
export const softplus = unary("softplus", "softplus", fromInput("softplus_grad", logisticSlope));
/** x/(1+|x|); derivative 1/(1+|x|)². */
export const softsign = unary(
  "softsign",
  "softsign",
  fromInput("softsign_grad", (x) => x.sign().mul(-2).div(x.abs().add(1).pow(3))),
);
/** x·σ(x) (Ramachandran et al., 2017; also called swish). */
export const silu = unary(
  "silu",
  "silu",
  fromInput("silu_grad", (x) => {
    const s = x.sigmoid();
    return logisticSlope(x).mul(x.mul(s.mul(-2).add(1)).add(2));
  }),
);
/** x·tanh(ln(1+eˣ)) (Misra, 2019). */
export const mish = unary("mish", "mish", fromInput("mish_grad"));
/** x·Φ(x) (Hendrycks and Gimpel, 2016); derivative Φ(x) + x·φ(x). */
export const gelu = unary(
  "gelu",
  "gelu",
  fromInput("gelu_grad", (x) =>
    x
      .square()
      .mul(-0.5)
      .exp()
      .mul(1 / Math.sqrt(2 * Math.PI))
      .mul(x.square().neg().add(2)),
  ),
);
/** ½x(1+tanh(√(2/π)(x+0.044715x³))), the approximation of the same paper. */
export const geluTanh = unary("geluTanh", "gelu_tanh", fromInput("gelu_tanh_grad"));
/** λx for x > 0, else λα(eˣ−1); λ = 1.0507…, α = 1.6733… (Klambauer et al., 2017). */
export const selu = unary(
  "selu",
  "selu",
  fromInput("selu_grad", (x) =>
    x.less(0).where(
      x
        .minimum(0)
        .exp()
        .mul(SELU_SCALE * SELU_ALPHA),
      0,
    ),
  ),
);
/** min(max(x/6 + ½, 0), 1). */
export const hardSigmoid = unary("hardSigmoid", "hard_sigmoid", fromInput("hard_sigmoid_grad", null));
/** x·hardSigmoid(x) (Howard et al., 2019). */
export const hardSwish = unary(
  "hardSwish",
  "hard_swish",
  fromInput("hard_swish_grad", (x) =>
    x
      .abs()
      .less(3)
      .where(x.mul(0).add(1 / 3), 0),
  ),
);
/** min(max(x, −1), 1). */
export const hardTanh = unary("hardTanh", "hard_tanh", fromInput("hard_tanh_grad", null));

/** One function with a number beside its input: forward row (x, number), derivative row (x, dy, number). */
function withNumber(
  name: string,
  row: PointwiseName,
  gradRow: PointwiseName,
): (x: Tensor, number: number) => Tensor {
  const derivativeOp = definePointwise(gradRow, {
    result: "float",
    rule: (call, [x, dy], constant, { number }) => call(gradRow, x!, dy!, constant(number as number)),
    gradient: { none: `it is the derivative of ${name} already` },
  });
  const op = definePointwise(name, {
    result: "float",
    rule: (call, [x], constant, { number }) => call(row, x!, constant(number as number)),
    gradient: ([x], _y, dy, attributes) => [
      new Tensor(record(derivativeOp, [x!.value, dy.value], attributes)[0]!),
    ],
  });
  return (x, number) => new Tensor(record(op, [x.value], { number })[0]!);
}

/** x for x > 0, else slope·x (Maas et al., 2013): no unit is dead. */
export const leakyRelu = withNumber("leakyRelu", "leaky_relu", "leaky_relu_grad");
/** x for x > 0, else α(eˣ−1) (Clevert et al., 2015). */
export const elu = withNumber("elu", "elu", "elu_grad");

/** x for x > 0, else a·x with a learned slope `a` that broadcasts against x (He et al., 2015). */
export function prelu(x: Tensor, a: Tensor): Tensor {
  return where(x.greater(0), x, mul(a, x));
}

/** Every activation of one argument, by name: for pictures, tables and tests. */
export const activations: Readonly<Record<string, UnaryFunction>> = {
  sigmoid,
  logSigmoid,
  tanh,
  relu,
  relu6,
  softplus,
  softsign,
  silu,
  mish,
  gelu,
  geluTanh,
  selu,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu: (x) => leakyRelu(x, 0.01),
  elu: (x) => elu(x, 1),
};
