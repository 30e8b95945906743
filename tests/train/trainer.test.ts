import { describe, expect, test } from "vitest";
import { epochOrder } from "../../src/train/order.js";
import {
  compile,
  data,
  losses,
  manualSeed,
  nn,
  optim,
  Random,
  type Tensor,
  Trainer,
  tensor,
} from "./imports.js";
import { bits, classifier, clouds, network, plane } from "./problems.js";

const quiet = { progress: false } as const;

describe("fit", () => {
  test("learns, and its history tells how", async () => {
    const [train, validation] = clouds(150).split(0.8, { seed: 1 });
    const trainer = classifier();
    const history = await trainer.fit(train, { epochs: 30, batchSize: 16, validation, ...quiet });
    expect(history.ended).toBe("complete");
    expect(history.best).toBeNull();
    expect(history.epochs.map((log) => log.epoch)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    const [first, last] = [history.epochs[0]!, history.epochs[29]!];
    expect(last.loss).toBeLessThan(first.loss);
    expect(last.validation!.accuracy).toBeGreaterThan(0.9);
    expect(last.step).toBe(30 * 8);
    expect(last.learningRate).toBe(0.01);
    expect(last.gradNorm).toBeGreaterThan(0);
    expect(last.seconds).toBeGreaterThan(0);
    expect(last.validation).toEqual(await trainer.evaluate(validation));
    expect(trainer.history).toEqual(history.epochs);
    expect(trainer.model.training).toBe(false);
  });

  test("does what a loop of single steps does, bit for bit", async () => {
    const samples = clouds(50);
    const trainer = classifier({ clip: { norm: 0.5 } });
    await trainer.fit(samples, { epochs: 2, batchSize: 16, ...quiet });

    const model = network();
    const step = compile((x: Tensor, y: Tensor) => new losses.CrossEntropy().forward(model.forward(x), y), {
      optimizer: new optim.Adam({ learningRate: 1e-2 }),
      clip: { norm: 0.5 },
      seed: 7,
    });
    for (const epoch of [0, 1]) {
      const order = new Random(7, 2 ** 32 + epoch).permutation(50);
      const norms: number[] = [];
      for (let start = 0; start < 50; start += 16) {
        const batch = samples.subset(order.subarray(start, start + 16));
        norms.push(
          step(tensor(batch.features, { shape: [batch.length, 2] }), tensor(batch.targets)).gradNorm,
        );
      }
      const mean = norms.reduce((a, b) => a + b) / norms.length;
      expect(trainer.history[epoch]!.gradNorm).toBeCloseTo(mean, 12);
    }
    expect(bits(trainer.model)).toEqual(bits(model));
  });

  test("the order of an epoch is a permutation of its own stream", async () => {
    expect(await epochOrder(20_000, 3, 2)).toEqual(new Random(3, 2 ** 32 + 2).permutation(20_000));
  });

  test("the seed decides everything", async () => {
    const run = async (seed: number, progress: boolean) => {
      const trainer = classifier({ seed });
      await trainer.fit(clouds(), { epochs: 3, batchSize: 16, progress: progress ? "auto" : false });
      return bits(trainer.model);
    };
    expect(await run(1, true)).toEqual(await run(1, false));
    expect(await run(1, false)).not.toEqual(await run(2, false));
  });

  test("the loss of an epoch is the mean over its samples, also of the last, smaller batch", async () => {
    const samples = plane(10);
    const model = new nn.Linear(2, 1);
    const frozen = new Trainer(model, {
      loss: new losses.MSE(),
      optimizer: new optim.SGD({ learningRate: 0 }),
      metrics: ["mae", "rmse"],
    });
    const { epochs } = await frozen.fit(samples, { epochs: 1, batchSize: 4, ...quiet });
    const whole = await frozen.evaluate(samples);
    expect(epochs[0]!.loss).toBeCloseTo(whole.loss, 5);
    expect(epochs[0]!.metrics.mae).toBeCloseTo(whole.mae!, 5);
    expect(epochs[0]!.metrics.rmse).toBeCloseTo(Math.sqrt(whole.loss), 5);
    expect(epochs[0]!.step).toBe(3);
  });

  test("dropRemainder leaves out the last, smaller batch", async () => {
    const trainer = classifier();
    await trainer.fit(clouds(50), { epochs: 2, batchSize: 16, dropRemainder: true, ...quiet });
    expect(trainer.optimizer.stepCount).toBe(6);
    await expect(trainer.fit(clouds(9), { epochs: 1, batchSize: 16, dropRemainder: true })).rejects.toThrow(
      /16 samples/,
    );
  });

  test("without shuffling samples come in their order", async () => {
    const samples = plane(9);
    const [fitted, stepped] = [0, 1].map(() => {
      manualSeed(1);
      return new Trainer(new nn.Linear(2, 1), {
        loss: new losses.MSE(),
        optimizer: new optim.SGD({ learningRate: 0.1 }),
      });
    });
    await fitted!.fit(samples, { epochs: 1, batchSize: 4, shuffle: false, ...quiet });
    for (const start of [0, 4, 8]) stepped!.partialFit(samples.slice(start, Math.min(start + 4, 9)));
    expect(bits(fitted!.model)).toEqual(bits(stepped!.model));
  });

  test("a second fit goes on: epochs, steps and orders", async () => {
    const [once, twice] = [classifier(), classifier()];
    await once.fit(clouds(), { epochs: 4, batchSize: 16, ...quiet });
    await twice.fit(clouds(), { epochs: 1, batchSize: 16, ...quiet });
    const { epochs } = await twice.fit(clouds(), { epochs: 3, batchSize: 16, ...quiet });
    expect(epochs.map((log) => log.epoch)).toEqual([2, 3, 4]);
    expect(bits(twice.model)).toEqual(bits(once.model));
  });

  test("targets of shape [n] beside outputs [n, 1] are not compared pairwise", async () => {
    const trainer = new Trainer(new nn.Linear(2, 1), {
      loss: new losses.MSE(),
      optimizer: new optim.Adam({ learningRate: 0.1 }),
      metrics: ["r2"],
    });
    await trainer.fit(plane(), { epochs: 60, batchSize: 16, ...quiet });
    expect((await trainer.evaluate(plane())).r2).toBeGreaterThan(0.99);
  });

  test("one output and labels: binary classification", async () => {
    const all = clouds(120);
    const labels = all.targets.map((label) => (label === 0 ? 1 : 0)) as Int32Array;
    const samples = new data.Dataset({ features: all.features, shape: [2], targets: labels });
    manualSeed(1);
    const trainer = new Trainer(new nn.Linear(2, 1), {
      loss: new losses.BinaryCrossEntropyWithLogits(),
      optimizer: new optim.Adam({ learningRate: 0.1 }),
      metrics: ["accuracy", "f1", "auc", "precision", "recall"],
    });
    const { epochs } = await trainer.fit(samples, { epochs: 30, ...quiet });
    const result = await trainer.evaluate(samples);
    expect(epochs[29]!.metrics.accuracy).toBeCloseTo(result.accuracy!, 1);
    for (const name of ["accuracy", "f1", "auc", "precision", "recall"])
      expect(result[name], name).toBeGreaterThan(0.9);
  });

  test("soft targets: probabilities of classes", async () => {
    const hard = clouds(60);
    const targets = Float32Array.from({ length: 180 }, (_, i) =>
      hard.targets[Math.floor(i / 3)] === i % 3 ? 0.9 : 0.05,
    );
    const trainer = classifier();
    await trainer.fit(new data.Dataset({ features: hard.features, shape: [2], targets, targetShape: [3] }), {
      epochs: 20,
      ...quiet,
    });
    expect((await trainer.evaluate(hard)).accuracy).toBeGreaterThan(0.9);
  });

  test("a model in float64 trains in float64", async () => {
    const model = network().to("float64");
    const trainer = classifier({}, model);
    await trainer.fit(clouds(), { epochs: 5, validation: clouds(30, 3), ...quiet });
    expect(model.parameters()[0]!.values).toBeInstanceOf(Float64Array);
    expect((await trainer.predict(clouds(6))).dtype).toBe("float64");
  });
});
