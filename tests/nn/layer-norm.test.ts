import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.js";
import { Random } from "../../src/random.js";
import { type Tensor, tensor } from "../../src/tensor.js";
import { expectClose } from "../reference-values.js";

const random = new Random(10);
const samples = (...shape: number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 3 + 2 * random.normal()),
    { shape },
  );

const perSample: [string, () => nn.Layer][] = [
  ["LayerNorm", () => new nn.LayerNorm(6)],
  ["RMSNorm", () => new nn.RMSNorm(6)],
];

describe.each(perSample)("%s", (_name, make) => {
  test("is the same in training and evaluation", () => {
    const [layer, x] = [make(), samples(4, 6)];
    const training = layer.forward(x).dataSync();
    expect(layer.evaluate().forward(x).dataSync()).toEqual(training);
  });

  test("does not depend on the batch: each sample gives the same bits alone", () => {
    const [layer, x] = [make(), samples(5, 6)];
    const together = layer.forward(x).dataSync();
    for (let i = 0; i < 5; i++) {
      expect(layer.forward(x.narrow(0, i, 1)).dataSync()).toEqual(together.slice(6 * i, 6 * i + 6));
    }
  });

  test("works on samples of sequences, [n, length, features]", () => {
    const [layer, x] = [make(), samples(2, 3, 6)];
    expect(layer.forward(x).reshape([6, 6]).dataSync()).toEqual(layer.forward(x.reshape([6, 6])).dataSync());
  });
});

test("LayerNorm: mean 0 and biased variance 1 over the features, then γ and β", () => {
  const layer = new nn.LayerNorm(6, { epsilon: 0 });
  const x = samples(4, 6);
  const y = layer.forward(x);
  expectClose(y.mean(1).dataSync(), [0, 0, 0, 0], 1e-6);
  expectClose(y.variance(1, { correction: 0 }).dataSync(), [1, 1, 1, 1], 1e-6);
  layer.weight!.assign([1, 2, 3, 4, 5, 6]);
  layer.bias!.assign([6, 5, 4, 3, 2, 1]);
  const scaled = y.mul(tensor([1, 2, 3, 4, 5, 6])).add(tensor([6, 5, 4, 3, 2, 1]));
  expectClose(layer.forward(x).dataSync(), scaled.dataSync(), 1e-6);
});

test("RMSNorm: mean square 1 over the features, the mean is not taken off", () => {
  const y = new nn.RMSNorm(6).forward(samples(4, 6));
  expectClose(y.square().mean(1).dataSync(), [1, 1, 1, 1], 1e-6);
  expect(Math.min(...y.mean(1).dataSync())).toBeGreaterThan(0.5);
});

test("at small batches batch normalisation makes a sample's result a matter of its company", () => {
  const x = samples(1, 6);
  /** Deviation of one sample's results over 200 batches of the given size. */
  const scatter = (layer: nn.Layer, size: number): number => {
    const results = Array.from(
      { length: 200 },
      () =>
        layer
          .forward(x.concat([samples(size - 1, 6)], 0))
          .narrow(0, 0, 1)
          .dataSync()[0]!,
    );
    const mean = results.reduce((a, b) => a + b, 0) / results.length;
    return Math.sqrt(results.reduce((s, r) => s + (r - mean) ** 2, 0) / results.length);
  };
  const batchNorm = () => new nn.BatchNorm1d(6, { trackRunningStats: false });
  expect(scatter(new nn.LayerNorm(6), 2)).toBe(0);
  expect(scatter(batchNorm(), 2)).toBeGreaterThan(0.3);
  expect(scatter(batchNorm(), 2)).toBeGreaterThan(3 * scatter(batchNorm(), 64));
});
