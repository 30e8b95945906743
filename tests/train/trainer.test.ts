import { describe, expect, test } from "vitest";
import { bits, classifier, clouds, network, plane } from "./problems.js";
import {
  ArgumentError,
  BusyError,
  type Callbacks,
  compile,
  DataError,
  data,
  type EpochLog,
  losses,
  manualSeed,
  nn,
  NotFiniteError,
  optim,
  Random,
  ShapeError,
  type Tensor,
  tensor,
  Trainer,
} from "./imports.js";

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
      for (let start = 0; start < 50; start += 16) {
        const batch = samples.subset(order.subarray(start, start + 16));
        step(tensor(batch.features, { shape: [batch.length, 2] }), tensor(batch.targets));
      }
    }
    expect(bits(trainer.model)).toEqual(bits(model));
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
    const frozen = new Trainer(model, { loss: new losses.MSE(), optimizer: new optim.SGD({ learningRate: 0 }), metrics: ["mae", "rmse"] });
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
    await expect(trainer.fit(clouds(9), { epochs: 1, batchSize: 16, dropRemainder: true })).rejects.toThrow(/16 samples/);
  });

  test("without shuffling samples come in their order", async () => {
    const samples = plane(9);
    const [fitted, stepped] = [0, 1].map(() => {
      manualSeed(1);
      return new Trainer(new nn.Linear(2, 1), { loss: new losses.MSE(), optimizer: new optim.SGD({ learningRate: 0.1 }) });
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
    for (const name of ["accuracy", "f1", "auc", "precision", "recall"]) expect(result[name], name).toBeGreaterThan(0.9);
  });

  test("soft targets: probabilities of classes", async () => {
    const hard = clouds(60);
    const targets = Float32Array.from({ length: 180 }, (_, i) => (hard.targets[Math.floor(i / 3)] === i % 3 ? 0.9 : 0.05));
    const trainer = classifier();
    await trainer.fit(new data.Dataset({ features: hard.features, shape: [2], targets, targetShape: [3] }), { epochs: 20, ...quiet });
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
    await new Trainer(weighted, { ...options, optimizer: new optim.SGD({ learningRate: 0.1 }) }).fit(samples, {
      epochs: 5,
      batchSize: 6,
      sampleWeights: [1, 2, 1, 1, 1, 3],
      ...quiet,
    });
    await new Trainer(repeated, { ...options, optimizer: new optim.SGD({ learningRate: 0.1 }) }).fit(twice, { epochs: 5, batchSize: 9, ...quiet });
    weighted.parameters().forEach((p, i) => {
      Array.from(p.values).forEach((value, j) => expect(value).toBeCloseTo(repeated.parameters()[i]!.values[j]!, 5));
    });
  });

  test("weights 0 teach nothing", async () => {
    const trainer = new Trainer(new nn.Linear(2, 1), { loss: new losses.MSE(), optimizer: new optim.SGD({ learningRate: 0.1 }) });
    const before = bits(trainer.model);
    const { epochs } = await trainer.fit(plane(8), { epochs: 1, batchSize: 4, sampleWeights: new Float32Array(8), ...quiet });
    expect(epochs[0]!.loss).toBe(0);
    expect(bits(trainer.model)).toEqual(before);
  });

  test("class weights are those of the loss; balanced ones make rare classes count as much", async () => {
    const samples = clouds(90).subset(Array.from({ length: 90 }, (_, i) => i).filter((i) => i % 3 !== 2 || i < 12));
    const run = async (options: object) => {
      const trainer = classifier(options);
      await trainer.fit(samples, { epochs: 3, batchSize: 16, ...quiet });
      return trainer.model.stateDict();
    };
    const own = await run({ classWeights: [1, 2, 3] });
    const ofLoss = await run({ loss: new losses.CrossEntropy({ weight: [1, 2, 3] }) });
    for (const [key, { data: values }] of own) {
      Array.from(values, Number).forEach((value, i) => expect(value, key).toBeCloseTo(Number(ofLoss.get(key)!.data[i]), 4));
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
    const samples = new data.Dataset({ features: new Float32Array(8), shape: [2], targets: new Float32Array(4).fill(10) });
    const trainer = new Trainer(model, {
      loss: new losses.MSE(),
      optimizer: new optim.SGD({ learningRate: 0.1 }),
      regularize: { l1: 0.5, l2: 0.25 },
    });
    const { epochs } = await trainer.fit(samples, { epochs: 1, batchSize: 4, ...quiet });
    expect(epochs[0]!.loss).toBe(0);
    expect(epochs[0]!.penalty).toBeCloseTo(0.5 * 5 + 0.25 * 13, 5);
    // w − η(l1·sign w + 2·l2·w)
    expect(Array.from(model.weight.values)).toEqual([3 - 0.1 * (0.5 + 1.5), -2 + 0.1 * (0.5 + 1)].map((x) => expect.closeTo(x, 5)));
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
      expect(epochs.map((log) => log.learningRate)).toEqual([0.01 * (1 - 2 / 6), 0.01 * (1 - 5 / 6)].map((x) => expect.closeTo(x, 12)));
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
    const schedule = new optim.ReduceOnPlateau({ monitor: "validation.accuracy", patience: 1, factor: 0.5, threshold: 10 });
    const { epochs } = await trainer.fit(clouds(30), { epochs: 6, validation: clouds(30, 9), schedule, ...quiet });
    // An improvement by a factor of 11 never comes: every second epoch without one halves the rate.
    expect(epochs.map((log) => log.learningRate / 0.001)).toEqual([1, 1, 1, 0.5, 0.5, 0.25].map((x) => expect.closeTo(x, 6)));
  });
});

describe("callbacks and loops", () => {
  test("are called in order and waited for", async () => {
    const calls: string[] = [];
    const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
    const note = (text: string) => async () => {
      await pause();
      calls.push(text);
    };
    const trainer = classifier();
    const first: Callbacks = {
      onTrainBegin: note("begin"),
      onEpochBegin: async (epoch) => {
        await pause();
        calls.push(`epoch ${epoch}`);
      },
      onEpochEnd: async (log: EpochLog, own) => {
        await pause();
        expect(own).toBe(trainer);
        calls.push(`end ${log.epoch}`);
      },
      onTrainEnd: note("done"),
    };
    await trainer.fit(clouds(), { epochs: 2, callbacks: [first, { onEpochEnd: () => void calls.push("second") }], ...quiet });
    expect(calls).toEqual(["begin", "epoch 1", "end 1", "second", "epoch 2", "end 2", "second", "done"]);
  });

  test("onEpochEnd ends the training by false; stop() does, too", async () => {
    const trainer = classifier();
    const one = await trainer.fit(clouds(), { epochs: 9, callbacks: { onEpochEnd: (log) => log.epoch < 2 }, ...quiet });
    expect([one.epochs.length, one.ended]).toEqual([2, "stopped"]);
    const two = await trainer.fit(clouds(), { epochs: 9, callbacks: { onEpochBegin: () => trainer.stop() }, ...quiet });
    expect([two.epochs.length, two.ended]).toEqual([1, "stopped"]);
  });

  test("an error in a callback ends the training; the model is free again", async () => {
    const trainer = classifier();
    const ended: string[] = [];
    const callbacks: Callbacks = {
      onEpochEnd: () => {
        throw new Error("mine");
      },
      onTrainEnd: () => ended.push("end"),
    };
    await expect(trainer.fit(clouds(), { epochs: 3, callbacks, ...quiet })).rejects.toThrow("mine");
    expect(ended).toEqual(["end"]);
    expect(trainer.epoch).toBe(1);
    await trainer.fit(clouds(), { epochs: 1, ...quiet });
  });

  test("epochs can be looped over and left", async () => {
    const [looped, fitted] = [classifier(), classifier()];
    const logs: number[] = [];
    for await (const log of looped.epochs(clouds(), { epochs: 10, ...quiet })) {
      logs.push(log.epoch);
      if (log.epoch === 3) break;
    }
    expect(logs).toEqual([1, 2, 3]);
    await fitted.fit(clouds(), { epochs: 3, ...quiet });
    expect(bits(looped.model)).toEqual(bits(fitted.model));
    await looped.fit(clouds(), { epochs: 1, ...quiet });
  });

  test("early stopping ends in time and restores the best epoch", async () => {
    const kept: string[][] = [];
    // Accuracy on labels that have nothing to do with the data: the best epoch comes early.
    const validation = new data.Dataset({ features: clouds(30, 4).features, shape: [2], targets: Int32Array.from({ length: 30 }, (_, i) => (i * i) % 3) });
    const trainer = classifier({ optimizer: new optim.Adam({ learningRate: 0.05 }) });
    const history = await trainer.fit(clouds(), {
      epochs: 200,
      validation,
      earlyStopping: { patience: 5, monitor: "validation.accuracy" },
      callbacks: { onEpochEnd: () => void kept.push(bits(trainer.model)) },
      ...quiet,
    });
    expect(history.ended).toBe("early");
    const { epoch, value } = history.best!;
    expect(history.epochs.length).toBe(epoch + 5);
    expect(value).toBe(Math.max(...history.epochs.map((log) => log.validation!.accuracy!)));
    expect(bits(trainer.model)).toEqual(kept[epoch - 1]);
    expect((await trainer.evaluate(validation)).accuracy).toBe(value);
  });

  test("early stopping may leave the last epoch and ask for more than a trifle", async () => {
    const trainer = classifier({ optimizer: new optim.SGD({ learningRate: 1e-6 }) });
    const kept: string[][] = [];
    const history = await trainer.fit(clouds(), {
      epochs: 50,
      earlyStopping: { patience: 3, minDelta: 0.5, restoreBest: false },
      callbacks: { onEpochEnd: () => void kept.push(bits(trainer.model)) },
      ...quiet,
    });
    expect(history.best!.epoch).toBe(1);
    expect(history.epochs.length).toBe(4);
    expect(bits(trainer.model)).toEqual(kept[3]);
  });

  test("an unknown monitor names those there are", async () => {
    const fit = classifier().fit(clouds(), { epochs: 2, earlyStopping: { patience: 1, monitor: "val_loss" }, ...quiet });
    await expect(fit).rejects.toThrow(/one of loss, penalty, gradNorm, accuracy for monitor but received "val_loss"/);
  });
});

describe("what goes wrong", () => {
  test("a label the model has no output for is refused before the first step, naming the row", async () => {
    const samples = clouds(12);
    const targets = (samples.targets as Int32Array).slice();
    targets[7] = 3;
    const wrong = new data.Dataset({ features: samples.features, shape: [2], targets });
    const trainer = classifier();
    const before = bits(trainer.model);
    const error = await trainer.fit(wrong, { epochs: 1, ...quiet }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).row).toBe(7);
    expect((error as DataError).message).toMatch(/label in 0\.\.2.*row 7.*received 3/);
    await expect(trainer.fit(samples, { epochs: 1, validation: wrong, ...quiet })).rejects.toThrow(/validation targets, row 7/);
    await expect(trainer.evaluate(wrong)).rejects.toThrow(/row 7/);
    expect(() => trainer.partialFit(wrong)).toThrow(/row 7/);
    expect(bits(trainer.model)).toEqual(before);
    expect(trainer.optimizer.stepCount).toBe(0);
  });

  test("targets of another shape than the outputs", async () => {
    await expect(classifier().fit(plane(), { epochs: 1, ...quiet })).rejects.toThrow(ShapeError);
    await expect(classifier().evaluate(plane())).rejects.toThrow(/shape \[3\]/);
  });

  test("a value that is not finite stops the training at its step, keeps what was learned, and is named", async () => {
    const samples = clouds(64);
    const features = samples.features.slice();
    features[2 * 50] = Number.NaN;
    const bad = new data.Dataset({ features, shape: [2], targets: samples.targets });
    const trainer = classifier({}, new nn.Sequential(new nn.Linear(2, 3)));
    const error = (await trainer.fit(bad, { epochs: 2, batchSize: 8, shuffle: false, ...quiet }).catch((e: unknown) => e)) as NotFiniteError;
    expect(error).toBeInstanceOf(NotFiniteError);
    expect(error.step).toBe(6);
    expect(error.loss).toBeNaN();
    expect(error.message).toMatch(/epoch 1, training step 6.*row 50 of the training data/);
    expect(trainer.optimizer.stepCount).toBe(6);

    const state = trainer.model.parameters().flatMap((p) => Array.from(p.values));
    expect(state.every(Number.isFinite)).toBe(true);
    await trainer.fit(samples, { epochs: 1, batchSize: 8, ...quiet });
  });

  test("an abort ends the training between two steps and keeps what was learned", async () => {
    const trainer = classifier();
    const reason = new Error("enough");
    const controller = new AbortController();
    const training = trainer.fit(clouds(3000), { epochs: 1e6, batchSize: 4, signal: controller.signal, ...quiet });
    setTimeout(() => controller.abort(reason), 60);
    await expect(training).rejects.toBe(reason);
    const { stepCount } = trainer.optimizer;
    expect(stepCount).toBeGreaterThan(0);
    expect(trainer.model.parameters().every((p) => Array.from(p.values).every(Number.isFinite))).toBe(true);
    await trainer.fit(clouds(), { epochs: 1, batchSize: 90, ...quiet });
    expect(trainer.optimizer.stepCount).toBe(stepCount + 1);
    const late = trainer.fit(clouds(), { epochs: 1, signal: AbortSignal.abort(), ...quiet });
    await expect(late).rejects.toMatchObject({ name: "AbortError" });
  });

  test("two trainings of one model at once are refused; predictions go on", async () => {
    const trainer = classifier();
    const second = classifier({}, trainer.model);
    const controller = new AbortController();
    const training = trainer.fit(clouds(3000), { epochs: 1e6, batchSize: 4, signal: controller.signal, ...quiet });
    await expect(trainer.fit(clouds(), { epochs: 1 })).rejects.toThrow(BusyError);
    await expect(second.fit(clouds(), { epochs: 1 })).rejects.toThrow(BusyError);
    expect(() => second.partialFit(clouds(4))).toThrow(BusyError);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(trainer.saveCheckpoint("/nowhere")).rejects.toThrow(BusyError);
    const x = tensor([[0.5, -1]]);
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      seen.add(String(await (await trainer.predict(x)).array()));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(seen.size).toBeGreaterThan(1);
    controller.abort();
    await expect(training).rejects.toMatchObject({ name: "AbortError" });
    expect(second.partialFit(clouds(4)).loss).toBeGreaterThan(0);
  });

  test("the event loop is free while an epoch runs", async () => {
    const trainer = classifier();
    let [ticks, inside] = [0, 0];
    const timer = setInterval(() => ticks++, 1);
    const callbacks: Callbacks = {
      onEpochBegin: () => {
        inside = ticks;
      },
      onEpochEnd: () => {
        inside = ticks - inside;
      },
    };
    // One native call of 30,000 steps: some hundred milliseconds.
    await trainer.fit(clouds(60_000), { epochs: 1, batchSize: 2, callbacks, ...quiet });
    clearInterval(timer);
    expect(inside).toBeGreaterThan(5);
  });

  test("options are checked by name", async () => {
    const model = network();
    const good = { loss: new losses.CrossEntropy(), optimizer: new optim.SGD() };
    expect(() => new Trainer({} as never, good)).toThrow(/module/);
    expect(() => new Trainer(model, { ...good, loss: {} as never })).toThrow(/loss/);
    expect(() => new Trainer(model, { ...good, optimizer: {} as never })).toThrow(/optimizer/);
    expect(() => new Trainer(model, { ...good, metrics: ["acuracy" as never] })).toThrow(/did you mean "accuracy"/);
    expect(() => new Trainer(model, { ...good, lr: 1 } as never)).toThrow(/"lr"/);
    expect(() => new Trainer(model, { ...good, accumulate: 0 })).toThrow(/accumulate/);
    expect(() => new Trainer(model, { ...good, classWeights: [1, -1] })).toThrow(/classWeights\[1\]/);
    const trainer = new Trainer(model, good);
    await expect(trainer.fit(clouds(), { epoch: 3 } as never)).rejects.toThrow(/did you mean "epochs"/);
    await expect(trainer.fit(clouds(), { epochs: 0 })).rejects.toThrow(/epochs/);
    await expect(trainer.fit([] as never, { epochs: 1 })).rejects.toThrow(ArgumentError);
    await expect(trainer.fit(clouds().slice(0, 0), { epochs: 1 })).rejects.toThrow(DataError);
    await expect(trainer.fit(clouds(), { epochs: 1, sampleWeights: [1] })).rejects.toThrow(/sampleWeights/);
    await expect(trainer.predict(3 as never)).rejects.toThrow(ArgumentError);
  });
});

describe("predict, evaluate, partialFit", () => {
  test("predictions in parts are those of the whole; single rows may differ in rounding only", async () => {
    const trainer = classifier();
    await trainer.fit(clouds(), { epochs: 2, ...quiet });
    const samples = clouds(70);
    const whole = await trainer.predict(samples);
    expect(whole.shape).toEqual([70, 3]);
    const x = tensor(samples.features, { shape: [70, 2] });
    const inParts = await trainer.predict(x, { batchSize: 16 });
    expect(inParts.shape).toEqual([70, 3]);
    const own = whole.dataSync();
    inParts.dataSync().forEach((value, i) => expect(value).toBeCloseTo(own[i]!, 5));
    expect((await trainer.predict(samples, { batchSize: 16 })).dataSync()).toEqual(inParts.dataSync());
  });

  test("dropout and batch normalisation are in evaluation mode, whatever mode the model is in", async () => {
    const trainer = classifier();
    trainer.model.train();
    const [a, b] = [await trainer.predict(clouds(5)), await trainer.predict(clouds(5))];
    expect(a.dataSync()).toEqual(b.dataSync());
    expect(trainer.model.training).toBe(true);
    const one = trainer.model.namedModules()[2]![1];
    one.evaluate();
    await trainer.predict(clouds(5));
    expect(one.training).toBe(false);
    expect(trainer.model.training).toBe(true);
  });

  test("metrics by name", async () => {
    const trainer = classifier({
      metrics: ["accuracy", "top2", "precision", "recall", "f1", "auc", { name: "rows", compute: (p) => p.predicted.length }],
    });
    await trainer.fit(clouds(), { epochs: 20, ...quiet });
    const { loss, ...values } = await trainer.evaluate(clouds(60, 8));
    expect(loss).toBeGreaterThan(0);
    expect(Object.keys(values)).toEqual(["accuracy", "top2", "precision", "recall", "f1", "auc", "rows"]);
    expect(values.rows).toBe(60);
    expect(values.top2).toBeGreaterThanOrEqual(values.accuracy!);
    for (const name of ["accuracy", "top2", "precision", "recall", "f1", "auc"]) expect(values[name], name).toBeGreaterThan(0.85);
  });

  test("partialFit is one step and keeps the optimizer's state", () => {
    const trainer = classifier({}, new nn.Sequential(new nn.Linear(2, 3)));
    const model = new nn.Sequential(new nn.Linear(2, 3));
    model.loadStateDict(trainer.model.stateDict());
    const step = compile((x: Tensor, y: Tensor) => losses.crossEntropy(model.forward(x), y), { optimizer: new optim.Adam({ learningRate: 1e-2 }) });
    for (let i = 0; i < 10; i++) {
      const batch = clouds(8, i + 1);
      const own = trainer.partialFit(batch);
      const other = step(tensor(batch.features, { shape: [8, 2] }), tensor(batch.targets));
      expect(own).toEqual({ loss: other.loss, gradNorm: other.gradNorm });
    }
    expect(bits(trainer.model)).toEqual(bits(model));
    expect(trainer.optimizer.stepCount).toBe(10);
  });

  test("partialFit on what is not finite changes nothing", () => {
    const trainer = classifier();
    trainer.partialFit(clouds(8));
    const before = bits(trainer.model);
    const bad = new data.Dataset({ features: new Float32Array(16).fill(Number.NaN), shape: [2], targets: new Int32Array(8) });
    expect(() => trainer.partialFit(bad)).toThrow(NotFiniteError);
    expect(bits(trainer.model)).toEqual(before);
  });

  test("partialFit and fit share one optimizer", async () => {
    const trainer = classifier();
    await trainer.fit(clouds(), { epochs: 1, batchSize: 30, ...quiet });
    trainer.partialFit(clouds(8));
    expect(trainer.optimizer.stepCount).toBe(4);
    await trainer.fit(clouds(), { epochs: 1, batchSize: 30, ...quiet });
    expect(trainer.optimizer.stepCount).toBe(7);
  });
});
