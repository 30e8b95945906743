import { describe, expect, test } from "vitest";
import * as losses from "../../src/losses/index.js";
import { type Tensor, tensor } from "../../src/tensor.js";
import { checkFunction, irregular, variable } from "../check-gradient.js";

type Options = Record<string, unknown>;
interface Example {
  readonly prediction: () => Tensor;
  readonly target: () => Tensor;
  /** Whether the target has a gradient too. */
  readonly byTarget?: boolean;
  readonly options?: readonly Options[];
}

const scores = () => variable([4, 3]);
const labels = () => tensor(Int32Array.of(0, 2, 1, 2));
const numbers = () => variable([4, 3], { phase: 0.7 });
/** In (0, 1), rows not normalised. */
const fractions = () => variable([4, 3], { data: irregular(12).map((x) => 1 / (1 + Math.exp(2 * x))) });
const logFractions = () => variable([4, 3], { data: irregular(12, 0.3).map((x) => -Math.abs(x)) });
const signs = () => tensor(Float64Array.from(irregular(12, 0.9), Math.sign), { shape: [4, 3] });

/** For each loss exported by src/losses/index.ts, under its function's name. */
const examples: Record<string, readonly Example[]> = {
  crossEntropy: [
    {
      prediction: scores,
      target: labels,
      options: [{}, { weight: [1, 2, 0.5] }, { labelSmoothing: 0.3, ignoreIndex: 1 }],
    },
    {
      prediction: scores,
      target: fractions,
      byTarget: true,
      options: [{}, { weight: [1, 2, 0.5], labelSmoothing: 0.3 }],
    },
    {
      prediction: () => variable([2, 3, 2]),
      target: () => tensor(Int32Array.of(0, 1, 2, 1), { shape: [2, 2] }),
    },
  ],
  nll: [{ prediction: scores, target: labels, options: [{}, { weight: [1, 2, 0.5] }, { ignoreIndex: 2 }] }],
  binaryCrossEntropyWithLogits: [
    {
      prediction: scores,
      target: fractions,
      byTarget: true,
      options: [{}, { posWeight: [1, 2, 3] }, { weight: [1, 2, 3] }],
    },
  ],
  binaryCrossEntropy: [
    {
      prediction: fractions,
      target: () => variable([4, 3], { phase: 0.2 }),
      byTarget: true,
      options: [{}, { weight: 2 }],
    },
  ],
  mse: [{ prediction: scores, target: numbers, byTarget: true }],
  l1: [{ prediction: scores, target: numbers, byTarget: true }],
  huber: [{ prediction: scores, target: numbers, byTarget: true, options: [{}, { delta: 0.4 }] }],
  smoothL1: [
    { prediction: scores, target: numbers, byTarget: true, options: [{}, { beta: 0.4 }, { beta: 0 }] },
  ],
  klDivergence: [
    {
      prediction: logFractions,
      target: fractions,
      byTarget: true,
      options: [{}, { reduction: "batchMean" }],
    },
    { prediction: logFractions, target: logFractions, byTarget: true, options: [{ logTarget: true }] },
  ],
  hinge: [{ prediction: scores, target: signs, options: [{}, { margin: 0.45 }] }],
  squaredHinge: [{ prediction: scores, target: signs, options: [{}, { margin: 0.45 }] }],
  multiMargin: [{ prediction: scores, target: labels, options: [{}, { p: 2, margin: 0.55 }] }],
};

const exported = losses as unknown as Record<string, unknown>;
const isClass = (value: unknown) =>
  typeof value === "function" && (value as { prototype?: unknown }).prototype instanceof losses.Loss;
const functions = Object.keys(exported).filter(
  (name) => /^[a-z]/.test(name) && typeof exported[name] === "function",
);
const classNames = Object.keys(exported).filter((name) => isClass(exported[name]));

test("every exported loss is in the table, as a function and as a class", () => {
  expect(Object.keys(examples).sort()).toEqual([...functions].sort());
  expect(classNames.map((name) => name.toLowerCase()).sort()).toEqual(
    functions.map((name) => name.toLowerCase()).sort(),
  );
});

describe.each(Object.entries(examples))("%s", (name, list) => {
  const loss = exported[name] as (prediction: Tensor, target: Tensor, options: Options) => Tensor;
  const Class = exported[classNames.find((c) => c.toLowerCase() === name.toLowerCase())!] as new (
    options: Options,
  ) => losses.Loss;

  for (const { prediction, target, byTarget, options = [{}] } of list) {
    for (const settings of options) {
      for (const reduction of settings.reduction === undefined
        ? ["mean", "sum", "none"]
        : [settings.reduction]) {
        const all = { ...settings, reduction };
        const t = target();
        test(`${JSON.stringify(all)}, target ${t.dtype}: gradients`, () => {
          if (byTarget === true) checkFunction((x, y) => loss(x, y, all), [prediction(), t]);
          else checkFunction((x) => loss(x, t, all), [prediction()]);
        });
      }
      test(`${JSON.stringify(settings)}: the class and sample weights`, () => {
        const object = new Class(settings);
        const weight = tensor(Float64Array.from(irregular(target().shape[0]!), Math.abs));
        checkFunction((x) => object.forward(x, target(), weight), [prediction()]);
        checkFunction((x) => object.rows(x, target()), [prediction()]);
      });
    }
  }
});
