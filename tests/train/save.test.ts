import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { data, io, losses, manualSeed, nn, optim, ShapeError, StateError, Trainer } from "../../src/index.js";
import { type Entry, loadReference, tensorOf } from "../reference-values.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nabla-save-"));
});
afterAll(() => rm(folder, { recursive: true }));

const network = () =>
  new nn.Sequential(
    new nn.Linear(8, 12),
    new nn.BatchNorm1d(12),
    new nn.ReLU(),
    new nn.Dropout(0.25),
    new nn.Linear(12, 6),
    new nn.LayerNorm(6),
    new nn.Tanh(),
    new nn.Linear(6, 3),
  );

async function trained(): Promise<{ model: nn.Sequential; samples: data.Dataset }> {
  manualSeed(3);
  const model = network();
  const features = Float32Array.from({ length: 40 * 8 }, (_, i) => Math.sin(i * i));
  const targets = Int32Array.from({ length: 40 }, (_, i) => i % 3);
  const samples = new data.Dataset({ features, shape: [8], targets });
  const trainer = new Trainer(model, { loss: new losses.CrossEntropy(), optimizer: new optim.Adam() });
  await trainer.fit(samples, { epochs: 3, batchSize: 10 });
  return { model, samples };
}

const bits = (model: nn.Module) =>
  [...model.stateDict()].map(([key, { data: d, shape }]) => [
    key,
    shape,
    Buffer.from(d.buffer, d.byteOffset, d.byteLength).toString("hex"),
  ]);

test("a trained model is read back bit for bit, with its metadata", async () => {
  const { model } = await trained();
  const path = join(folder, "model.safetensors");
  await model.save(path, { metadata: { purpose: "test" } });
  manualSeed(99);
  const other = network();
  expect(bits(other)).not.toEqual(bits(model));
  expect(await other.load(path)).toEqual({ purpose: "test" });
  expect(bits(other)).toEqual(bits(model));
  expect(other.stateDict().get("1.num_batches_tracked")!.data[0]).toBe(12);
});

test("keys, types and shapes are PyTorch's", async () => {
  const { model } = await trained();
  const path = join(folder, "keys.safetensors");
  await model.save(path);
  const own = await io.loadSafetensors(path);
  const theirs = await io.loadSafetensors(
    fileURLToPath(new URL("../reference/saved-model.safetensors", import.meta.url)),
  );
  const describe = ({ tensors }: io.SafetensorsFile) =>
    [...tensors].map(([key, { dtype, shape }]) => `${key} ${dtype} [${shape}]`).sort();
  expect(describe(own)).toEqual(describe(theirs));
  expect(own.tensors.get("1.num_batches_tracked")).toMatchObject({ dtype: "I64", shape: [] });
});

test("a file written by PyTorch gives PyTorch's outputs", async () => {
  const [{ x, y }] = loadReference<{ x: Entry; y: Entry }>("saved-model") as [{ x: Entry; y: Entry }];
  const model = network();
  await model.load(fileURLToPath(new URL("../reference/saved-model.safetensors", import.meta.url)));
  model.evaluate();
  const own = model.forward(tensorOf(x)).dataSync();
  // Outputs are of order 1; PyTorch's own float32 rounding is about 2^−22.
  own.forEach((value, i) => expect(Math.abs(value - Number(y.data[i]))).toBeLessThan(1e-6));
});

test("a file that does not fit changes nothing", async () => {
  const { model } = await trained();
  const path = join(folder, "other.safetensors");
  const before = bits(model);
  await new nn.Sequential(new nn.Linear(8, 12)).save(path);
  await expect(model.load(path)).rejects.toThrow(StateError);
  await expect(model.load(path)).rejects.toThrow(/7\.weight/);
  await model.save(path);
  const all = (await io.loadSafetensors(path)).tensors;
  all.set("7.weight", { dtype: "F32", shape: [3, 7], data: new Float32Array(21) });
  await io.saveSafetensors(path, all);
  await expect(model.load(path)).rejects.toThrow(ShapeError);
  expect(bits(model)).toEqual(before);
  await expect(model.save(path, { meta: {} } as never)).rejects.toThrow(/metadata/);
});

test("not strict: what is there is taken, the rest stays", async () => {
  const { model } = await trained();
  const path = join(folder, "part.safetensors");
  const part = new nn.Sequential(new nn.Linear(8, 12));
  await part.save(path);
  const last = model.stateDict().get("7.weight")!.data;
  await model.load(path, { strict: false });
  expect(model.stateDict().get("0.weight")!.data).toEqual(part.stateDict().get("0.weight")!.data);
  expect(model.stateDict().get("7.weight")!.data).toEqual(last);
});

test("saving in the middle of a training writes the model as it was between two steps", async () => {
  // All parameters move by the same amount each step, so a torn copy would show.
  const model = new nn.Sequential(new nn.Linear(1, 4, { bias: false }), new nn.Linear(4, 1, { bias: false }));
  for (const p of model.parameters()) p.assign(new Float32Array(4).fill(0));
  class Sum extends nn.Module {
    inner = model;
    forward() {
      return model
        .parameters()
        .map((p) => p.sum())
        .reduce((a, b) => a.add(b))
        .reshape([1]);
    }
  }
  const whole = new Sum();
  const samples = new data.Dataset({
    features: new Float32Array(4096),
    shape: [1],
    targets: new Float32Array(4096),
  });
  const loss = { forward: (prediction: ReturnType<Sum["forward"]>) => prediction.sum() };
  const trainer = new Trainer(whole, { loss, optimizer: new optim.SGD({ learningRate: 2 ** -10 }) });
  const training = trainer
    .fit(samples, { epochs: 1000, batchSize: 1, signal: AbortSignal.timeout(1500) })
    .catch(() => {});
  const path = join(folder, "moving.safetensors");
  const seen = new Set<number>();
  for (let i = 0; i < 10; i++) {
    await whole.save(path);
    const values = [...(await io.loadSafetensors(path)).tensors.values()].flatMap((t) =>
      Array.from(t.data as Float32Array),
    );
    expect(new Set(values).size).toBe(1);
    seen.add(values[0]!);
  }
  await training;
  expect(seen.size).toBeGreaterThan(1);
});
