import { describe, expect, test } from "vitest";
import { grad } from "../../src/graph/differentiate.js";
import * as nn from "../../src/nn/index.js";
import type { Module } from "../../src/nn/module.js";
import type { Tensor } from "../../src/tensor.js";
import {
  type Entry,
  expectClose,
  expectTensor,
  loadReference,
  numbersOf,
  tensorOf,
} from "../reference-values.js";

interface Case {
  readonly name: string;
  readonly train: boolean;
  readonly before: Record<string, Entry>;
  readonly after: Record<string, Entry>;
  readonly steps: readonly {
    readonly x: Entry;
    readonly y: Entry;
    readonly dy: Entry;
    readonly dx: Entry | null;
    readonly gradients: Record<string, Entry>;
  }[];
}

type Model = Module & { forward(x: Tensor): Tensor };

const models: Record<string, () => Model> = {
  Linear: () => new nn.Linear(4, 3),
  "Linear without bias": () => new nn.Linear(4, 3, { bias: false }),
  Sequential: () =>
    new nn.Sequential(
      new nn.Linear(4, 6),
      new nn.BatchNorm1d(6),
      new nn.ReLU(),
      new nn.Dropout(0),
      new nn.Linear(6, 2),
    ),
  "Sequential in evaluation": () =>
    new nn.Sequential(
      new nn.Linear(4, 6),
      new nn.BatchNorm1d(6),
      new nn.Tanh(),
      new nn.Dropout(0.5),
      new nn.Linear(6, 2),
    ),
  BatchNorm1d: () => new nn.BatchNorm1d(3),
  "BatchNorm1d in evaluation": () => new nn.BatchNorm1d(3),
  "BatchNorm1d cumulative": () => new nn.BatchNorm1d(3, { momentum: null, epsilon: 1e-3 }),
  "BatchNorm1d over lengths": () => new nn.BatchNorm1d(3, { momentum: 0.25 }),
  "BatchNorm1d over lengths in evaluation": () => new nn.BatchNorm1d(3),
  "BatchNorm1d plain": () => new nn.BatchNorm1d(3, { affine: false }),
  "BatchNorm1d untracked in evaluation": () => new nn.BatchNorm1d(3, { trackRunningStats: false }),
  LayerNorm: () => new nn.LayerNorm(5),
  "LayerNorm of two dimensions": () => new nn.LayerNorm([2, 3], { epsilon: 1e-3 }),
  "LayerNorm plain": () => new nn.LayerNorm(5, { affine: false }),
  RMSNorm: () => new nn.RMSNorm(5, { epsilon: 1e-6 }),
  Embedding: () => new nn.Embedding(6, 3),
  "Embedding with padding": () => new nn.Embedding(4, 2, { paddingIndex: 1 }),
  PReLU: () => new nn.PReLU(),
  "PReLU of features": () => new nn.PReLU(3),
  Residual: () => new nn.Residual(new nn.Linear(4, 4)),
  "Residual with shortcut": () =>
    new nn.Residual(new nn.Linear(4, 2), { shortcut: new nn.Linear(4, 2, { bias: false }) }),
  Flatten: () => new nn.Flatten(),
  Sigmoid: () => new nn.Sigmoid(),
  Tanh: () => new nn.Tanh(),
  ReLU: () => new nn.ReLU(),
  LeakyReLU: () => new nn.LeakyReLU(),
  "LeakyReLU 0.2": () => new nn.LeakyReLU(0.2),
  ELU: () => new nn.ELU(),
  "ELU 0.5": () => new nn.ELU(0.5),
  SELU: () => new nn.SELU(),
  GELU: () => new nn.GELU(),
  "GELU tanh": () => new nn.GELU({ approximate: "tanh" }),
  SiLU: () => new nn.SiLU(),
  Mish: () => new nn.Mish(),
  Softplus: () => new nn.Softplus(),
  Softsign: () => new nn.Softsign(),
  HardSigmoid: () => new nn.HardSigmoid(),
  HardSwish: () => new nn.HardSwish(),
  HardTanh: () => new nn.HardTanh(),
  ReLU6: () => new nn.ReLU6(),
  LogSigmoid: () => new nn.LogSigmoid(),
  Softmax: () => new nn.Softmax(),
  "Softmax 0": () => new nn.Softmax(0),
  LogSoftmax: () => new nn.LogSoftmax(),
  "LogSoftmax 1": () => new nn.LogSoftmax(1),
};

/** A hundred roundings of float32 (6·10⁻⁸) at sizes around 1; sums here have at most 20 terms. */
const TOLERANCE = 5e-6;

const stateOf = (entries: Record<string, Entry>) =>
  new Map(
    Object.entries(entries).map(([key, entry]) => [key, { shape: entry.shape, data: numbersOf(entry) }]),
  );

describe("layers agree with PyTorch: state keys, outputs, gradients, running statistics", () => {
  const cases = loadReference<Case>("layers");

  test("every case has a model and every model a case", () => {
    expect(cases.map((c) => c.name).sort()).toEqual(Object.keys(models).sort());
  });

  test.each(cases)("$name", ({ name, train, before, after, steps }) => {
    const model = models[name]!();
    model.train(train);
    expect([...model.stateDict().keys()].sort()).toEqual(Object.keys(before).sort());
    model.loadStateDict(stateOf(before));
    for (const step of steps) {
      const x = tensorOf(step.x, { requiresGrad: true });
      const y = model.forward(x);
      expectTensor(y, step.y, TOLERANCE);
      const parameters = model.namedParameters();
      const targets = step.dx === null ? [] : [x];
      const gradients = grad(y.mul(tensorOf(step.dy)).sum(), [...targets, ...parameters.map(([, p]) => p)]);
      if (step.dx !== null) expectTensor(gradients[0]!, step.dx, TOLERANCE);
      parameters.forEach(([key], i) => {
        expectTensor(gradients[targets.length + i]!, step.gradients[key]!, TOLERANCE);
      });
    }
    for (const [key, { shape, data }] of model.stateDict()) {
      expect(shape).toEqual(after[key]!.shape);
      expectClose(data, numbersOf(after[key]!), TOLERANCE);
    }
  });
});
