import { describe, expect, test } from "vitest";
import { data, losses, manualSeed, nn, optim, Trainer } from "./imports.js";
import { bits, classifier, clouds, plane } from "./problems.js";

const quiet = { progress: false } as const;

describe("weights, penalties, accumulation", () => {
  test("a weight of 2 counts as the sample twice", async () => {
    const samples = plane(6);
    const model = () => {
      manualSeed(1);
      return new nn.Linear(2, 1);
    };
    const options = { loss: new losses.MSE(), seed: 1 };
    const twice = samples.subset([0, 1, 1, 2, 3, 4, 5, 5, 5]);
    const [weighted, repeated] = [model(), model()];
    await new Trainer(weighted, { ...options, optimizer: new optim.SGD({ learningRate: 0.1 }) }).fit(
      samples,
      {
        epochs: 5,
        batchSize: 6,
        sampleWeights: [1, 2, 1, 1, 1, 3],
        ...quiet,
      },
    );
    await new Trainer(repeated, { ...options, optimizer: new optim.SGD({ learningRate: 0.1 }) }).fit(twice, {
      epochs: 5,
      batchSize: 9,
      ...quiet,
    });
    weighted.parameters().forEach((p, i) => {
      Array.from(p.values).forEach((value, j) =>
        expect(value).toBeCloseTo(repeated.parameters()[i]!.values[j]!, 5),
      );
    });
  });

  test("weights 0 teach nothing", async () => {
    const trainer = new Trainer(new nn.Linear(2, 1), {
      loss: new losses.MSE(),
      optimizer: new optim.SGD({ learningRate: 0.1 }),
    });
    const before = bits(trainer.model);
    const { epochs } = await trainer.fit(plane(8), {
      epochs: 1,
      batchSize: 4,
      sampleWeights: new Float32Array(8),
      ...quiet,
    });
    expect(epochs[0]!.loss).toBe(0);
    expect(bits(trainer.model)).toEqual(before);
  });

  test("class weights are those of the loss; balanced ones make rare classes count as much", async () => {
    const samples = clouds(90).subset(
      Array.from({ length: 90 }, (_, i) => i).filter((i) => i % 3 !== 2 || i < 12),
    );
    const run = async (options: object) => {
      const trainer = classifier(options);
      await trainer.fit(samples, { epochs: 3, batchSize: 16, ...quiet });
      return trainer.model.stateDict();
    };
    const own = await run({ classWeights: [1, 2, 3] });
    const ofLoss = await run({ loss: new losses.CrossEntropy({ weight: [1, 2, 3] }) });
    for (const [key, { data: values }] of own) {
      Array.from(values, Number).forEach((value, i) =>
        expect(value, key).toBeCloseTo(Number(ofLoss.get(key)!.data[i]), 4),
      );
    }
    const counts = [30, 30, 4];
    const balanced = await run({ classWeights: "balanced" });
    const byHand = await run({ classWeights: counts.map((n) => 64 / (3 * n)) });
    for (const [key, { data: values }] of balanced) expect(values, key).toEqual(byHand.get(key)!.data);
  });

  test("l1 and l2 are added to the loss for weights, not biases, and reported apart", async () => {
    const model = new nn.Linear(2, 1);
    model.weight.assign([3, -2]);
    model.bias!.assign([10]);
    const samples = new data.Dataset({
      features: new Float32Array(8),
      shape: [2],
      targets: new Float32Array(4).fill(10),
    });
    const trainer = new Trainer(model, {
      loss: new losses.MSE(),
      optimizer: new optim.SGD({ learningRate: 0.1 }),
      regularize: { l1: 0.5, l2: 0.25 },
    });
    const { epochs } = await trainer.fit(samples, { epochs: 1, batchSize: 4, ...quiet });
    expect(epochs[0]!.loss).toBe(0);
    expect(epochs[0]!.penalty).toBeCloseTo(0.5 * 5 + 0.25 * 13, 5);
    // w − η(l1·sign w + 2·l2·w)
    expect(Array.from(model.weight.values)).toEqual(
      [3 - 0.1 * (0.5 + 1.5), -2 + 0.1 * (0.5 + 1)].map((x) => expect.closeTo(x, 5)),
    );
    expect(model.bias!.values[0]).toBe(10);
  });

  test("accumulating batches is one step over all their samples", async () => {
    const model = () => {
      manualSeed(4);
      return new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 3));
    };
    const run = async (accumulate: number, batchSize: number) => {
      const trainer = classifier({ accumulate, clip: { norm: 0.1 } }, model());
      const { epochs } = await trainer.fit(clouds(50), { epochs: 3, batchSize, ...quiet });
      return { values: trainer.model.parameters().flatMap((p) => Array.from(p.values)), log: epochs[2]! };
    };
    const [parts, whole] = [await run(3, 8), await run(1, 24)];
    expect(parts.log.step).toBe(whole.log.step);
    expect(parts.log.loss).toBeCloseTo(whole.log.loss, 5);
    parts.values.forEach((value, i) => expect(value).toBeCloseTo(whole.values[i]!, 5));
  });

  test("accumulated batches are batches of their own to batch normalisation", async () => {
    const norm = new nn.BatchNorm1d(1, { momentum: 1, affine: false });
    const model = new nn.Sequential(norm, new nn.Linear(1, 1));
    const features = Float32Array.from([1, 2, 3, 4, 105, 106, 107, 108]);
    const samples = new data.Dataset({ features, shape: [1], targets: new Float32Array(8) });
    const trainer = new Trainer(model, { loss: new losses.MSE(), optimizer: new optim.SGD(), accumulate: 2 });
    await trainer.fit(samples, { epochs: 1, batchSize: 4, shuffle: false, ...quiet });
    expect(norm.runningMean!.values[0]).toBeCloseTo(106.5, 4);
    expect(norm.runningVar!.values[0]).toBeCloseTo(5 / 3, 4);
  });
});

describe("schedules", () => {
  test("one made by a function counts the steps of this training; it is gone afterwards", async () => {
    const trainer = classifier();
    const lengths: object[] = [];
    const run = () =>
      trainer.fit(clouds(40), {
        epochs: 2,
        batchSize: 16,
        schedule: (length) => {
          lengths.push(length);
          return optim.schedules.polynomial({ steps: length.steps });
        },
        ...quiet,
      });
    for (let i = 0; i < 2; i++) {
      const { epochs } = await run();
      expect(epochs.map((log) => log.learningRate)).toEqual(
        [0.01 * (1 - 2 / 6), 0.01 * (1 - 5 / 6)].map((x) => expect.closeTo(x, 12)),
      );
    }
    expect(lengths).toEqual([
      { steps: 6, stepsPerEpoch: 3 },
      { steps: 6, stepsPerEpoch: 3 },
    ]);
    expect(trainer.optimizer.schedule).toBeUndefined();
  });

  test("a schedule as such counts all steps of the optimizer", async () => {
    const trainer = classifier();
    const schedule = optim.schedules.exponential({ gamma: 0.5 });
    await trainer.fit(clouds(32), { epochs: 1, batchSize: 16, schedule, ...quiet });
    const { epochs } = await trainer.fit(clouds(32), { epochs: 1, batchSize: 16, schedule, ...quiet });
    expect(epochs[0]!.learningRate).toBeCloseTo(0.01 * 0.5 ** 3, 12);
  });

  test("ReduceOnPlateau is told what it monitors", async () => {
    const trainer = classifier({ optimizer: new optim.SGD({ learningRate: 0.001 }) });
    const schedule = new optim.ReduceOnPlateau({
      monitor: "validation.accuracy",
      patience: 1,
      factor: 0.5,
      threshold: 10,
    });
    const { epochs } = await trainer.fit(clouds(30), {
      epochs: 6,
      validation: clouds(30, 9),
      schedule,
      ...quiet,
    });
    // An improvement by a factor of 11 never comes: every second epoch without one halves the rate.
    expect(epochs.map((log) => log.learningRate / 0.001)).toEqual(
      [1, 1, 1, 0.5, 0.5, 0.25].map((x) => expect.closeTo(x, 6)),
    );
  });
});
