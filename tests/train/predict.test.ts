import { describe, expect, test } from "vitest";
import { compile, data, losses, NotFiniteError, nn, optim, type Tensor, tensor } from "./imports.js";
import { bits, classifier, clouds } from "./problems.js";

const quiet = { progress: false } as const;

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
      metrics: [
        "accuracy",
        "top2",
        "precision",
        "recall",
        "f1",
        "auc",
        { name: "rows", compute: (p) => p.predicted.length },
      ],
    });
    await trainer.fit(clouds(), { epochs: 20, ...quiet });
    const { loss, ...values } = await trainer.evaluate(clouds(60, 8));
    expect(loss).toBeGreaterThan(0);
    expect(Object.keys(values)).toEqual(["accuracy", "top2", "precision", "recall", "f1", "auc", "rows"]);
    expect(values.rows).toBe(60);
    expect(values.top2).toBeGreaterThanOrEqual(values.accuracy!);
    for (const name of ["accuracy", "top2", "precision", "recall", "f1", "auc"])
      expect(values[name], name).toBeGreaterThan(0.85);
  });

  test("partialFit is one step and keeps the optimizer's state", () => {
    const trainer = classifier({}, new nn.Sequential(new nn.Linear(2, 3)));
    const model = new nn.Sequential(new nn.Linear(2, 3));
    model.loadStateDict(trainer.model.stateDict());
    const step = compile((x: Tensor, y: Tensor) => losses.crossEntropy(model.forward(x), y), {
      optimizer: new optim.Adam({ learningRate: 1e-2 }),
    });
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
    const bad = new data.Dataset({
      features: new Float32Array(16).fill(Number.NaN),
      shape: [2],
      targets: new Int32Array(8),
    });
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
