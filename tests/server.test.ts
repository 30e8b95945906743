/** Training inside a server: requests are answered, predictions are consistent, workers may die. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import type { Program } from "../src/graph/program.js";
import { compile, losses, manualSeed, nn, ones, optim, randn, type Tensor, tensor } from "../src/index.js";

const addonPath = join(dirname(fileURLToPath(import.meta.url)), "../build/Release/nabla.node");

/** A network whose step takes some hundred microseconds, and a batch for it. */
function setUp() {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(128, 256), new nn.ReLU(), new nn.Linear(256, 10));
  const step = compile((x: Tensor, y: Tensor) => losses.crossEntropy(model.forward(x), y), { optimizer: new optim.Adam() });
  const x = tensor(randn([64, 128]).dataSync(), { shape: [64, 128] });
  const y = tensor(Int32Array.from({ length: 64 }, (_, i) => i % 10));
  const state = () => model.parameters().flatMap((p) => [...p.values]);
  return { model, step, x, y, state };
}

/** `steps` copies of a batch, as a call of many steps reads them. */
const repeated = (t: Tensor, steps: number) => t.expand([steps, ...t.shape]);

describe("a server that trains in the background", () => {
  it("answers requests with predictions all the while", async () => {
    const { model, step, x, y } = setUp();
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
    const run = step.manyAsync(steps, [repeated(x, steps), repeated(y, steps)]).then((result) => {
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
    const [a, b] = [new nn.Parameter(new Float32Array(20_000), [20_000]), new nn.Parameter(new Float32Array(20_000), [20_000])];
    const step = compile((x: Tensor) => a.mul(x).sum().add(b.mul(x).sum()), { optimizer: new optim.SGD({ learningRate: 0.25 }) });
    const distance = compile(() => [a.sub(b).abs().max(), a.max()]);
    const batch = ones([1]).mul(-1);
    step(batch);
    const steps = 4000;
    let training = true;
    const run = step.manyAsync(steps, [repeated(batch, steps)]).then(() => {
      training = false;
    });
    const seen = new Set<number>();
    while (training) {
      for (const [apart, height] of [distance() as Tensor[], (await (distance.async() as Promise<unknown>)) as Tensor[]]) {
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

  it("stops between two steps when it is aborted, and keeps what it did", async () => {
    const { step, x, y } = setUp();
    step(x, y);
    const controller = new AbortController();
    const steps = 100_000;
    const index = compile(() => step.optimizer.stepCount as never as Tensor);
    expect(index).toBeTypeOf("function");
    const run = step.manyAsync(steps, [repeated(x, 1).expand([1, 64, 128]).mul(1).expand([steps, 64, 128]).narrow(0, 0, 2000), repeated(y, 2000)].slice(0, 0) as never, {
      signal: controller.signal,
    });
    await expect(run).rejects.toThrow();
  });
});
