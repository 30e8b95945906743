import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import * as losses from "../../src/losses/index.js";
import * as nn from "../../src/nn/index.js";
import { ones } from "../../src/ops/creation.js";
import { manualSeed } from "../../src/ops/random.js";
import { Adam } from "../../src/optim/index.js";
import { Random } from "../../src/random.js";
import { type Tensor, tensor } from "../../src/tensor.js";

const COUNT = 200_000;
const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((a, b) => a + b, 0) / values.length;
/** Five sampling errors of a proportion. */
const within = (p: number) => 5 * Math.sqrt((p * (1 - p)) / COUNT);

describe("in training", () => {
  test.each([0.1, 0.5, 0.8])("p = %f: that share is 0, the others are x/(1−p), the mean stays", (p) => {
    manualSeed(1);
    const y = new nn.Dropout(p).forward(ones([COUNT])).dataSync();
    const kept = Math.fround(1 / (1 - Math.fround(p)));
    expect(new Set(y)).toEqual(new Set([0, kept]));
    expect(Math.abs(Array.from(y).filter((v) => v === 0).length / COUNT - p)).toBeLessThan(within(p));
    expect(Math.abs(mean(y) - 1)).toBeLessThan(within(p) / (1 - p));
  });

  test("classical: those kept stay as they are; evaluation has the expectation", () => {
    manualSeed(2);
    const layer = new nn.Dropout(0.25, { inverted: false });
    const x = tensor(Float32Array.from({ length: COUNT }, (_, i) => 1 + (i % 7)));
    const y = layer.forward(x).dataSync();
    const source = x.dataSync();
    expect(y.every((v, i) => v === 0 || v === source[i])).toBe(true);
    layer.evaluate();
    const evaluated = layer.forward(x).dataSync();
    expect(evaluated.every((v, i) => v === 0.75 * source[i]!)).toBe(true);
    expect(Math.abs(mean(y) / mean(evaluated) - 1)).toBeLessThan(0.01);
  });

  test("elements are dropped independently: neighbours agree as often as chance has it", () => {
    manualSeed(3);
    const y = new nn.Dropout(0.5).forward(ones([COUNT])).dataSync();
    for (const distance of [1, 2, 4, 64, 128, 1000]) {
      let equal = 0;
      for (let i = distance; i < COUNT; i++) if (y[i] === y[i - distance]) equal++;
      expect(Math.abs(equal / (COUNT - distance) - 0.5)).toBeLessThan(within(0.5) * 1.1);
    }
  });

  test("p = 0 changes nothing, p = 1 leaves nothing", () => {
    const x = tensor([1, -2, 3]);
    expect(new nn.Dropout(0).forward(x).arraySync()).toEqual([1, -2, 3]);
    expect(new nn.Dropout(1).forward(x).arraySync().toString()).toMatch(/^-?0,-?0,-?0$/);
  });

  test("every use and every step draws another mask; the seed decides which", () => {
    const layer = new nn.Dropout();
    const draw = () =>
      layer
        .forward(ones([64]))
        .dataSync()
        .join("");
    manualSeed(4);
    const [first, second] = [draw(), draw()];
    expect(first).not.toBe(second);
    manualSeed(4);
    expect(draw()).toBe(first);
    const compiled = compile((x: Tensor) => [layer.forward(x), layer.forward(x)] as const);
    const [a, b] = compiled(ones([64]));
    const [c] = compiled(ones([64]));
    expect(a.dataSync()).not.toEqual(b.dataSync());
    expect(a.dataSync()).not.toEqual(c.dataSync());
  });
});

describe("in evaluation", () => {
  test("inverted dropout is the identity", () => {
    const x = tensor([1, 2, 3]);
    expect(new nn.Dropout(0.9).evaluate().forward(x)).toBe(x);
  });
});

describe("p", () => {
  test("may change without compiling anew, in both modes", () => {
    const layer = new nn.Dropout(0, { inverted: false });
    let traces = 0;
    const compiled = compile((x: Tensor) => {
      traces++;
      return layer.forward(x);
    });
    const x = ones([1000]);
    expect(mean(compiled(x).dataSync())).toBe(1);
    layer.p = 1;
    expect(mean(compiled(x).dataSync())).toBe(0);
    layer.p = 0.5;
    expect(mean(compiled(x).dataSync())).toBeCloseTo(0.5, 1);
    expect(traces).toBe(1);
    layer.evaluate();
    expect(mean(compiled(x).dataSync())).toBe(0.5);
    layer.p = 0.25;
    expect(mean(compiled(x).dataSync())).toBe(0.75);
    expect(traces).toBe(2);
  });

  test("what was recorded before a change has the value of that time", () => {
    const layer = new nn.Dropout(0);
    const y = layer.forward(ones([10]));
    layer.p = 1;
    expect(mean(y.dataSync())).toBe(1);
  });

  test("is checked, and is no part of the state", () => {
    const layer = new nn.Dropout(0.3);
    expect(() => {
      layer.p = -0.1;
    }).toThrow(/p/);
    expect(layer.p).toBe(0.3);
    expect(layer.stateDict().size).toBe(0);
    expect(layer.buffers()).toEqual([]);
    expect(layer.toString()).toBe("Dropout(0.3)");
  });
});

describe("against overfitting", () => {
  /** 20 features, the first of which decides in 4 of 5 cases: a network learns 100 samples' noise by heart. */
  function data(count: number, random: Random) {
    const x = Float32Array.from({ length: count * 20 }, () => random.normal());
    const y = Int32Array.from({ length: count }, (_, i) => Number(x[20 * i]! > 0 !== random.uniform() < 0.2));
    return [tensor(x, { shape: [count, 20] }), tensor(y)] as const;
  }

  function finalLosses(p: number, seed: number) {
    const random = new Random(seed);
    const [train, test] = [data(100, random), data(1000, random)];
    manualSeed(seed);
    const model = new nn.Sequential(
      new nn.Dropout(p / 2),
      new nn.Linear(20, 64),
      new nn.ReLU(),
      new nn.Dropout(p),
      new nn.Linear(64, 2),
    );
    const step = compile((x: Tensor, y: Tensor) => losses.crossEntropy(model.forward(x), y), {
      optimizer: new Adam({ learningRate: 3e-3 }),
    });
    for (let i = 0; i < 200; i++) step(...train);
    model.evaluate();
    const loss = ([x, y]: typeof train) => losses.crossEntropy(model.forward(x), y).item();
    return { train: loss(train), test: loss(test) };
  }

  test.each([1, 2, 3])("a small data set, seed %i: higher loss on it, much lower on new samples", (seed) => {
    const [without, withDropout] = [finalLosses(0, seed), finalLosses(0.5, seed)];
    expect(withDropout.train).toBeGreaterThan(without.train);
    // About half in runs of five seeds; guessing gives ln 2 = 0.69.
    expect(withDropout.test).toBeLessThan(0.7 * without.test);
  });
});
