import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FormatError, io, nn, optim, StateError } from "./imports.js";
import { bits, classifier, clouds, network } from "./problems.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nabla-checkpoint-"));
});
afterAll(() => rm(folder, { recursive: true }));

const quiet = { batchSize: 16, progress: false } as const;
const schedule = optim.schedules.cosine({ steps: 24 });
const make = () =>
  classifier({ clip: { norm: 0.5 }, optimizer: new optim.Adam({ learningRate: 1e-2, amsgrad: true }) });

test("2 epochs, a checkpoint, and 2 more in the same process are 4 epochs, bit for bit", async () => {
  const [whole, first, second] = [make(), make(), make()];
  await whole.fit(clouds(), { epochs: 4, schedule, ...quiet });
  await first.fit(clouds(), { epochs: 2, schedule, ...quiet });
  const path = join(folder, "two.safetensors");
  await first.saveCheckpoint(path);
  // What this one learned in the meantime is forgotten.
  await second.fit(clouds(60, 9), { epochs: 1, ...quiet });
  await second.loadCheckpoint(path);
  expect(second.epoch).toBe(2);
  expect(second.history).toEqual(first.history);
  await second.fit(clouds(), { epochs: 2, schedule, ...quiet });
  expect(bits(second.model)).toEqual(bits(whole.model));
  expect(second.history.map(({ loss, gradNorm, learningRate }) => [loss, gradNorm, learningRate])).toEqual(
    whole.history.map(({ loss, gradNorm, learningRate }) => [loss, gradNorm, learningRate]),
  );
});

/** What the other process does; it must build the same trainer as `make`. */
const program = `
const [library, samples, checkpoint, result] = process.argv.slice(1);
const { data, io, losses, nn, optim, Trainer } = await import(library);
const { tensors } = await io.loadSafetensors(samples);
const train = new data.Dataset({ features: tensors.get("features").data, shape: [2], targets: tensors.get("targets").data });
const model = new nn.Sequential(new nn.Linear(2, 16), new nn.BatchNorm1d(16), new nn.ReLU(), new nn.Dropout(0.2), new nn.Linear(16, 3));
const trainer = new Trainer(model, {
  loss: new losses.CrossEntropy(),
  optimizer: new optim.Adam({ learningRate: 1e-2, amsgrad: true }),
  metrics: ["accuracy"],
  clip: { norm: 0.5 },
});
await trainer.loadCheckpoint(checkpoint);
await trainer.fit(train, { epochs: 2, batchSize: 16, schedule: optim.schedules.cosine({ steps: 24 }), progress: false });
await model.save(result);
`;

test("2 epochs, a checkpoint, and 2 more in a fresh process are 4 epochs, bit for bit", async () => {
  const library = fileURLToPath(new URL("../../dist/esm/index.js", import.meta.url));
  if (!existsSync(library)) throw new Error("dist/ is missing: run `npm run build` first (`npm test` does)");
  const [whole, first] = [make(), make()];
  const samples = clouds();
  await whole.fit(samples, { epochs: 4, schedule, ...quiet });
  await first.fit(samples, { epochs: 2, schedule, ...quiet });
  const [data, checkpoint, result] = ["samples", "first", "result"].map((name) =>
    join(folder, `${name}.safetensors`),
  ) as [string, string, string];
  await io.saveSafetensors(data, {
    features: { shape: [samples.length, 2], data: samples.features },
    targets: { shape: [samples.length], data: samples.targets as Int32Array },
  });
  await first.saveCheckpoint(checkpoint);
  await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "-e",
    program,
    library,
    data,
    checkpoint,
    result,
  ]);
  const other = network(1);
  await other.load(result);
  expect(bits(other)).toEqual(bits(whole.model));
});

test("a checkpoint can be written in a callback, and from a trainer that loaded one and has not trained since", async () => {
  const [whole, first, second, third] = [make(), make(), make(), make()];
  await whole.fit(clouds(), { epochs: 4, schedule, ...quiet });
  const [one, two] = [join(folder, "one.safetensors"), join(folder, "again.safetensors")];
  const callbacks = {
    onEpochEnd: async ({ epoch }: { epoch: number }) => {
      if (epoch === 2) await first.saveCheckpoint(one);
    },
  };
  await first.fit(clouds(), { epochs: 3, schedule, callbacks, ...quiet });
  await second.loadCheckpoint(one);
  await second.saveCheckpoint(two);
  await third.loadCheckpoint(two);
  await third.fit(clouds(), { epochs: 2, schedule, ...quiet });
  expect(bits(third.model)).toEqual(bits(whole.model));
});

test("partialFit goes on after a checkpoint as if it had not been", async () => {
  const [whole, first, second] = [make(), make(), make()];
  const batches = [1, 2, 3, 4, 5, 6].map((seed) => clouds(12, seed));
  for (const batch of batches) whole.partialFit(batch);
  for (const batch of batches.slice(0, 3)) first.partialFit(batch);
  const path = join(folder, "online.safetensors");
  await first.saveCheckpoint(path);
  second.partialFit(batches[5]!);
  await second.loadCheckpoint(path);
  for (const batch of batches.slice(3)) second.partialFit(batch);
  expect(bits(second.model)).toEqual(bits(whole.model));
});

test("ReduceOnPlateau goes on where it was", async () => {
  const run = (epochs: number) => ({
    epochs,
    schedule: new optim.ReduceOnPlateau({ patience: 1, factor: 0.5, threshold: 10 }),
    ...quiet,
  });
  const [whole, first, second] = [make(), make(), make()];
  await whole.fit(clouds(), run(6));
  await first.fit(clouds(), run(2));
  const path = join(folder, "plateau.safetensors");
  await first.saveCheckpoint(path);
  await second.loadCheckpoint(path);
  await second.fit(clouds(), run(4));
  expect(second.history.map((log) => log.learningRate)).toEqual(whole.history.map((log) => log.learningRate));
  expect(bits(second.model)).toEqual(bits(whole.model));
});

test("an untrained trainer's checkpoint", async () => {
  const [first, second, whole] = [make(), make(), make()];
  const path = join(folder, "fresh.safetensors");
  await first.saveCheckpoint(path);
  await second.loadCheckpoint(path);
  await second.fit(clouds(), { epochs: 1, ...quiet });
  await whole.fit(clouds(), { epochs: 1, ...quiet });
  expect(bits(second.model)).toEqual(bits(whole.model));
});

test("files that are no checkpoints, or of another model, change nothing", async () => {
  const trainer = make();
  const before = bits(trainer.model);
  const path = join(folder, "model.safetensors");
  await trainer.model.save(path);
  await expect(trainer.loadCheckpoint(path)).rejects.toThrow(FormatError);
  await classifier({}, new nn.Sequential(new nn.Linear(2, 3))).saveCheckpoint(path);
  await expect(trainer.loadCheckpoint(path)).rejects.toThrow(StateError);
  await classifier({ optimizer: new optim.SGD() }).saveCheckpoint(path);
  await expect(trainer.loadCheckpoint(path)).rejects.toThrow(/Adam.*SGD/);
  await expect(trainer.loadCheckpoint(join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  expect(bits(trainer.model)).toEqual(before);
  expect([trainer.epoch, trainer.optimizer.stepCount]).toEqual([0, 0]);
});
