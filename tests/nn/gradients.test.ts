import { expect, test } from "vitest";
import * as nn from "../../src/nn/index.js";
import { manualSeed } from "../../src/ops/random.js";
import { type Tensor, tensor } from "../../src/tensor.js";
import { checkModule, variable } from "../check-gradient.js";

type Model = nn.Module & { forward(x: Tensor): Tensor };

class Chained extends nn.Module {
  readonly parts = new nn.ModuleList([new nn.Linear(3, 3), new nn.Linear(3, 2)]);
  forward(x: Tensor): Tensor {
    let y = x;
    for (const part of this.parts) y = part.forward(y).tanh();
    return y;
  }
}

const matrix = () => variable([4, 3]);
/** Activations: both sides of every kink, none nearer to one than the check steps. */
const line = () => variable([2, 5], { data: [-6.7, -3.4, -2.2, -0.9, -0.3, 0.4, 1.2, 2.6, 3.3, 6.8] });
const evaluating = (model: Model): Model => model.evaluate();

/** For each layer exported by src/nn/index.ts: models and inputs to check it with. */
const examples: Record<string, readonly (readonly [() => Model, () => Tensor])[]> = {
  Linear: [
    [() => new nn.Linear(3, 2), matrix],
    [() => new nn.Linear(3, 2, { bias: false }), () => variable([2, 2, 3])],
  ],
  Sequential: [
    [
      () => new nn.Sequential(new nn.Linear(3, 4), new nn.LayerNorm(4), new nn.SiLU(), new nn.Linear(4, 2)),
      matrix,
    ],
  ],
  ModuleList: [[() => new Chained(), matrix]],
  Identity: [[() => new nn.Identity(), matrix]],
  Flatten: [[() => new nn.Flatten(1, 2), () => variable([2, 3, 2])]],
  Residual: [
    [() => new nn.Residual(new nn.Sequential(new nn.Linear(3, 3), new nn.Tanh())), matrix],
    [() => new nn.Residual(new nn.Linear(3, 2), { shortcut: new nn.Linear(3, 2) }), matrix],
  ],
  Dropout: [
    [() => new nn.Dropout(0.4), matrix],
    [() => new nn.Dropout(0.4, { inverted: false }), matrix],
    [() => evaluating(new nn.Dropout(0.4, { inverted: false })), matrix],
  ],
  BatchNorm1d: [
    [() => new nn.BatchNorm1d(3), matrix],
    [() => new nn.BatchNorm1d(3), () => variable([2, 3, 3])],
    [() => new nn.BatchNorm1d(3, { affine: false, trackRunningStats: false }), matrix],
    [() => evaluating(new nn.BatchNorm1d(3)), matrix],
  ],
  LayerNorm: [
    [() => new nn.LayerNorm(3), matrix],
    [() => new nn.LayerNorm([3, 2], { bias: false }), () => variable([2, 3, 2])],
    [() => new nn.LayerNorm(3, { affine: false }), matrix],
  ],
  RMSNorm: [
    [() => new nn.RMSNorm(3), matrix],
    [() => new nn.RMSNorm([3, 2], { affine: false }), () => variable([2, 3, 2])],
  ],
  Embedding: [[() => new nn.Embedding(4, 3), () => tensor(Int32Array.of(0, 3, 3, 1), { shape: [2, 2] })]],
  Sigmoid: [[() => new nn.Sigmoid(), line]],
  Tanh: [[() => new nn.Tanh(), line]],
  ReLU: [[() => new nn.ReLU(), line]],
  LeakyReLU: [[() => new nn.LeakyReLU(0.1), line]],
  PReLU: [
    [() => new nn.PReLU(), line],
    [() => new nn.PReLU(5), line],
    [() => new nn.PReLU(2, { slope: 0.1 }), () => variable([2, 2, 3])],
  ],
  ELU: [[() => new nn.ELU(0.7), line]],
  SELU: [[() => new nn.SELU(), line]],
  GELU: [
    [() => new nn.GELU(), line],
    [() => new nn.GELU({ approximate: "tanh" }), line],
  ],
  SiLU: [[() => new nn.SiLU(), line]],
  Mish: [[() => new nn.Mish(), line]],
  Softplus: [[() => new nn.Softplus(), line]],
  Softsign: [[() => new nn.Softsign(), line]],
  HardSigmoid: [[() => new nn.HardSigmoid(), line]],
  HardSwish: [[() => new nn.HardSwish(), line]],
  HardTanh: [[() => new nn.HardTanh(), line]],
  ReLU6: [[() => new nn.ReLU6(), line]],
  LogSigmoid: [[() => new nn.LogSigmoid(), line]],
  Softmax: [
    [() => new nn.Softmax(), matrix],
    [() => new nn.Softmax(0), matrix],
  ],
  LogSoftmax: [
    [() => new nn.LogSoftmax(), matrix],
    [() => new nn.LogSoftmax(1), () => variable([2, 3, 2])],
  ],
};

/** Bases without a forward of their own. */
const abstract = new Set<unknown>([nn.Module, nn.Layer, nn.Activation]);

const layers = Object.entries(nn).filter(([, value]) => {
  const isModule =
    typeof value === "function" && (value as { prototype?: unknown }).prototype instanceof nn.Module;
  return isModule && !abstract.has(value);
});

test("every exported layer is in the table, and nothing else", () => {
  expect(Object.keys(examples).sort()).toEqual(layers.map(([name]) => name).sort());
});

test.each(layers.map(([name]) => name))("%s: gradients by input and parameters", (name) => {
  for (const [make, input] of examples[name]!) {
    manualSeed(5);
    // Seeded before every evaluation: the same dropout mask each time.
    checkModule(make(), input(), () => manualSeed(6));
  }
});

test("an embedding's padding row gets no gradient", () => {
  const model = new nn.Embedding(3, 2, { paddingIndex: -1 }).to("float64");
  expect(model.paddingIndex).toBe(2);
  const other = new nn.Embedding(2, 2).to("float64");
  other.loadStateDict(new Map([["weight", { shape: [2, 2], data: model.weight.values.slice(0, 4) }]]));
  const index = tensor(Int32Array.of(0, 1, 1));
  expect(model.forward(index).arraySync()).toEqual(other.forward(index).arraySync());
  expect(model.forward(tensor(Int32Array.of(2))).arraySync()).toEqual([[0, 0]]);
});
