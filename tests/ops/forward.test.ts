import { describe, expect, test } from "vitest";
import { isFloat } from "../../src/dtype.js";
import { DTypeError, OutOfRangeError, ShapeError } from "../../src/errors.js";
import * as ops from "../../src/ops/index.js";
import { type Tensor, tensor } from "../../src/tensor.js";
import { type Entry, expectTensor, loadReference, tensorOf } from "../reference-values.js";

interface Case {
  readonly name: string;
  readonly inputs: readonly Entry[];
  readonly output: Entry;
}

type Fn = (...inputs: Tensor[]) => Tensor;

const numbers = (text: string): number[] => text.split(",").map(Number);

/** Operations whose names carry axes or sizes: "sum 0,1", "narrow 1,1,2". */
const parametric: Record<string, (args: string) => Fn> = {
  cast: (dtype) => (x) => x!.cast(dtype as never),
  ...Object.fromEntries(
    (["sum", "mean", "max", "min", "prod", "sumOfSquares", "variance", "norm"] as const).map((name) => [
      name,
      (axes: string): Fn =>
        (x) =>
          x![name](axes === "all" ? undefined : axes === "none" ? [] : numbers(axes)),
    ]),
  ),
  ...Object.fromEntries(
    (["argmax", "argmin", "softmax", "logSoftmax", "logSumExp"] as const).map((name) => [
      name,
      (axis: string): Fn =>
        (x) =>
          x![name](Number(axis)),
    ]),
  ),
  reshape: (shape) => (x) => x!.reshape(numbers(shape)),
  permute: (axes) => (x) => x!.permute(numbers(axes)),
  flatten: (start) => (x) => x!.flatten(Number(start)),
  unsqueeze: (axis) => (x) => x!.unsqueeze(Number(axis)),
  expand: (shape) => (x) => x!.expand(numbers(shape)),
  narrow: (args) => (x) => x!.narrow(...(numbers(args) as [number, number, number])),
  slice: (args) => (x) => x!.slice(...(numbers(args) as [number, number, number?])),
  concat:
    (axis) =>
    (x, ...others) =>
      x!.concat(others, Number(axis)),
  stack:
    (axis) =>
    (...parts) =>
      ops.stack(parts, Number(axis)),
};

const named: Record<string, Fn> = {
  clip: (x) => x!.clip(-1, 1.5),
  elu: (x) => ops.elu(x!, 1),
  leakyRelu: (x) => ops.leakyRelu(x!, 0.01),
  linear: (x, w, b) => ops.linear(x!, w!, b!),
  "matmul of transposes": (x, y) => x!.transpose().matmul(y!.transpose()),
  transpose: (x) => x!.transpose(),
  squeeze: (x) => x!.squeeze(),
  "reshape of a permutation": (x) => x!.permute([2, 0, 1]).reshape([6, 4]),
  "slice of a permutation": (x) => x!.permute([2, 0, 1]).slice(0, 1, 3).narrow(2, 2, 1).squeeze(2),
  "sum of a permutation": (x) => x!.permute([1, 0, 2]).sum(0),
  pad: (x) =>
    x!.pad(
      [
        [0, 1],
        [2, 0],
      ],
      0.5,
    ),
};

function operation(name: string): Fn {
  const exact = named[name] ?? (ops as unknown as Record<string, Fn>)[name];
  if (exact !== undefined) return exact;
  const [head, args] = name.split(" ");
  return parametric[head!]!(args!);
}

/** A few ULP of float32 for functions of elements; sums of up to 1000 terms have an error of a few ULP of their size. */
const tolerances = { float32: 1e-6, float64: 1e-8 };

describe.each(["float32", "float64"] as const)("%s: results agree with PyTorch and NumPy", (dtype) => {
  const cases = loadReference<Case>("ops");

  test.each(
    cases.map((c): [string, Case] => [
      `${c.name} ${c.inputs.map((x) => `${x.dtype}[${x.shape}]`).join(" ")}`,
      c,
    ]),
  )("%s", (_title, c) => {
    // Integers become float32 where an operation needs floats; only float inputs make a float64 program.
    if (dtype === "float64" && !c.inputs.some((x) => isFloat(x.dtype))) return;
    const result = operation(c.name)(...c.inputs.map((x) => tensorOf(x, { dtype })));
    expect(result.dtype).toBe(isFloat(c.output.dtype) ? dtype : c.output.dtype);
    const size = c.output.data.length > 0 ? Math.max(...c.inputs.map((x) => x.data.length)) ** 0.5 : 0;
    expectTensor(result, c.output, tolerances[dtype], size);
  });
});

test("the operations of the reference are those that exist", () => {
  const tested = new Set(loadReference<Case>("ops").map((c) => c.name.split(" ")[0]!));
  const elsewhere = [
    "customGradient",
    "dropout",
    "rand",
    "randn",
    "crossEntropyRows",
    "batchNorm",
    "layerNorm",
    "rmsNorm",
    "prelu",
  ];
  const creation = ["full", "ones", "zeros"];
  const general = ["reduce", "argReduce", "activations"];
  const missing = Object.keys(ops).filter(
    (name) => !tested.has(name) && ![...elsewhere, ...creation, ...general].includes(name),
  );
  expect(missing).toEqual([]);
});

describe("constants", () => {
  test("take part without being stored", () => {
    expect(
      ops
        .full([2, 2], 3)
        .add(ops.ones([2]))
        .arraySync(),
    ).toEqual([
      [4, 4],
      [4, 4],
    ]);
    expect(ops.zeros([2], "int32").arraySync()).toEqual([0, 0]);
    expect(ops.zeros([0]).arraySync()).toEqual([]);
    expect(tensor(5).mul(tensor(2)).item()).toBe(10);
  });

  test("a number takes the tensor's type; a fraction makes whole numbers float32", () => {
    const whole = tensor(Int32Array.of(1, 2));
    expect(whole.add(1).dtype).toBe("int32");
    expect(whole.add(0.5).dtype).toBe("float32");
    expect(whole.add(0.5).arraySync()).toEqual([1.5, 2.5]);
    expect(tensor(Float64Array.of(1)).mul(0.1).item()).toBe(0.1);
    expect(tensor([true, false], { dtype: "bool" }).add(1).arraySync()).toEqual([2, 1]);
  });
});

describe("keepDims", () => {
  test("leaves 1 for each reduced dimension", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(x.sum(0, { keepDims: true }).shape).toEqual([1, 2]);
    expect(x.mean(undefined, { keepDims: true }).shape).toEqual([1, 1]);
    expect(x.variance(1, { keepDims: true, correction: 0 }).arraySync()).toEqual([[0.25], [0.25]]);
  });
});

describe("errors name the operation and what came", () => {
  const [a, b] = [ops.zeros([2, 3]), ops.zeros([2, 2])];

  test("shapes", () => {
    expect(() => a.add(b)).toThrow(/add.*\[2, 3\] and \[2, 2\]/);
    expect(() => a.matmul(a)).toThrow(/matmul.*\[2, 3\] and \[2, 3\]/);
    expect(() => a.reshape([4])).toThrow(ShapeError);
    expect(() => a.reshape([-1, -1])).toThrow(ShapeError);
    expect(() => a.expand([3, 3])).toThrow(ShapeError);
    expect(() => a.concat([b], 0)).toThrow(ShapeError);
    expect(() => a.pad([[1, 1]])).toThrow(ShapeError);
    expect(() => ops.zeros([2, 0]).max(1)).toThrow(ShapeError);
    expect(() => ops.zeros([2, 0]).argmax(1)).toThrow(ShapeError);
  });

  test("axes", () => {
    expect(() => a.sum(2)).toThrow(OutOfRangeError);
    expect(() => a.sum([0, -2])).toThrow(/distinct/);
    expect(() => a.permute([0, 0])).toThrow(OutOfRangeError);
    expect(() => a.softmax(-3)).toThrow(OutOfRangeError);
    expect(() => a.narrow(0, 1, 2)).toThrow(OutOfRangeError);
  });

  test("types", () => {
    expect(() => a.add(tensor(Float64Array.of(1)))).toThrow(DTypeError);
    expect(() => tensor(Int32Array.of(1)).matmul(tensor(Int32Array.of(1)))).toThrow(DTypeError);
    expect(() => a.gatherRows(tensor([0]))).toThrow(DTypeError);
    expect(() => tensor(Int32Array.of(1)).softmax()).toThrow(DTypeError);
  });

  test("indices, when the program runs", () => {
    for (const bad of [2, -1])
      expect(() => a.gatherRows(tensor(Int32Array.of(0, bad))).dataSync()).toThrow(OutOfRangeError);
    expect(() => a.pick(tensor(Int32Array.of(0, 3))).dataSync()).toThrow(/3/);
  });
});
