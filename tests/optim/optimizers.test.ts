import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import type { FloatDType } from "../../src/dtype.js";
import { ArgumentError, OutOfRangeError } from "../../src/errors.js";
import { Parameter } from "../../src/nn/parameter.js";
import * as optim from "../../src/optim/index.js";
import { tensor } from "../../src/tensor.js";

interface Case {
  name: "SGD" | "Adagrad" | "RMSprop" | "Adam" | "AdamW";
  options: Record<string, number | boolean | number[]>;
  float64: number[][];
  float32: number[][];
}

const reference = JSON.parse(
  readFileSync(new URL("../reference/optimizers.json", import.meta.url), "utf8"),
) as {
  steps: number[];
  n: number;
  optimizers: Record<string, Case>;
};
const { n, steps: recordedSteps } = reference;
const indices = Array.from({ length: n }, (_, i) => i);
const a = indices.map((i) => 0.2 + 0.3 * i);
const c = indices.map((i) => Math.sin(3 * i));
const start = indices.map((i) => (i % 2 === 0 ? 1 : -1) * (6 + i / 2));
const gradient = (w: number, i: number): number => a[i]! * (w - c[i]!) - Math.sin(w) / 10;

const names: Record<string, string> = {
  lr: "learningRate",
  weight_decay: "weightDecay",
  initial_accumulator_value: "initialAccumulator",
  eps: "epsilon",
};

/** The reference's options, spelled as here. */
function translate(options: Case["options"]): Record<string, unknown> {
  const entries = Object.entries(options).flatMap(([key, value]) =>
    key === "betas"
      ? (value as number[]).map((beta, i) => [`beta${i + 1}`, beta])
      : [[names[key] ?? key, value]],
  );
  return Object.fromEntries(entries);
}

/** The parameter after the recorded steps; the function is that of scripts/reference/optimizers.py. */
function trajectory(optimizer: optim.Optimizer, dtype: FloatDType): Float64Array[] {
  const w = new Parameter(start, [n], { dtype });
  const [scale, centre] = [tensor(a, { dtype }), tensor(c, { dtype })];
  const step = compile(() => scale.mul(w.sub(centre).square()).mul(0.5).add(w.cos().div(10)).sum(), {
    optimizer,
  });
  const recorded: Float64Array[] = [];
  for (let i = 1; i <= 100; i++) {
    step();
    if (recordedSteps.includes(i)) recorded.push(Float64Array.from(w.values));
  }
  return recorded;
}

const make = ({ name, options }: Case): optim.Optimizer =>
  new optim[name](translate(options) as never) as optim.Optimizer;

function expectClose(
  actual: readonly ArrayLike<number>[],
  wanted: readonly ArrayLike<number>[],
  tolerance: number,
): void {
  wanted.forEach((values, at) => {
    for (let i = 0; i < values.length; i++) {
      const error = Math.abs(actual[at]![i]! - values[i]!) / Math.max(Math.abs(values[i]!), 0.1);
      expect(
        error,
        `step ${recordedSteps[at]}, element ${i}: ${actual[at]![i]} for ${values[i]}`,
      ).toBeLessThan(tolerance);
    }
  });
}

// Rounding differs (fused multiply-adds, factors folded together); 100 steps carry some units in the
// last place: 2^−53 and 2^−24 times a few hundred.
for (const [key, item] of Object.entries(reference.optimizers)) {
  test(`${key} follows PyTorch in float64`, () => {
    expectClose(trajectory(make(item), "float64"), item.float64, 1e-12);
  });
  test(`${key} follows PyTorch in float32`, () => {
    expectClose(trajectory(make(item), "float32"), item.float32, 2e-5);
  });
}

/** 100 steps of a formula of one parameter, in float64. */
function byFormula(update: (w: number, g: number, t: number, state: Float64Array) => number): number[][] {
  const w = [...start];
  const states = indices.map(() => new Float64Array(2));
  const recorded: number[][] = [];
  for (let t = 1; t <= 100; t++) {
    indices.forEach((i) => {
      w[i] = update(w[i]!, gradient(w[i]!, i), t, states[i]!);
    });
    if (recordedSteps.includes(t)) recorded.push([...w]);
  }
  return recorded;
}

/** A rate that changes, so that the two forms of momentum differ. */
const changing = (t: number): number => 0.02 / (1 + 0.05 * (t - 1));
const schedule = optim.schedules.inverseTime({ decay: 0.05 });

test("momentum as Keras: v = βv + ηg, w −= v", () => {
  const wanted = byFormula((w, g, t, s) => {
    s[0] = 0.9 * s[0]! + changing(t) * g;
    return w - s[0]!;
  });
  const sgd = new optim.SGD({ learningRate: 0.02, momentum: 0.9, momentumForm: "velocity", schedule });
  expectClose(trajectory(sgd, "float64"), wanted, 1e-12);
});

test("momentum as PyTorch: v = βv + g, w −= ηv; differs when the rate changes", () => {
  const wanted = byFormula((w, g, t, s) => {
    s[0] = 0.9 * s[0]! + g;
    return w - changing(t) * s[0]!;
  });
  const sgd = (form: "update" | "velocity") =>
    trajectory(new optim.SGD({ learningRate: 0.02, momentum: 0.9, momentumForm: form, schedule }), "float64");
  expectClose(sgd("update"), wanted, 1e-12);
  expect(Math.abs(sgd("velocity")[3]![0]! - wanted[3]![0]!)).toBeGreaterThan(1e-4);
});

test("Nesterov as Keras: w −= βv + ηg with the new v", () => {
  const wanted = byFormula((w, g, _t, s) => {
    s[0] = 0.9 * s[0]! + 0.02 * g;
    return w - (0.9 * s[0]! + 0.02 * g);
  });
  const sgd = new optim.SGD({ learningRate: 0.02, momentum: 0.9, nesterov: true, momentumForm: "velocity" });
  expectClose(trajectory(sgd, "float64"), wanted, 1e-12);
});

const epsilon = 0.01;

test("Adagrad with ε inside the root and an initial accumulator", () => {
  const wanted = byFormula((w, g, t, s) => {
    if (t === 1) s[0] = 0.1;
    s[0]! += g * g;
    return w - (0.1 * g) / Math.sqrt(s[0]! + epsilon);
  });
  const adagrad = new optim.Adagrad({
    learningRate: 0.1,
    epsilon,
    epsilonPlace: "inside",
    initialAccumulator: 0.1,
  });
  expectClose(trajectory(adagrad, "float64"), wanted, 1e-12);
});

test("RMSprop with ε inside the root", () => {
  const wanted = byFormula((w, g, _t, s) => {
    s[0] = 0.9 * s[0]! + 0.1 * g * g;
    return w - (0.01 * g) / Math.sqrt(s[0]! + epsilon);
  });
  const rmsprop = new optim.RMSprop({ learningRate: 0.01, alpha: 0.9, epsilon, epsilonPlace: "inside" });
  expectClose(trajectory(rmsprop, "float64"), wanted, 1e-12);
});

for (const biasCorrection of [true, false]) {
  test(`Adam with ε inside the root, bias correction ${biasCorrection}`, () => {
    const wanted = byFormula((w, g, t, s) => {
      s[0] = 0.9 * s[0]! + 0.1 * g;
      s[1] = 0.99 * s[1]! + 0.01 * g * g;
      const m = biasCorrection ? s[0]! / (1 - 0.9 ** t) : s[0]!;
      const v = biasCorrection ? s[1]! / (1 - 0.99 ** t) : s[1]!;
      return w - (0.05 * m) / Math.sqrt(v + epsilon);
    });
    const adam = new optim.Adam({
      learningRate: 0.05,
      beta2: 0.99,
      epsilon,
      epsilonPlace: "inside",
      biasCorrection,
    });
    expectClose(trajectory(adam, "float64"), wanted, 1e-12);
  });
}

test("groups of parameters have settings of their own", () => {
  const [p, q, frozen] = [1, 1, 1].map((value) => new Parameter([value], [1]));
  frozen!.requiresGrad = false;
  const sgd = new optim.SGD({
    learningRate: 0.1,
    groups: [{ parameters: [q!], learningRate: 0.01, weightDecay: 0.5 }],
  });
  const step = compile(() => p!.add(q!).add(frozen!).sum(), { optimizer: sgd });
  step();
  expect(p!.values[0]).toBeCloseTo(1 - 0.1, 6);
  expect(q!.values[0]).toBeCloseTo(1 - 0.01 * (1 + 0.5), 6);
  expect(frozen!.values[0]).toBe(1);
});

test("setting the learning rate scales all groups", () => {
  const q = new Parameter([1], [1]);
  const sgd = new optim.SGD({ learningRate: 0.1, groups: [{ parameters: [q], learningRate: 0.01 }] });
  sgd.learningRate = 0.2;
  expect(sgd.settings.map((s) => s.learningRate)).toEqual([0.2, 0.02]);
});

test("every optimizer is found by the tests above", () => {
  const tested = new Set(Object.values(reference.optimizers).map(({ name }) => name as string));
  const optimizers = Object.entries(optim).filter(
    ([, v]) => typeof v === "function" && v.prototype instanceof optim.Optimizer,
  );
  for (const [name] of optimizers) expect(tested, name).toContain(name);
});

test("settings out of range are refused by name", () => {
  expect(() => new optim.SGD({ learningRate: -1 })).toThrow(/learningRate/);
  expect(() => new optim.SGD({ nesterov: true })).toThrow(ArgumentError);
  expect(() => new optim.SGD({ momentum: 0.9, dampening: 0.1, nesterov: true })).toThrow(/nesterov/);
  expect(() => new optim.Adam({ beta1: 1 })).toThrow(OutOfRangeError);
  expect(() => new optim.Adam({ epsilon: Number.NaN })).toThrow(/epsilon/);
  expect(() => new optim.Adam({ epsilonPlace: "in" as never })).toThrow(/epsilonPlace/);
  expect(() => new optim.RMSprop({ lr: 1 } as never)).toThrow(/"lr"/);
  const q = new Parameter([1], [1]);
  expect(() => new optim.SGD({ groups: [{ parameters: [q] }, { parameters: [q] }] })).toThrow(/groups\[1\]/);
});
