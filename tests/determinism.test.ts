/** The same seed gives the same bits, however the steps are run. */

import { afterAll, describe, expect, it } from "vitest";
import {
  compile,
  info,
  losses,
  manualSeed,
  nn,
  ones,
  optim,
  randn,
  setThreads,
  type Tensor,
  tensor,
} from "../src/index.js";

const threads = info().threads;
afterAll(() => setThreads(threads));

const STEPS = 6;
const BATCH = 96;

/** Large enough that every kernel splits its work, with everything random or accumulated in it. */
function setUp() {
  manualSeed(42);
  const model = new nn.Sequential(
    new nn.Linear(200, 256),
    new nn.BatchNorm1d(256),
    new nn.ReLU(),
    new nn.Dropout(0.3),
    new nn.Linear(256, 256),
    new nn.LayerNorm(256),
    new nn.Tanh(),
    new nn.Dropout(0.1),
    new nn.Linear(256, 10),
  );
  const x = tensor(randn([STEPS, BATCH, 200]).dataSync(), { shape: [STEPS, BATCH, 200] });
  const y = tensor(
    Int32Array.from({ length: STEPS * BATCH }, (_, i) => (i * 7) % 10),
    { shape: [STEPS, BATCH] },
  );
  const step = compile((x: Tensor, y: Tensor) => losses.crossEntropy(model.forward(x), y), {
    optimizer: new optim.Adam(),
    clip: { norm: 1 },
    seed: 7,
  });
  const part = (t: Tensor, i: number) => t.narrow(0, i, 1).squeeze(0);
  const state = () =>
    [...model.stateDict()].map(([key, { data }]) => [
      key,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
    ]);
  return { model, x, y, step, part, state };
}

function singleSteps() {
  const { x, y, step, part, state } = setUp();
  for (let i = 0; i < STEPS; i++) step(part(x, i), part(y, i));
  return state();
}

describe("training", () => {
  const reference = singleSteps();

  it.each([1, 2, 3, 8])("is the same at %d threads", (count) => {
    setThreads(count);
    expect(singleSteps()).toEqual(reference);
    setThreads(threads);
  });

  it("is the same in one call of many steps", () => {
    const { x, y, step, state } = setUp();
    step.many(STEPS, x, y);
    expect(state()).toEqual(reference);
  });

  it("is the same in calls of several sizes", () => {
    const { x, y, step, part, state } = setUp();
    step.many(2, x.narrow(0, 0, 2), y.narrow(0, 0, 2));
    step(part(x, 2), part(y, 2));
    step.many(3, x.narrow(0, 3, 3), y.narrow(0, 3, 3));
    expect(state()).toEqual(reference);
  });

  it("is the same in the background, at any number of threads there", async () => {
    const one = setUp();
    for (let i = 0; i < STEPS; i++) await one.step.async(one.part(one.x, i), one.part(one.y, i));
    expect(one.state()).toEqual(reference);
    for (const count of [1, 2, 3, 8]) {
      const { x, y, step, state } = setUp();
      await step.manyAsync(STEPS, [x, y], { threads: count });
      expect(state()).toEqual(reference);
    }
  });

  it("differs for another seed", () => {
    const weights = (seed: number) => {
      manualSeed(seed);
      return [...new nn.Linear(4, 4).weight.values];
    };
    expect(weights(42)).toEqual(weights(42));
    expect(weights(43)).not.toEqual(weights(42));
    const masked = (seed: number) => {
      manualSeed(seed);
      return [...new nn.Dropout(0.5).forward(ones([64])).dataSync()];
    };
    expect(masked(42)).toEqual(masked(42));
    expect(masked(43)).not.toEqual(masked(42));
  });
});

describe("prediction", () => {
  it("is the same for interactive, compiled and background use at any number of threads", async () => {
    const { model, x, part } = setUp();
    model.evaluate();
    const input = part(x, 0);
    const predict = compile((x: Tensor) => model.forward(x).softmax());
    const expected = predict(input).dataSync();
    for (const count of [1, 2, 3, 8]) {
      setThreads(count);
      expect(predict(input).dataSync()).toEqual(expected);
      expect(model.forward(input).softmax().dataSync()).toEqual(expected);
      expect((await predict.async(input)).dataSync()).toEqual(expected);
    }
    setThreads(threads);
  });
});
