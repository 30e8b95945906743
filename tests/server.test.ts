/** Training inside a server: requests are answered, predictions are consistent, workers may die. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import type { Program } from "../src/graph/program.js";
import { compile, losses, manualSeed, nn, optim, randn, type Tensor, tensor } from "../src/index.js";

const addonPath = join(dirname(fileURLToPath(import.meta.url)), "../build/Release/nabla.node");

/** A network whose step takes some hundred microseconds; its batch is captured, so that a step takes no arguments. */
function setUp() {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(128, 256), new nn.ReLU(), new nn.Linear(256, 10));
  const x = tensor(randn([64, 128]).dataSync(), { shape: [64, 128] });
  const y = tensor(Int32Array.from({ length: 64 }, (_, i) => i % 10));
  const step = compile(() => losses.crossEntropy(model.forward(x), y), { optimizer: new optim.Adam() });
  const state = () => model.parameters().flatMap((p) => [...p.values]);
  return { model, step, x, y, state };
}

describe("a server that trains in the background", () => {
  it("answers requests with predictions all the while", async () => {
    const { model, step, x } = setUp();
    const predict = compile((x: Tensor) => model.forward(x).softmax());
    const server = createServer(async (_request, response) => {
      const result = await predict.async(x);
      response.end(JSON.stringify([...result.dataSync()].slice(0, 10)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    let [training, answered] = [true, 0];
    const steps = 3000;
    const run = step.manyAsync(steps, []).then((result) => {
      training = false;
      return result;
    });
    while (training) {
      const probabilities = (await (await fetch(url)).json()) as number[];
      expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
      if (training) answered++;
    }
    const { losses: curve } = await run;
    server.close();
    expect(answered).toBeGreaterThan(10);
    expect(curve[steps - 1]!).toBeLessThan(curve[0]! / 10);
  });

  it("predicts between two steps, never in the middle of one", async () => {
    // Both have the same gradient, so they are equal after every step and differ within one.
    const [a, b] = [
      new nn.Parameter(new Float32Array(20_000), [20_000]),
      new nn.Parameter(new Float32Array(20_000), [20_000]),
    ];
    const step = compile(() => a.sum().add(b.sum()).neg(), {
      optimizer: new optim.SGD({ learningRate: 0.25 }),
    });
    const distance = compile(() => [a.sub(b).abs().max(), a.max()]);
    step();
    const steps = 4000;
    let training = true;
    const run = step.manyAsync(steps, []).then(() => {
      training = false;
    });
    const seen = new Set<number>();
    while (training) {
      for (const [apart, height] of [
        distance() as Tensor[],
        (await (distance.async() as Promise<unknown>)) as Tensor[],
      ]) {
        expect(apart!.item()).toBe(0);
        seen.add(height!.item());
      }
      expect(a.sub(b).abs().max().item()).toBe(0);
      await new Promise(setImmediate);
    }
    await run;
    expect(seen.size).toBeGreaterThan(3);
    expect(a.max().item()).toBe((steps + 1) * 0.25);
  });

  it("lets the event loop turn while the briefest predictions are awaited one after the other", async () => {
    const [layer, x] = [new nn.Linear(2, 2), randn([1, 2])];
    const predict = compile((input: Tensor) => layer.forward(input));
    const expected = predict(x).dataSync();
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    for (const end = performance.now() + 200; performance.now() < end; ) {
      expect((await predict.async(x)).dataSync()).toEqual(expected);
    }
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it("runs a step that is briefer than handing it over at once", async () => {
    const weight = new nn.Parameter(new Float32Array(2), [2]);
    const step = compile(() => weight.sum(), { optimizer: new optim.SGD({ learningRate: 1 }) });
    let atOnce = 0;
    for (let i = 1; i <= 100; i++) {
      const running = step.async();
      if (weight.values[0] === -i) atOnce++; // done before anything was awaited
      await running;
      expect(weight.values[0]).toBe(-i);
    }
    // Not all: the first is measured, some are handed over, and a busy machine makes some look longer.
    expect(atOnce).toBeGreaterThan(10);
  });

  it("stops between two steps when it is aborted, and keeps what it did", async () => {
    const { step, state } = setUp();
    const reference = setUp();
    const controller = new AbortController();
    const run = step.manyAsync(1_000_000, [], { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    const { completed, losses: curve } = await run;
    expect(completed).toBeGreaterThan(0);
    expect(completed).toBeLessThan(1_000_000);
    expect(curve).toHaveLength(completed);
    expect(step.optimizer.stepCount).toBe(completed);
    reference.step.many(completed);
    expect(state()).toEqual(reference.state());
  });

  it("does not notice when the caller transfers its arrays away while a step runs", async () => {
    const inputs = () => Float32Array.from({ length: 64 * 128 }, (_, i) => Math.sin(i));
    const train = async (steal: boolean) => {
      const { model, y, state } = setUp();
      const step = compile((x: Tensor) => losses.crossEntropy(model.forward(x.reshape([64, 128])), y), {
        optimizer: new optim.Adam(),
      });
      const stepOf = step as unknown as { async(x: Float32Array): Promise<unknown> };
      for (let i = 0; i < 5; i++) {
        const x = inputs();
        const running = stepOf.async(x);
        if (steal) {
          const { port1, port2 } = new MessageChannel();
          port1.postMessage(x, [x.buffer as ArrayBuffer]);
          const weights = model.parameters()[0]!.values.buffer as ArrayBuffer;
          // The engine's own memory cannot be taken at all.
          try {
            port1.postMessage(weights, [weights]);
          } catch (error) {
            expect((error as Error).name).toBe("DataCloneError");
          }
          expect(x).toHaveLength(0);
          port1.close();
          port2.close();
        }
        await running;
      }
      return state();
    };
    expect(await train(true)).toEqual(await train(false));
  });
});

/** What a worker needs to run a program: its words and the contents of its slots. */
function packed(program: Program) {
  const slots = program.source.slots.map((region) => region.bytes);
  return { addonPath, words: program.words, slots };
}

/** Runs the program it is given over and over, in the background or blocking, and says so after the first time. */
const workerSource = `
  const { workerData, parentPort } = require("node:worker_threads");
  const addon = require(workerData.addonPath);
  const program = new addon.Program(workerData.words);
  workerData.slots.forEach((bytes, i) => program.bind(i + 1, new addon.Buffer(bytes * workerData.steps)));
  program.run(1);
  parentPort.postMessage("running");
  (async () => {
    for (;;) {
      if (workerData.background) await program.runAsync(workerData.steps);
      else program.run(workerData.steps);
    }
  })();
`;

describe("a worker thread", () => {
  it.each([true, false])(
    "may be terminated while a step runs (in the background: %s)",
    async (background) => {
      const { step, state } = setUp();
      const reference = setUp();
      for (let i = 0; i < 6; i++) {
        const worker = new Worker(workerSource, {
          eval: true,
          workerData: { ...packed(step.program()), background, steps: 20 },
        });
        await once(worker, "message");
        await new Promise((resolve) => setTimeout(resolve, i * 3));
        await worker.terminate();
        step();
        reference.step();
      }
      expect(state()).toEqual(reference.state());
    },
  );

  it("trains beside the main thread on the same pool, and both get the bits they would get alone", async () => {
    const { step, state } = setUp();
    const alone = setUp();
    alone.step.many(300);
    const workers = [0, 1].map(
      () =>
        new Worker(workerSource, {
          eval: true,
          workerData: { ...packed(step.program()), background: true, steps: 20 },
        }),
    );
    await Promise.all(workers.map((worker) => once(worker, "message")));
    await step.manyAsync(300, []);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(state()).toEqual(alone.state());
  });
});
