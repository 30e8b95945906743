import { describe, expect, test } from "vitest";
import { DTypeError, OutOfRangeError, ShapeError } from "../../src/errors.js";
import { grad } from "../../src/graph/differentiate.js";
import * as losses from "../../src/losses/index.js";
import { type Tensor, tensor } from "../../src/tensor.js";
import { type Entry, expectTensor, loadReference, tensorOf } from "../reference-values.js";

interface Case {
  readonly loss: string;
  readonly options: Record<string, unknown>;
  readonly prediction: Entry;
  readonly target: Entry;
  readonly value: Entry;
  readonly gradient: Entry;
}

type LossFunction = (prediction: Tensor, target: Tensor, options?: object) => Tensor;

const functions = losses as unknown as Record<string, LossFunction>;
const classes = losses as unknown as Record<string, new (options?: object) => losses.Loss>;
/** CrossEntropy beside crossEntropy. */
const classNamed = (name: string) => {
  const upper = ["mse", "nll", "l1"].includes(name)
    ? name.toUpperCase()
    : `${name[0]!.toUpperCase()}${name.slice(1)}`;
  return classes[name === "klDivergence" ? "KLDivergence" : upper]!;
};

/** Logarithms and exponentials within an ULP or two, sums of at most 24 terms; relative to the greatest term. */
const TOLERANCE = 2e-6;

describe("losses agree with PyTorch", () => {
  const cases = loadReference<Case>("losses");

  test.each(cases.map((c): [string, Case] => [`${c.loss} ${JSON.stringify(c.options)}`, c]))(
    "%s",
    (_name, c) => {
      const prediction = tensorOf(c.prediction, { requiresGrad: true });
      const target = tensorOf(c.target);
      const value = functions[c.loss]!(prediction, target, c.options);
      const scale = Math.max(...c.prediction.data.map((x) => Math.abs(Number(x)))) / 10;
      expectTensor(value, c.value, TOLERANCE, scale);
      const [gradient] = grad(value.sum(), [prediction]);
      expectTensor(gradient!, c.gradient, TOLERANCE);
      const Loss = classNamed(c.loss);
      expect(new Loss(c.options).forward(prediction, target).dataSync()).toEqual(value.dataSync());
    },
  );
});

describe("sample weights", () => {
  const logits = tensor([
    [1, 2, -1],
    [0.5, 0, 3],
    [2, -2, 1],
  ]);
  const labels = tensor(Int32Array.of(0, 2, 1));

  test("a sample of weight 2 counts as two samples", () => {
    const twice = losses.crossEntropy(
      logits.gatherRows(tensor(Int32Array.of(0, 1, 1, 2))),
      tensor(Int32Array.of(0, 2, 2, 1)),
    );
    const weighted = losses.crossEntropy(logits, labels, { sampleWeight: tensor([1, 2, 1]) });
    expect(weighted.item()).toBeCloseTo(twice.item(), 6);
  });

  test("they multiply class weights", () => {
    const weight = [1, 2, 3];
    const options = { weight, reduction: "none" } as const;
    const rows = losses.crossEntropy(logits, labels, options).dataSync();
    const mean = new losses.CrossEntropy({ weight }).forward(logits, labels, tensor([1, 0.5, 4]));
    // Σ sample·class·loss / Σ sample·class
    const expected = (rows[0]! + 0.5 * rows[1]! + 4 * rows[2]!) / (1 * 1 + 0.5 * 3 + 4 * 2);
    expect(mean.item()).toBeCloseTo(expected, 5);
  });

  test("weight 0 leaves a sample out, with elementwise losses too", () => {
    const [p, t] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([
        [0, 0],
        [9, 9],
      ]),
    ];
    expect(losses.mse(p, t, { sampleWeight: tensor([1, 0]) }).item()).toBe(2.5);
    expect(losses.mse(p, t, { sampleWeight: tensor([2, 1]), reduction: "sum" }).item()).toBe(2 * 5 + 61);
    expect(losses.mse(p, t, { sampleWeight: tensor([2, 1]), reduction: "none" }).arraySync()).toEqual([
      [2, 8],
      [36, 25],
    ]);
  });

  test("one weight a sample is asked for", () => {
    expect(() => losses.mse(logits, logits, { sampleWeight: tensor([1, 2]) })).toThrow(ShapeError);
    expect(() => losses.mse(logits, logits, { sampleWeight: logits })).toThrow(/sampleWeight/);
  });
});

describe("rows and totals", () => {
  test("rows give one number a sample", () => {
    const [p, t] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([
        [0, 0],
        [0, 0],
      ]),
    ];
    expect(new losses.MSE().rows(p, t).arraySync()).toEqual([2.5, 12.5]);
    const uniform = tensor([
      [0, 0],
      [5, 5],
    ]);
    const rows = new losses.CrossEntropy().rows(uniform, tensor(Int32Array.of(0, 1))).dataSync();
    for (const row of rows) expect(row).toBeCloseTo(Math.LN2, 6);
  });

  test("a mean over batches of different sizes is the mean over all", () => {
    const logits = tensor([
      [1, 2],
      [0, 3],
      [2, -1],
    ]);
    const labels = tensor(Int32Array.of(0, 1, -100));
    const loss = new losses.CrossEntropy({ weight: [1, 3] });
    const parts = [
      [0, 1],
      [1, 2],
    ].map(([start, n]) => loss.total(logits.narrow(0, start!, n!), labels.narrow(0, start!, n!)));
    const value = (x: Tensor | number) => (typeof x === "number" ? x : x.item());
    const sum = parts.reduce((s, part) => s + part.sum.item(), 0);
    const count = parts.reduce((s, part) => s + value(part.count), 0);
    expect(sum / count).toBeCloseTo(loss.forward(logits, labels).item(), 6);
  });

  test("batchMean adds up a sample and averages over samples", () => {
    const [x, t] = [
      tensor([
        [-1, -2],
        [-3, -0.5],
      ]),
      tensor([
        [0.5, 0.5],
        [0.25, 0.75],
      ]),
    ];
    const loss = new losses.KLDivergence({ reduction: "batchMean" });
    const rows = loss.rows(x, t).dataSync();
    expect(loss.forward(x, t).item()).toBeCloseTo((rows[0]! + rows[1]!) / 2, 6);
  });
});

describe("edges", () => {
  test("logits of ±10⁴ overflow nowhere", () => {
    const x = tensor([1e4, -1e4, 1e4, -1e4], { requiresGrad: true });
    const value = losses.binaryCrossEntropyWithLogits(x, tensor([1, 0, 0, 1]), { reduction: "none" });
    expect(value.arraySync()).toEqual([0, 0, 1e4, 1e4]);
    expect(grad(value.sum(), [x])[0]!.arraySync()).toEqual([0, 0, 1, -1]);
    const rows = losses.crossEntropy(
      tensor([
        [1e4, -1e4],
        [-1e4, 1e4],
      ]),
      tensor(Int32Array.of(0, 0)),
      { reduction: "none" },
    );
    expect(rows.arraySync()).toEqual([0, 2e4]);
  });

  test("a label out of range is an error that names it, when the loss is computed", () => {
    const logits = tensor([
      [1, 2],
      [3, 4],
    ]);
    for (const loss of [losses.crossEntropy, losses.nll, losses.multiMargin]) {
      for (const label of [2, -1]) {
        expect(() => loss(logits, tensor(Int32Array.of(0, label))).item()).toThrow(OutOfRangeError);
      }
    }
    expect(() => losses.crossEntropy(logits, tensor(Int32Array.of(0, 7))).item()).toThrow(/7/);
  });

  test("without an ignored label −100 is out of range", () => {
    const logits = tensor([[1, 2]]);
    expect(() =>
      losses.crossEntropy(logits, tensor(Int32Array.of(-100)), { ignoreIndex: null }).item(),
    ).toThrow(OutOfRangeError);
    expect(
      losses.crossEntropy(logits, tensor(Int32Array.of(1)), { ignoreIndex: null, weight: [1, 2] }).item(),
    ).toBeCloseTo(Math.log1p(Math.exp(-1)), 6);
  });

  test("only ignored labels: nothing to average, NaN as in PyTorch; the sum is 0", () => {
    const logits = tensor([[1, 2]]);
    const ignored = tensor(Int32Array.of(-100));
    expect(losses.crossEntropy(logits, ignored).item()).toBeNaN();
    expect(losses.crossEntropy(logits, ignored, { reduction: "sum" }).item()).toBe(0);
  });

  test("shapes are not broadcast", () => {
    const [a, b] = [tensor([[1], [2]]), tensor([1, 2])];
    const elementwise = [
      losses.mse,
      losses.l1,
      losses.huber,
      losses.smoothL1,
      losses.hinge,
      losses.squaredHinge,
    ];
    for (const loss of [
      ...elementwise,
      losses.binaryCrossEntropy,
      losses.binaryCrossEntropyWithLogits,
      losses.klDivergence,
    ]) {
      expect(() => loss(a, b)).toThrow(ShapeError);
    }
    expect(() => losses.crossEntropy(tensor([[1, 2]]), tensor(Int32Array.of(0, 1)))).toThrow(
      /labels of shape \[1\]/,
    );
  });

  test("types are checked: labels are integers, predictions floats", () => {
    const logits = tensor([[1, 2]]);
    expect(() => losses.nll(logits, tensor([1]))).toThrow(DTypeError);
    expect(() => losses.crossEntropy(logits, tensor([1]))).toThrow(/int32 labels/);
    expect(() => losses.mse(tensor(Int32Array.of(1)), tensor([1]))).toThrow(DTypeError);
    // Whole numbers are fine as targets of a regression, bytes as labels.
    expect(losses.mse(tensor([1, 2]), tensor(Int32Array.of(0, 4))).item()).toBe(2.5);
    expect(losses.crossEntropy(tensor([[0, 0]]), tensor(Uint8Array.of(1))).item()).toBeCloseTo(Math.LN2, 6);
  });

  test("options are checked", () => {
    const x = tensor([[1, 2]]);
    expect(() => losses.mse(x, x, { reduction: "avg" as never })).toThrow(/mean.*sum.*none/);
    expect(() => losses.crossEntropy(x, tensor(Int32Array.of(0)), { labelSmoothing: 2 })).toThrow(
      OutOfRangeError,
    );
    expect(() => losses.crossEntropy(x, tensor(Int32Array.of(0)), { weight: [1, 2, 3] })).toThrow(/weight/);
    expect(() => losses.huber(x, x, { delta: 0 })).toThrow(OutOfRangeError);
    expect(() => new losses.CrossEntropy({ lableSmoothing: 0.1 } as never)).toThrow(/labelSmoothing/);
    expect(() => losses.binaryCrossEntropyWithLogits(x, x, { posWeight: [1, 2, 3] })).toThrow(ShapeError);
  });

  test("probabilities outside [0, 1] give NaN, which stops training", () => {
    expect(losses.binaryCrossEntropy(tensor([1.5]), tensor([1])).item()).toBeNaN();
  });
});
