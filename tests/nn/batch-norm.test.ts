import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import { NotFiniteError, ShapeError, StateError } from "../../src/errors.js";
import * as losses from "../../src/losses/index.js";
import * as nn from "../../src/nn/index.js";
import { zeros } from "../../src/ops/creation.js";
import { manualSeed } from "../../src/ops/random.js";
import { SGD } from "../../src/optim/index.js";
import { Random } from "../../src/random.js";
import { type Tensor, tensor } from "../../src/tensor.js";
import { expectClose } from "../reference-values.js";

const random = new Random(9);
const samples = (n: number, c: number, scale = 1, shift = 0): Tensor =>
  tensor(
    Float32Array.from({ length: n * c }, () => shift + scale * random.normal()),
    { shape: [n, c] },
  );

const columns = (x: Tensor) => {
  const mean = x.mean(0).dataSync();
  const variance = x.variance(0, { correction: 0 }).dataSync();
  return { mean, variance };
};

describe("in training", () => {
  test("variance becomes γ², mean β; the shape of the distribution stays", () => {
    const layer = new nn.BatchNorm1d(2, { epsilon: 0 });
    layer.weight!.assign([2, 0.5]);
    layer.bias!.assign([-1, 3]);
    // Two-valued data: standardised, but as two-valued as before.
    const x = tensor(
      Float32Array.from({ length: 200 }, (_, i) => (i % 5 < 2 ? 7 : -1) * (1 + (i % 2))),
      { shape: [100, 2] },
    );
    const y = layer.forward(x);
    const { mean, variance } = columns(y);
    expectClose(mean, [-1, 3], 1e-5);
    expectClose(variance, [4, 0.25], 1e-5);
    expect(new Set(Array.from(y.dataSync(), (v) => v.toFixed(3))).size).toBe(4);
  });

  test("the scale of the weights before it does not matter", () => {
    const x = samples(16, 4);
    const w = samples(4, 3);
    const y = (scale: number) =>
      new nn.BatchNorm1d(3, { epsilon: 0 }).forward(x.matmul(w).mul(scale)).dataSync();
    expectClose(y(1000), y(1), 1e-4);
    expectClose(y(0.001), y(1), 1e-4);
  });

  test("running statistics: (1−m)·old + m·batch, the variance unbiased; m/(m−1)", () => {
    const layer = new nn.BatchNorm1d(2, { momentum: 0.25 });
    const x = samples(5, 2, 3, 10);
    layer.forward(x);
    const { mean, variance } = columns(x);
    expectClose(
      layer.runningMean!.values,
      mean.map((m) => 0.25 * m),
      1e-6,
    );
    expectClose(
      layer.runningVar!.values,
      variance.map((v) => 0.75 + 0.25 * v * (5 / 4)),
      1e-5,
    );
    expect(layer.numBatchesTracked!.item()).toBe(1);
  });

  test("momentum null: the average over all batches", () => {
    const layer = new nn.BatchNorm1d(1, { momentum: null });
    const batches = [samples(4, 1, 2, 5), samples(4, 1), samples(4, 1, 1, -3)];
    for (const batch of batches) layer.forward(batch);
    const means = batches.map((b) => columns(b).mean[0]!);
    expect(layer.runningMean!.item()).toBeCloseTo((means[0]! + means[1]! + means[2]!) / 3, 5);
    expect(layer.numBatchesTracked!.item()).toBe(3);
  });

  test("a batch of one sample throws and tracks nothing; in evaluation it is fine", () => {
    const layer = new nn.BatchNorm1d(3);
    const one = samples(1, 3);
    expect(() => layer.forward(one)).toThrow(ShapeError);
    expect(() => layer.forward(one)).toThrow(/more than one value a feature/);
    expect(() => layer.forward(zeros([0, 3]))).toThrow(ShapeError);
    expect(() => layer.forward(zeros([1, 3, 1]))).toThrow(ShapeError);
    expect(layer.numBatchesTracked!.item()).toBe(0);
    layer.evaluate();
    expect(layer.forward(one).shape).toEqual([1, 3]);
    expect(() => new nn.BatchNorm1d(3, { trackRunningStats: false }).evaluate().forward(one)).toThrow(
      ShapeError,
    );
  });

  test("means far from 0 cost no digits", () => {
    const layer = new nn.BatchNorm1d(1, { epsilon: 0 });
    const x = tensor(
      Float32Array.from({ length: 64 }, (_, i) => 1e4 + (i % 2)),
      { shape: [64, 1] },
    );
    expectClose(
      layer.forward(x).dataSync(),
      Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? -1 : 1)),
      1e-5,
    );
    layer.runningMean!.assign([1e4 + 0.5]);
    layer.runningVar!.assign([0.25]);
    layer.evaluate();
    expectClose(
      layer.forward(x).dataSync(),
      Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? -1 : 1)),
      1e-5,
    );
  });
});

describe("in compiled steps", () => {
  const build = () => {
    manualSeed(1);
    return new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4), new nn.ReLU(), new nn.Linear(4, 1));
  };
  const train = (model: nn.Sequential) =>
    compile((x: Tensor, t: Tensor) => losses.mse(model.forward(x), t), {
      optimizer: new SGD({ learningRate: 0.1 }),
    });

  test("running statistics move with every step, as interactively", () => {
    const [model, interactive] = [build(), build()];
    const [x, t] = [samples(8, 3), samples(8, 1)];
    const step = train(model);
    interactive.forward(x).dataSync();
    step(x, t);
    const [a, b] = [model, interactive].map((m) => m.at(1) as nn.BatchNorm1d);
    expect(a!.runningMean!.values).toEqual(b!.runningMean!.values);
    expect(a!.runningVar!.values).toEqual(b!.runningVar!.values);
    step(x, t);
    expect(a!.numBatchesTracked!.item()).toBe(2);
  });

  test("a step that is refused leaves them as they were", () => {
    const model = build();
    const step = train(model);
    step(samples(8, 3), samples(8, 1));
    const before = model.stateDict();
    const bad = samples(8, 3).mul(tensor([1, Number.NaN, 1]));
    expect(() => step(bad, samples(8, 1))).toThrow(NotFiniteError);
    expect(model.stateDict()).toEqual(before);
  });

  test("evaluation is compiled apart and uses the running statistics", () => {
    const model = build();
    const forward = compile((x: Tensor) => model.forward(x));
    const x = samples(8, 3, 2, 1);
    const training = forward(x).dataSync();
    model.evaluate();
    const evaluated = forward(x).dataSync();
    expect(evaluated).not.toEqual(training);
    expect(evaluated).toEqual(model.forward(x).dataSync());
    // One sample alone gives what it gives in the batch.
    expectClose(forward(x.narrow(0, 3, 1)).dataSync(), [evaluated[3]!], 1e-6);
  });
});

describe("recalibrate", () => {
  const build = () => {
    manualSeed(2);
    return new nn.Sequential(
      new nn.Linear(3, 4),
      new nn.BatchNorm1d(4),
      new nn.Tanh(),
      new nn.Dropout(0.5),
      new nn.Linear(4, 2),
      new nn.BatchNorm1d(2),
    );
  };

  test("μ = E[μ_b], σ² = E[m/(m−1)·σ_b²], batches weighted by size, by the final weights", async () => {
    const model = build();
    const batches = [samples(4, 3, 2, 1), samples(7, 3, 1, -1), samples(3, 3)];
    await nn.recalibrate(model, batches);
    const [linear1, bn1, tanh, , linear2, bn2] = [...model] as [
      nn.Linear,
      nn.BatchNorm1d,
      nn.Tanh,
      nn.Dropout,
      nn.Linear,
      nn.BatchNorm1d,
    ];
    const inputs1 = batches.map((x) => linear1.forward(x));
    const normalised = inputs1.map((x) => new nn.BatchNorm1d(4, { trackRunningStats: false }).forward(x));
    const inputs2 = normalised.map((x) => linear2.forward(tanh.forward(x)));
    for (const [layer, inputs] of [
      [bn1, inputs1],
      [bn2, inputs2],
    ] as const) {
      const total = inputs.reduce((n, x) => n + x.shape[0]!, 0);
      const [mean, variance] = [new Float64Array(layer.features), new Float64Array(layer.features)];
      for (const x of inputs) {
        const m = x.shape[0]!;
        const found = columns(x);
        found.mean.forEach((v, i) => {
          mean[i]! += (m / total) * v;
        });
        found.variance.forEach((v, i) => {
          variance[i]! += (m / total) * (m / (m - 1)) * v;
        });
      }
      expectClose(layer.runningMean!.values, mean, 1e-5);
      expectClose(layer.runningVar!.values, variance, 1e-5);
      expect(layer.numBatchesTracked!.item()).toBe(0);
    }
  });

  test("modes are as before, whatever they were; weights stay", async () => {
    const model = build();
    model.evaluate();
    model.at(0).train();
    model.at(5).train();
    const parameters = model.parameters().map((p) => p.values.slice());
    await nn.recalibrate(model, [samples(4, 3)]);
    expect([...model].map((layer) => layer.training)).toEqual([true, false, false, false, false, true]);
    expect(model.training).toBe(false);
    expect(model.parameters().map((p) => p.values.slice())).toEqual(parameters);
  });

  test("takes asynchronous batches", async () => {
    const [a, b] = [build(), build()];
    const batches = [samples(4, 3), samples(5, 3)];
    await nn.recalibrate(a, batches);
    await nn.recalibrate(
      b,
      (async function* () {
        yield* batches;
      })(),
    );
    expect(a.stateDict()).toEqual(b.stateDict());
  });

  test("a batch that cannot be used changes nothing", async () => {
    const model = build();
    const before = model.stateDict();
    await expect(nn.recalibrate(model, [samples(4, 3), samples(1, 3)])).rejects.toThrow(ShapeError);
    await expect(nn.recalibrate(model, [])).rejects.toThrow(StateError);
    expect(model.stateDict()).toEqual(before);
    expect([...model].every((layer) => layer.training)).toBe(true);
    // Nothing observes any more: training tracks again.
    model.forward(samples(4, 3)).dataSync();
    expect((model.at(1) as nn.BatchNorm1d).numBatchesTracked!.item()).toBe(1);
    await expect(nn.recalibrate(new nn.Sequential(new nn.Linear(2, 2)), [samples(4, 2)])).rejects.toThrow(
      /running statistics/,
    );
  });
});

describe("it makes training depend less on where it starts", () => {
  /** Eight layers, with `gain` times the weights that fit. */
  function finalLoss(normalised: boolean, gain: number, learningRate: number): number {
    manualSeed(3);
    const width = 16;
    const layers: nn.Layer[] = [];
    for (let i = 0; i < 8; i++) {
      const inputs = i === 0 ? 2 : width;
      const std = gain * Math.sqrt(2 / inputs);
      layers.push(
        new nn.Linear(inputs, width, { init: (w) => nn.init.normal(w, { std }), biasInit: nn.init.zeros }),
      );
      if (normalised) layers.push(new nn.BatchNorm1d(width));
      layers.push(new nn.ReLU());
    }
    const model = new nn.Sequential(...layers, new nn.Linear(width, 1));
    const step = compile((x: Tensor, t: Tensor) => losses.binaryCrossEntropyWithLogits(model.forward(x), t), {
      optimizer: new SGD({ learningRate }),
    });
    const data = new Random(4);
    const x = Float32Array.from({ length: 256 }, () => data.normal());
    const t = Float32Array.from({ length: 128 }, (_, i) => Number(x[2 * i]! * x[2 * i + 1]! > 0));
    let loss = Number.NaN;
    try {
      for (let i = 0; i < 150; i++)
        loss = step(tensor(x, { shape: [128, 2] }), tensor(t, { shape: [128, 1] })).loss;
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      return Number.POSITIVE_INFINITY;
    }
    return loss;
  }

  test("weights ten times too small: signs of two numbers, ln 2 is guessing", () => {
    expect(finalLoss(false, 0.1, 0.1)).toBeGreaterThan(0.68);
    expect(finalLoss(true, 0.1, 0.1)).toBeLessThan(0.3);
  });

  test("weights three times too large", () => {
    expect(finalLoss(false, 3, 0.1)).toBeGreaterThan(0.6);
    expect(finalLoss(true, 3, 0.1)).toBeLessThan(0.3);
  });
});
