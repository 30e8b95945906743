/**
 * Activation functions, stable at ±inf; NaN propagates.
 * Φ and φ are the standard normal distribution and density, σ the logistic function.
 */

import { definePointwise, type UnaryFunction, unary } from "./define-pointwise.js";
import { mul, where } from "./arithmetic.js";
import { record } from "../graph/trace.js";
import type { PointwiseName } from "../native/kernels.generated.js";
import { Tensor } from "../tensor.js";

/** The fused derivative of one activation: dy · f′, from the input x or the output y. */
const derivatives = new Map<string, (a: Tensor, dy: Tensor) => Tensor>();

function derivative(row: PointwiseName): (a: Tensor, dy: Tensor) => Tensor {
  let apply = derivatives.get(row);
  if (apply === undefined) {
    const op = definePointwise(row, {
      result: "float",
      row,
      rule: (call, [a, dy]) => call(row, a!, dy!),
      gradient: { none: `it is the derivative of ${row.replace(/_grad$/, "")} already; compose elementary operations for second derivatives` },
    });
    apply = (a, dy) => new Tensor(record(op, [a.value, dy.value], {})[0]!);
    derivatives.set(row, apply);
  }
  return apply;
}

const fromInput = (row: PointwiseName) => {
  const apply = derivative(row);
  return (x: Tensor, _y: Tensor, dy: Tensor) => apply(x, dy);
};
const fromOutput = (row: PointwiseName) => {
  const apply = derivative(row);
  return (_x: Tensor, y: Tensor, dy: Tensor) => apply(y, dy);
};

/** σ(x) = 1/(1+e⁻ˣ), in (0, 1); derivative y(1−y), at most 1/4. Not zero-centred; saturates. */
export const sigmoid = unary("sigmoid", "sigmoid", fromOutput("sigmoid_grad"));
/** ln σ(x), without overflow; derivative σ(−x). */
export const logSigmoid = unary("logSigmoid", "log_sigmoid", fromInput("log_sigmoid_grad"));
/** tanh x, in (−1, 1); derivative 1−y², at most 1. */
export const tanh = unary("tanh", "tanh", fromOutput("tanh_grad"));
/** max(x, 0); derivative 1 for x > 0, else 0 (also at 0). */
export const relu = unary("relu", "relu", fromOutput("relu_grad"));
/** min(max(x, 0), 6). */
export const relu6 = unary("relu6", "relu6", fromInput("relu6_grad"));
/** ln(1+eˣ); derivative σ(x). */
export const softplus = unary("softplus", "softplus", fromInput("softplus_grad"));
/** x/(1+|x|); derivative 1/(1+|x|)². */
export const softsign = unary("softsign", "softsign", fromInput("softsign_grad"));
/** x·σ(x) (Ramachandran et al., 2017; also called swish). */
export const silu = unary("silu", "silu", fromInput("silu_grad"));
/** x·tanh(ln(1+eˣ)) (Misra, 2019). */
export const mish = unary("mish", "mish", fromInput("mish_grad"));
/** x·Φ(x) (Hendrycks and Gimpel, 2016); derivative Φ(x) + x·φ(x). */
export const gelu = unary("gelu", "gelu", fromInput("gelu_grad"));
/** ½x(1+tanh(√(2/π)(x+0.044715x³))), the approximation of the same paper. */
export const geluTanh = unary("geluTanh", "gelu_tanh", fromInput("gelu_tanh_grad"));
/** λx for x > 0, else λα(eˣ−1); λ = 1.0507…, α = 1.6733… (Klambauer et al., 2017). */
export const selu = unary("selu", "selu", fromInput("selu_grad"));
/** min(max(x/6 + ½, 0), 1). */
export const hardSigmoid = unary("hardSigmoid", "hard_sigmoid", fromInput("hard_sigmoid_grad"));
/** x·hardSigmoid(x) (Howard et al., 2019). */
export const hardSwish = unary("hardSwish", "hard_swish", fromInput("hard_swish_grad"));
/** min(max(x, −1), 1). */
export const hardTanh = unary("hardTanh", "hard_tanh", fromInput("hard_tanh_grad"));

/** One function with a number beside its input: forward row (x, number), derivative row (x, dy, number). */
function withNumber(name: string, row: PointwiseName, gradRow: PointwiseName): (x: Tensor, number: number) => Tensor {
  const derivativeOp = definePointwise(gradRow, {
    result: "float",
    rule: (call, [x, dy], constant, { number }) => call(gradRow, x!, dy!, constant(number as number)),
    gradient: { none: `it is the derivative of ${name} already` },
  });
  const op = definePointwise(name, {
    result: "float",
    rule: (call, [x], constant, { number }) => call(row, x!, constant(number as number)),
    gradient: ([x], _y, dy, attributes) => [new Tensor(record(derivativeOp, [x!.value, dy.value], attributes)[0]!)],
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
  sigmoid, logSigmoid, tanh, relu, relu6, softplus, softsign, silu, mish, gelu, geluTanh, selu, hardSigmoid, hardSwish, hardTanh,
  leakyRelu: (x) => leakyRelu(x, 0.01),
  elu: (x) => elu(x, 1),
};
