import { describe, expect, test } from "vitest";
import { grad } from "../../src/graph/differentiate.js";
import { type Node, pendingNodes, registeredOps } from "../../src/graph/value.js";
import * as ops from "../../src/ops/index.js";
import { manualSeed } from "../../src/ops/random.js";
import { type Tensor, tensor } from "../../src/tensor.js";
import { checkFunction, project, variable } from "../check-gradient.js";

type Fn = (...inputs: Tensor[]) => Tensor;
type Inputs = () => Tensor[];
type Example = readonly [Fn, Inputs];

const vector = (...data: number[]) => variable([data.length], { data });
/** Both signs, no integer, no kink of any activation nearby. */
const real: Inputs = () => [vector(-6.7, -3.4, -2.2, -0.9, -0.3, 0.4, 1.2, 2.6, 3.3, 6.8)];
const positive: Inputs = () => [vector(0.1, 0.5, 0.9, 1.3, 2.7, 11)];
const aboveMinusOne: Inputs = () => [vector(-0.7, -0.2, 0.3, 1.5, 4)];
const small: Inputs = () => [vector(-2.5, -1.1, -0.4, 0.2, 0.7, 1.9)];
const matrix: Inputs = () => [variable([3, 4])];
const index = (shape: number[], ...data: number[]) => tensor(Int32Array.from(data), { shape });

const unary = (fn: (x: Tensor) => Tensor, inputs: Inputs = real): Example[] => [[(x) => fn(x!), inputs]];

/** Equal shapes, and every way of broadcasting: either operand stretched, both, a scalar. */
function binary(fn: (a: Tensor, b: Tensor) => Tensor, first = 0, second = 0.37): Example[] {
  const shapes = [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3], [3]],
    [
      [2, 1],
      [2, 3],
    ],
    [
      [2, 1],
      [1, 3],
    ],
    [[], [2, 2]],
    [
      [2, 1, 2],
      [3, 1],
    ],
  ] as const;
  return shapes.map(
    ([a, b]): Example => [
      (x, y) => fn(x!, y!),
      () => [variable(a, { phase: first }), variable(b, { phase: second })],
    ],
  );
}

/** The gradient of `fn` by its first input, itself a function of that input and of dy. */
const gradientOf =
  (fn: (x: Tensor) => Tensor): Fn =>
  (x, dy) =>
    grad(fn(x!).mul(dy!).sum(), [x!])[0]!;

/** A product of the given ranks. */
const product = (a: number[], b: number[]): Example => [
  (x, y) => x!.matmul(y!),
  () => [variable(a), variable(b, { phase: 0.4 })],
];

const rows = () => [variable([4, 3]), variable([3], { phase: 0.4 }), variable([3], { phase: 0.8 })];
const kinds = ["sum", "mean", "max", "min", "prod", "sumOfSquares"] as const;

/** For each differentiable operation: functions that use it, and inputs. */
const examples: Record<string, Example[]> = {
  neg: unary(ops.neg),
  abs: unary(ops.abs),
  square: unary(ops.square),
  sqrt: unary(ops.sqrt, positive),
  rsqrt: unary(ops.rsqrt, positive),
  reciprocal: unary(ops.reciprocal),
  exp: unary(ops.exp, small),
  expm1: unary(ops.expm1, small),
  log: unary(ops.log, positive),
  log1p: unary(ops.log1p, aboveMinusOne),
  log2: unary(ops.log2, positive),
  sin: unary(ops.sin),
  cos: unary(ops.cos),
  erf: unary(ops.erf, small),
  add: binary(ops.add),
  sub: binary(ops.sub),
  mul: binary(ops.mul),
  div: binary(ops.div),
  pow: [
    ...binary((a, b) => ops.pow(a.abs(), b)),
    [(x) => x!.pow(3), () => [vector(-1.5, -0.5, 0.5, 2)]],
    [(x) => x!.pow(2), () => [vector(-1.5, 0, 2)]],
  ],
  minimum: binary(ops.minimum),
  maximum: binary(ops.maximum),
  squaredDifference: binary(ops.squaredDifference),
  where: [
    [
      (a, b) => ops.where(tensor(Uint8Array.of(1, 0, 1, 0), { dtype: "bool", shape: [4] }), a!, b!),
      () => [variable([3, 4]), variable([4], { phase: 0.4 })],
    ],
  ],
  clip: [[(x, low, high) => ops.clip(x!, low!, high!), () => [...small(), vector(-1.3), vector(1.4)]]],
  sigmoid: unary(ops.sigmoid),
  logSigmoid: unary(ops.logSigmoid),
  tanh: unary(ops.tanh, small),
  relu: unary(ops.relu),
  relu6: unary(ops.relu6),
  softplus: unary(ops.softplus),
  softsign: unary(ops.softsign),
  silu: unary(ops.silu),
  mish: unary(ops.mish),
  gelu: unary(ops.gelu),
  geluTanh: unary(ops.geluTanh),
  selu: unary(ops.selu),
  hardSigmoid: unary(ops.hardSigmoid),
  hardSwish: unary(ops.hardSwish),
  hardTanh: unary(ops.hardTanh),
  leakyRelu: unary((x) => ops.leakyRelu(x, 0.2)),
  elu: unary((x) => ops.elu(x, 0.7)),
  reduce: [
    ...kinds.flatMap((kind): Example[] =>
      [undefined, 0, 1, -1, [0, 2], [1, 2]].map(
        (axes): Example => [(x) => ops.reduce(x!, kind, axes), () => [variable([2, 3, 2])]],
      ),
    ),
    [(x) => x!.prod(0), () => [vector(2, 0, 3)]],
    [(x) => x!.prod(0), () => [vector(0, 0, 3)]],
    [(x) => x!.norm(), matrix],
    [(x) => x!.variance(0), matrix],
    [(x) => x!.std(-1, { correction: 0 }), matrix],
    [(x) => x!.logSumExp(0), matrix],
  ],
  softmax: [
    [(x) => x!.softmax(), matrix],
    [(x) => x!.softmax(0), matrix],
    [(x) => x!.logSoftmax(), matrix],
    [(x) => x!.logSoftmax(1), () => [variable([2, 3, 2])]],
  ],
  sigmoid_grad: [[gradientOf(ops.sigmoid), () => [...small(), variable([6], { phase: 0.4 })]]],
  log_sigmoid_grad: [[gradientOf(ops.logSigmoid), () => [...small(), variable([6], { phase: 0.4 })]]],
  tanh_grad: [[gradientOf(ops.tanh), () => [...small(), variable([6], { phase: 0.4 })]]],
  relu_grad: [[gradientOf(ops.relu), () => [...real(), variable([10], { phase: 0.4 })]]],
  relu6_grad: [[gradientOf(ops.relu6), () => [...real(), variable([10], { phase: 0.4 })]]],
  softplus_grad: [[gradientOf(ops.softplus), () => [...small(), variable([6], { phase: 0.4 })]]],
  softsign_grad: [[gradientOf(ops.softsign), () => [...small(), variable([6], { phase: 0.4 })]]],
  silu_grad: [[gradientOf(ops.silu), () => [...small(), variable([6], { phase: 0.4 })]]],
  gelu_grad: [[gradientOf(ops.gelu), () => [...small(), variable([6], { phase: 0.4 })]]],
  selu_grad: [[gradientOf(ops.selu), () => [...small(), variable([6], { phase: 0.4 })]]],
  hard_sigmoid_grad: [[gradientOf(ops.hardSigmoid), () => [...real(), variable([10], { phase: 0.4 })]]],
  hard_swish_grad: [[gradientOf(ops.hardSwish), () => [...real(), variable([10], { phase: 0.4 })]]],
  hard_tanh_grad: [[gradientOf(ops.hardTanh), () => [...real(), variable([10], { phase: 0.4 })]]],
  softmaxGrad: [
    [gradientOf((x) => x.softmax()), () => [variable([2, 3]), variable([2, 3], { phase: 0.4 })]],
    [gradientOf((x) => x.logSoftmax()), () => [variable([2, 3]), variable([2, 3], { phase: 0.4 })]],
  ],
  matmul: [
    product([2, 3], [3, 4]),
    product([3], [3]),
    product([3], [3, 2]),
    product([2, 3], [3]),
    product([2, 2, 3], [3, 2]),
    product([2, 3], [2, 3, 2]),
    product([2, 1, 2, 3], [3, 3, 2]),
    [
      (x, y) => x!.transpose().matmul(y!.transpose()),
      () => [variable([3, 2]), variable([4, 3], { phase: 0.4 })],
    ],
    [
      (x, w, b) => ops.linear(x!, w!, b!).tanh(),
      () => [variable([2, 3]), variable([4, 3], { phase: 0.4 }), variable([4], { phase: 0.8 })],
    ],
    [
      (x, w, b) => ops.linear(x!, w!, b!).relu().add(x!),
      () => [variable([2, 3]), variable([3, 3], { phase: 0.4 }), variable([3], { phase: 0.8 })],
    ],
  ],
  reshape: [[(x) => x!.reshape([2, -1]), matrix]],
  permute: [
    [(x) => x!.permute([2, 0, 1]), () => [variable([2, 3, 2])]],
    [(x) => x!.transpose().reshape([12]), matrix],
  ],
  expand: [[(x) => x!.expand([2, 3, 4]), () => [variable([3, 1])]]],
  slice: [
    [(x) => x!.slice(1, 1, -1), matrix],
    [(x) => x!.narrow(0, 1, 2), matrix],
  ],
  concat: [
    [(a, b) => a!.concat([b!, a!], 1), () => [variable([2, 1]), variable([2, 3], { phase: 0.4 })]],
    [(a, b) => ops.stack([a!, b!], 1), () => [variable([2, 2]), variable([2, 2], { phase: 0.4 })]],
  ],
  pad: [
    [
      (x) =>
        x!.pad(
          [
            [1, 0],
            [0, 2],
          ],
          3,
        ),
      matrix,
    ],
  ],
  gatherRows: [[(x) => x!.gatherRows(index([2, 2], 0, 2, 2, 1)), matrix]],
  scatterAddRows: [
    [
      gradientOf((x) => x.gatherRows(index([3], 0, 2, 2))),
      () => [variable([3, 2]), variable([3, 2], { phase: 0.4 })],
    ],
  ],
  pick: [[(x) => x!.pick(index([3], 3, 0, 1)), matrix]],
  pickGrad: [
    [gradientOf((x) => x.pick(index([2], 2, 0))), () => [variable([2, 3]), variable([2], { phase: 0.4 })]],
  ],
  crossEntropy: [
    [(x) => ops.crossEntropyRows(x!, index([3], 3, 0, 1)), matrix],
    [(x) => ops.crossEntropyRows(x!, index([3], 3, -100, 1), { labelSmoothing: 0.2 }), matrix],
    [
      (x) =>
        ops.crossEntropyRows(x!, index([3], 3, 0, 1), {
          weight: tensor(Float64Array.of(1, 2, 3, 0.5)),
          labelSmoothing: 0.2,
        }),
      matrix,
    ],
  ],
  batchNorm: [
    [(x, g, b) => ops.batchNorm(x!, g, b, 1e-5).y, rows],
    [(x, g) => ops.batchNorm(x!, g, undefined, 1e-5).y, () => rows().slice(0, 2)],
    [(x, b) => ops.batchNorm(x!, undefined, b, 1e-3).y, () => [rows()[0]!, rows()[2]!]],
    [(x) => ops.batchNorm(x!, undefined, undefined, 1e-3).y, () => [rows()[0]!]],
  ],
  layerNorm: [
    [(x, g, b) => ops.layerNorm(x!, g, b, 1e-5), rows],
    [(x, g) => ops.layerNorm(x!, g, undefined, 1e-5), () => rows().slice(0, 2)],
    [(x, b) => ops.layerNorm(x!, undefined, b, 1e-3), () => [rows()[0]!, rows()[2]!]],
  ],
  rmsNorm: [
    [(x, g) => ops.rmsNorm(x!, g, 1e-5), () => rows().slice(0, 2)],
    [(x) => ops.rmsNorm(x!, undefined, 1e-5), () => [rows()[0]!]],
  ],
  dropout: [true, false].map(
    (inverted): Example => [
      // Seeded before every evaluation: the same mask each time.
      (x) => {
        manualSeed(3);
        return ops.dropout(x!, tensor(Float64Array.of(0.4), { shape: [] }), inverted);
      },
      matrix,
    ],
  ),
  custom: [
    [
      (a, b) =>
        ops.customGradient(
          (x, y) => x!.mul(y!),
          ([x, y], _z, dz) => [dz.mul(y!), dz.mul(x!)],
        )(a!, b!),
      () => [variable([2, 2]), variable([2, 2], { phase: 0.4 })],
    ],
  ],
};

const names = [...registeredOps().keys()];
const isDifferentiable = (name: string) => typeof registeredOps().get(name)!.gradient === "function";

/** Operations behind `y`, also where it is computed already. */
const opsBehind = (y: Tensor): Set<string> =>
  new Set(pendingNodes([y.value], (v) => v.node !== null).map((node: Node) => node.op.name));

test("every differentiable operation has an example, and nothing else has", () => {
  expect(Object.keys(examples).sort()).toEqual(names.filter(isDifferentiable).sort());
});

test("an operation without a gradient says why", () => {
  for (const name of names.filter((n) => !isDifferentiable(n))) {
    const { gradient } = registeredOps().get(name)!;
    expect((gradient as { none: string }).none, name).toMatch(/\w{3}/);
  }
});

describe.each(Object.entries(examples))("%s", (name, list) => {
  test.each(list.map((example, i): [number, Example] => [i, example]))(
    "gradient, example %i",
    (_i, [fn, inputs]) => {
      expect(opsBehind(fn(...inputs()))).toContain(name);
      checkFunction(fn, inputs());
    },
  );
});

describe("second derivatives", () => {
  const twice =
    (fn: (x: Tensor) => Tensor): Fn =>
    (x) =>
      grad(project(fn(x!)), [x!])[0]!;
  const functions: [string, (x: Tensor) => Tensor, Inputs][] = [
    ["exp", ops.exp, small],
    ["log", ops.log, positive],
    ["sqrt", ops.sqrt, positive],
    ["reciprocal", ops.reciprocal, real],
    ["erf", ops.erf, small],
    ["x³", (x) => x.mul(x).mul(x), small],
    ["xˣ", (x) => x.pow(x), () => [vector(0.1, 0.5, 0.9, 1.3, 2.7)]],
    ["softmax", (x) => x.reshape([2, 3]).softmax(), small],
    ["log-softmax", (x) => x.reshape([2, 3]).logSoftmax(), small],
    ["product", (x) => x.reshape([2, 3]).matmul(x.reshape([3, 2])), small],
  ];
  test.each(functions)("%s", (_name, fn, inputs) => checkFunction(twice(fn), inputs()));
});

describe("conventions at kinks and ties, as PyTorch's", () => {
  const gradientAt = (fn: (x: Tensor) => Tensor, ...data: number[]) => {
    const x = tensor(data, { requiresGrad: true });
    return grad(fn(x).sum(), [x])[0]!.arraySync();
  };

  test("0 at 0 for |x|, relu; the bounds of clip pass", () => {
    expect(gradientAt(ops.abs, -1, 0, 1)).toEqual([-1, 0, 1]);
    expect(gradientAt(ops.relu, -1, 0, 1)).toEqual([0, 0, 1]);
    expect(gradientAt(ops.relu6, 0, 6, 3)).toEqual([0, 0, 1]);
    expect(gradientAt(ops.hardTanh, -1, 1, 0)).toEqual([0, 0, 1]);
    expect(gradientAt((x) => x.clip(-1, 1), -2, -1, 0, 1, 2)).toEqual([0, 1, 1, 1, 0]);
  });

  test("equal elements share the gradient of maximum, max and min", () => {
    expect(gradientAt((x) => x.maximum(1), 0, 1, 2)).toEqual([0, 0.5, 1]);
    expect(gradientAt((x) => x.max(), 3, 1, 3)).toEqual([0.5, 0, 0.5]);
    expect(gradientAt((x) => x.min(), 3, 1, 3)).toEqual([0, 1, 0]);
  });

  test("NaN stays visible in gradients", () => {
    for (const fn of [
      ops.relu,
      ops.sigmoid,
      ops.tanh,
      ops.gelu,
      ops.hardSwish,
      (x: Tensor) => ops.leakyRelu(x, 0.1),
    ]) {
      const g = gradientAt(fn, Number.NaN, 1) as number[];
      // Where the derivative is a constant on each side, PyTorch lets some through as 0 or slope; a NaN loss stops the step anyway.
      expect(Number.isFinite(g[1])).toBe(true);
    }
    expect(gradientAt(ops.sigmoid, Number.NaN)).toEqual([Number.NaN]);
    expect(gradientAt(ops.relu, Number.NaN)).toEqual([Number.NaN]);
  });
});
