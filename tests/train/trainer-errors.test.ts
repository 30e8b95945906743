import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  BusyError,
  type Callbacks,
  DataError,
  data,
  losses,
  NotFiniteError,
  nn,
  optim,
  ShapeError,
  Trainer,
  tensor,
} from "./imports.js";
import { bits, classifier, clouds, network, plane } from "./problems.js";

const quiet = { progress: false } as const;

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
    await expect(trainer.fit(samples, { epochs: 1, validation: wrong, ...quiet })).rejects.toThrow(
      /validation targets, row 7/,
    );
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
    const error = (await trainer
      .fit(bad, { epochs: 2, batchSize: 8, shuffle: false, ...quiet })
      .catch((e: unknown) => e)) as NotFiniteError;
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
    const training = trainer.fit(clouds(3000), {
      epochs: 1e6,
      batchSize: 4,
      signal: controller.signal,
      callbacks: { onEpochEnd: () => void setTimeout(() => controller.abort(reason), 5) },
      ...quiet,
    });
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
    const training = trainer.fit(clouds(3000), {
      epochs: 1e6,
      batchSize: 4,
      signal: controller.signal,
      ...quiet,
    });
    await expect(trainer.fit(clouds(), { epochs: 1 })).rejects.toThrow(BusyError);
    await expect(second.fit(clouds(), { epochs: 1 })).rejects.toThrow(BusyError);
    expect(() => second.partialFit(clouds(4))).toThrow(BusyError);
    const refusals: unknown[] = [];
    for (let i = 0; i < 1000 && !(refusals.at(-1) instanceof BusyError); i++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await trainer.saveCheckpoint("/nowhere/x").catch((error: unknown) => refusals.push(error));
    }
    expect(refusals.at(-1)).toBeInstanceOf(BusyError);
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
    expect(() => new Trainer(model, { ...good, metrics: ["acuracy" as never] })).toThrow(
      /did you mean "accuracy"/,
    );
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
