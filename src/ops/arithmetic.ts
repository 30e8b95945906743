/** Arithmetic on elements. The derivative stands beside each function. */

import { type DType, isFloat } from "../dtype.js";
import { record } from "../graph/trace.js";
import { Tensor } from "../tensor.js";
import { binary, definePointwise, ternary, unary } from "./define-pointwise.js";

const stepwise = { none: "it is constant between its jumps" };
const truth = { none: "its result is a truth value" };

export const neg = unary("neg", "neg", (_x, _y, dy) => neg(dy), "same");
/** |x|; dx = dy·sign(x), 0 at 0. */
export const abs = unary("abs", "abs", (x, _y, dy) => mul(dy, sign(x)), "same");
export const sign = unary("sign", "sign", stepwise, "same");
export const square = unary("square", "square", (x, _y, dy) => mul(dy, x.mul(2)), "same");
/** √x; dx = dy / (2y). */
export const sqrt = unary("sqrt", "sqrt", (_x, y, dy) => div(dy, y.mul(2)));
/** 1/√x; dx = −½·dy·y³. */
export const rsqrt = unary("rsqrt", "rsqrt", (_x, y, dy) => mul(dy, mul(square(y), y)).mul(-0.5));
/** 1/x; dx = −dy·y². */
export const reciprocal = unary("reciprocal", "reciprocal", (_x, y, dy) => neg(mul(dy, square(y))));
export const exp = unary("exp", "exp", (_x, y, dy) => mul(dy, y));
export const expm1 = unary("expm1", "expm1", (_x, y, dy) => mul(dy, y.add(1)));
export const log = unary("log", "log", (x, _y, dy) => div(dy, x));
export const log1p = unary("log1p", "log1p", (x, _y, dy) => div(dy, x.add(1)));
export const log2 = unary("log2", "log2", (x, _y, dy) => div(dy, x.mul(Math.LN2)));
export const sin = unary("sin", "sin", (x, _y, dy) => mul(dy, cos(x)));
export const cos = unary("cos", "cos", (x, _y, dy) => neg(mul(dy, sin(x))));
/** erf x = 2/√π ∫₀ˣ e^(−t²) dt; dx = dy·2/√π·e^(−x²). */
export const erf = unary("erf", "erf", (x, _y, dy) =>
  mul(dy, exp(neg(square(x)))).mul(2 / Math.sqrt(Math.PI)),
);
export const floor = unary("floor", "floor", stepwise, "same");
export const ceil = unary("ceil", "ceil", stepwise, "same");
/** To the nearest integer, halves to the even one. */
export const round = unary("round", "round", stepwise, "same");
export const trunc = unary("trunc", "trunc", stepwise, "same");
export const isNaN = unary("isNaN", "is_nan", truth, "bool");
export const isFinite = unary("isFinite", "is_finite", truth, "bool");
export const logicalNot = unary("logicalNot", "logical_not", truth, "bool");

export const add = binary("add", "add", (_a, _b, _y, dy) => [dy, dy]);
export const sub = binary("sub", "sub", (_a, _b, _y, dy) => [dy, neg(dy)]);
export const mul = binary("mul", "mul", (a, b, _y, dy) => [mul(dy, b), mul(dy, a)]);
/** a/b; da = dy/b, db = −dy·y/b. */
export const div = binary("div", "div", (_a, b, y, dy) => [div(dy, b), neg(div(mul(dy, y), b))], "float");
/** aᵇ; da = dy·b·aᵇ⁻¹, db = dy·y·ln a (0 where a = 0 and b > 0, as the limit). */
export const pow = binary("pow", "pow", (a, b, y, dy) => [
  mul(dy, mul(b, pow(a, b.sub(1)))),
  where(equal(a, a.mul(0)), dy.mul(0), mul(dy, mul(y, log(a)))),
]);
/** The smaller one; equal elements share the gradient, as in PyTorch. NaN wins. */
export const minimum = binary("minimum", "minimum", (a, b, _y, dy) =>
  shareBetween(less(a, b), equal(a, b), dy),
);
/** The larger one; equal elements share the gradient, as in PyTorch. NaN wins. */
export const maximum = binary("maximum", "maximum", (a, b, _y, dy) =>
  shareBetween(greater(a, b), equal(a, b), dy),
);

/** (a − b)²; da = 2·dy·(a − b). */
export const squaredDifference = binary("squaredDifference", "squared_difference", (a, b, _y, dy) => {
  const da = mul(dy, sub(a, b)).mul(2);
  return [da, neg(da)];
});

export const equal = binary("equal", "equal", truth, "bool");
export const notEqual = binary("notEqual", "not_equal", truth, "bool");
export const less = binary("less", "less", truth, "bool");
export const lessEqual = binary("lessEqual", "less_equal", truth, "bool");
export const greater = binary("greater", "greater", truth, "bool");
export const greaterEqual = binary("greaterEqual", "greater_equal", truth, "bool");
export const logicalAnd = binary("logicalAnd", "logical_and", truth, "bool");
export const logicalOr = binary("logicalOr", "logical_or", truth, "bool");
export const logicalXor = binary("logicalXor", "logical_xor", truth, "bool");

function shareBetween(first: Tensor, tie: Tensor, dy: Tensor): Tensor[] {
  const weight = where(tie, dy.mul(0).add(0.5), first);
  return [mul(dy, weight), mul(dy, weight.mul(-1).add(1))];
}

const select = definePointwise("where", {
  result: "same",
  rule: (call, [condition, a, b]) => call("select", condition!, a!, b!),
  gradient: ([condition, a, b], _y, dy) => [
    null,
    isFloat(a!.dtype) ? where(condition!, dy, dy.mul(0)) : null,
    isFloat(b!.dtype) ? where(condition!, dy.mul(0), dy) : null,
  ],
});

/** `a` where `condition` is true (not 0), `b` elsewhere. */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  const dtype = resultOfBranches(a, b);
  return new Tensor(
    record(select, [condition.value, a.value, b.value], dtype === undefined ? {} : { dtype })[0]!,
  );
}

/** The condition's type must not widen the result's. */
function resultOfBranches(a: Tensor, b: Tensor): DType | undefined {
  if (a.dtype === b.dtype) return a.dtype;
  return isFloat(a.dtype) ? a.dtype : isFloat(b.dtype) ? b.dtype : undefined;
}

/** x held within [low, high]; the gradient passes where x lies inside (bounds included, as in PyTorch). */
export const clip = ternary("clip", "clip", ([x, low, high], _y, dy) => [
  mul(dy, logicalAnd(greaterEqual(x!, low!), lessEqual(x!, high!))),
  mul(dy, less(x!, low!)),
  mul(dy, greater(x!, high!)),
]);

const castOp = definePointwise("cast", {
  result: "same",
  rule: (call, [x], constant, { dtype }) => {
    if (dtype === "bool") return call("not_equal", x!, constant(0));
    return isFloat(dtype as DType) ? call("identity", x!) : call("trunc", x!);
  },
  gradient: { none: "its input or its result is not a float; between float types see Tensor.cast" },
});

/** The same numbers as another element type: toward zero for integers, `x != 0` for bool. */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (dtype === x.dtype) return x;
  return new Tensor(record(castOp, [x.value], { dtype })[0]!);
}
