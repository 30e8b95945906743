/** Bad input gets a typed error that names the argument, what was expected and what came, and nothing is changed. */

import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  BusyError,
  compile,
  DataError,
  DTypeError,
  data,
  full,
  grad,
  losses,
  manualSeed,
  NablaError,
  NotFiniteError,
  nn,
  OutOfRangeError,
  ones,
  optim,
  ShapeError,
  type Tensor,
  Trainer,
  tensor,
  zeros,
} from "../src/index.js";

type ErrorClass = new (...args: never[]) => NablaError;
type Case = [name: string, call: () => unknown, kind: ErrorClass, message: RegExp];

/** What the call throws, or rejects with. */
async function errorOf(call: () => unknown): Promise<NablaError> {
  try {
    await call();
  } catch (error) {
    return error as NablaError;
  }
  throw new Error("nothing was thrown");
}

function checkAll(cases: Case[]): void {
  it.each(cases)("%s", async (_name, call, kind, message) => {
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(kind);
    expect(error.code).toMatch(/^ERR_NABLA/);
    expect(error.message).toMatch(/^Expected .+ for .+ but received /s);
    expect(error.message).toMatch(message);
  });
}

const x = ones([2, 3]);
const int = (values: number[]) => tensor(Int32Array.from(values));

describe("shapes, ranks and axes", () => {
  checkAll([
    ["shapes that do not broadcast", () => x.add(ones([2])), ShapeError, /add.*\[2, 3\] and \[2\]/],
    [
      "inner dimensions that differ",
      () => x.matmul(ones([2, 3])),
      ShapeError,
      /matmul.*\[2, 3\] and \[2, 3\]/,
    ],
    ["a product with a scalar", () => x.matmul(tensor(1)), ShapeError, /matmul/],
    [
      "input of another width",
      () => new nn.Linear(4, 2).forward(x),
      ShapeError,
      /\[\.\.\., 4\] for linear but received \[2, 3\]/,
    ],
    ["reshape to another size", () => x.reshape([4, 2]), ShapeError, /6 elements.*reshape.*\[4, 2\]/],
    ["two inferred dimensions", () => x.reshape([-1, -1]), ShapeError, /reshape/],
    [
      "an axis that is not there",
      () => x.sum(2),
      OutOfRangeError,
      /axis in \[-2, 1\] for sum axes but received 2/,
    ],
    ["a fractional axis", () => x.softmax(0.5), OutOfRangeError, /softmax axis but received 0.5/],
    ["an axis twice", () => x.mean([0, 0]), OutOfRangeError, /distinct axes/],
    ["a permutation that is none", () => x.permute([0, 0]), OutOfRangeError, /permute/],
    ["a slice past the end", () => x.narrow(1, 2, 2), OutOfRangeError, /narrow/],
    ["parts of other shapes", () => x.concat([ones([3, 3])], 1), ShapeError, /concat/],
    ["expansion of 3 to 4", () => x.expand([2, 4]), ShapeError, /expand/],
    [
      "batch normalisation of one sample",
      () => new nn.BatchNorm1d(3).forward(ones([1, 3])),
      ShapeError,
      /BatchNorm1d/,
    ],
    [
      "batch normalisation of rank 1",
      () => new nn.BatchNorm1d(3).forward(ones([3])),
      ShapeError,
      /BatchNorm1d/,
    ],
    ["item of several elements", () => x.item(), ShapeError, /one element for item but received \[2, 3\]/],
    ["the largest of nothing", () => zeros([0]).max(), ShapeError, /max/],
    [
      "prediction and target that would broadcast",
      () => losses.mse(ones([4]), ones([4, 1])),
      ShapeError,
      /mse.*\[4, 1\]/,
    ],
  ]);
});

describe("types", () => {
  checkAll([
    ["float32 beside float64", () => x.add(x.cast("float64")), DTypeError, /add.*float32 and float64/],
    [
      "a product of integers",
      () => int([1, 2]).matmul(int([1, 2])),
      DTypeError,
      /float tensors for matmul but received int32/,
    ],
    [
      "float indices",
      () => x.gatherRows(ones([2])),
      DTypeError,
      /int32 tensor for gatherRows index but received float32/,
    ],
    ["softmax of integers", () => int([1]).softmax(), DTypeError, /softmax but received int32/],
    [
      "gradients by integers",
      () => tensor([1], { dtype: "int32", requiresGrad: true }),
      DTypeError,
      /requiresGrad/,
    ],
    [
      "an unknown type",
      () => tensor([1], { dtype: "float16" as never }),
      ArgumentError,
      /dtype but received "float16"/,
    ],
    ["a string", () => x.add("1" as never), ArgumentError, /tensor or a number for operand/],
    [
      "ragged nesting",
      () => tensor([[1, 2], [3]]),
      ShapeError,
      /\[2\] for tensor data\[1\] but received \[1\]/,
    ],
    ["text as data", () => tensor(["1"] as never), ArgumentError, /tensor data/],
    ["a 64-bit integer array", () => tensor(new BigInt64Array(1) as never), ArgumentError, /tensor data/],
  ]);
});

describe("sizes", () => {
  checkAll([
    [
      "a negative dimension",
      () => zeros([2, -1]),
      ShapeError,
      /non-negative integer dimensions for shape but received \[2, -1\]/,
    ],
    ["a fractional dimension", () => zeros([1.5]), ShapeError, /shape/],
    ["2^31 elements", () => zeros([2 ** 16, 2 ** 15]), ShapeError, /fewer than 2\^31 elements/],
    ["2^53 elements", () => zeros([2 ** 27, 2 ** 27]), ShapeError, /fewer than 2\^31 elements/],
    ["a product that overflows", () => full(new Array(8).fill(2 ** 40), 1), ShapeError, /fewer than 2\^31/],
    ["nine dimensions", () => zeros(new Array(9).fill(1)), ShapeError, /at most 8 dimensions/],
    ["expansion to 2^40 elements", () => ones([1]).expand([2 ** 20, 2 ** 20]), ShapeError, /2\^31/],
    ["a layer of no units", () => new nn.Linear(0, 3), OutOfRangeError, /inFeatures/],
    ["a negative size", () => new nn.Linear(3, -1), OutOfRangeError, /outFeatures but received -1/],
  ]);

  it("of zero are fine where the mathematics is", () => {
    expect([...zeros([0, 3]).sum(0).dataSync()]).toEqual([0, 0, 0]);
    expect(zeros([0, 3]).matmul(ones([3, 2])).shape).toEqual([0, 2]);
    expect([
      ...zeros([2, 0])
        .matmul(zeros([0, 2]))
        .dataSync(),
    ]).toEqual([0, 0, 0, 0]);
    expect(zeros([0]).add(1).dataSync()).toHaveLength(0);
    expect(new nn.Linear(3, 2).forward(zeros([0, 3])).shape).toEqual([0, 2]);
  });
});

describe("labels", () => {
  const logits = ones([2, 3]);
  checkAll([
    [
      "too large",
      () => losses.crossEntropy(logits, int([0, 3])).item(),
      OutOfRangeError,
      /classes.*but received 3/,
    ],
    ["negative", () => losses.crossEntropy(logits, int([-1, 0])).item(), OutOfRangeError, /but received -1/],
    ["fractional", () => losses.crossEntropy(logits, tensor([0.5, 1])), NablaError, /crossEntropy/],
    [
      "too many",
      () => losses.crossEntropy(logits, int([0, 1, 2])),
      ShapeError,
      /labels of shape \[2\].*\[3\]/,
    ],
    [
      "an index past the table",
      () =>
        ones([2, 3])
          .gatherRows(int([2]))
          .dataSync(),
      OutOfRangeError,
      /but received 2/,
    ],
    [
      "NaN in a data set",
      () => data.fromArrays([[1], [2]], [0, Number.NaN], { task: "classification" }),
      DataError,
      /NaN/,
    ],
    [
      "fractional in a data set",
      () => data.fromArrays([[1], [2]], [0, 0.5], { task: "classification" }),
      DataError,
      /0.5/,
    ],
    ["fewer than samples", () => data.fromArrays([[1], [2]], [0]), NablaError, /2|1/],
  ]);

  it("past the outputs are found before training begins, and nothing is learned", async () => {
    const model = new nn.Linear(1, 2);
    const before = model.stateDict();
    const trainer = new Trainer(model, { loss: new losses.CrossEntropy(), optimizer: new optim.SGD() });
    const error = await errorOf(() =>
      trainer.fit(data.fromArrays([[1], [2], [3]], [0, 1, 2]), { epochs: 1 }),
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/row 2|2/);
    expect(model.stateDict()).toEqual(before);
    expect(trainer.optimizer.stepCount).toBe(0);
  });

  it("out of range in a step change nothing", () => {
    const model = new nn.Linear(3, 2);
    const optimizer = new optim.Adam();
    const step = compile((x: Tensor, y: Tensor) => losses.crossEntropy(model.forward(x), y), { optimizer });
    step(x, int([0, 1]));
    const before = model.stateDict();
    expect(() => step(x, int([0, 2]))).toThrow(OutOfRangeError);
    expect(() => step.many(2, ones([2, 2, 3]), int([0, 1, 1, 5]).reshape([2, 2]))).toThrow(OutOfRangeError);
    expect(optimizer.stepCount).toBe(2);
    expect(model.stateDict()).not.toEqual(before);
    const after = model.stateDict();
    expect(() => step(x, int([-1, 0]))).toThrow(OutOfRangeError);
    expect(model.stateDict()).toEqual(after);
  });
});

describe("buffers", () => {
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(bytes: number): void };
  const transferred = () => {
    const array = new Float32Array(4);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    return array;
  };
  const add = compile((x: Tensor) => x.add(1));
  const addTo = add as unknown as (x: Float32Array) => Tensor;

  checkAll([
    ["detached, for a tensor", () => tensor(transferred()), ArgumentError, /detached/],
    [
      "detached, for a tensor of given shape",
      () => tensor(transferred(), { shape: [4] }),
      NablaError,
      /tensor data/,
    ],
    [
      "too short",
      () => tensor(new Float32Array(3), { shape: [2, 2] }),
      ShapeError,
      /4 elements.*tensor data but received 3/,
    ],
    ["too long", () => tensor(new Float32Array(5), { shape: [2, 2] }), ShapeError, /but received 5/],
    [
      "of another length for a parameter",
      () => new nn.Parameter([1], [1]).assign([1, 2]),
      ShapeError,
      /assign but received 2/,
    ],
  ]);

  it("that are unaligned, shared or resizable are copied", () => {
    const view = new Float32Array(new ArrayBuffer(24), 4, 3).fill(2);
    expect([...tensor(view).mul(2).dataSync()]).toEqual([4, 4, 4]);
    expect([...addTo(view).dataSync()]).toEqual([3, 3, 3]);
    const shared = new Float32Array(new SharedArrayBuffer(8)).fill(5);
    const fromShared = tensor(shared);
    shared.fill(0);
    expect([...fromShared.dataSync()]).toEqual([5, 5]);
    const buffer = new Resizable(8, { maxByteLength: 16 });
    const resizable = new Float32Array(buffer).fill(7);
    const fromResizable = tensor(resizable);
    buffer.resize(0);
    expect([...fromResizable.dataSync()]).toEqual([7, 7]);
  });

  it("of the engine cannot be taken away: a transfer sends a copy, or is noticed", () => {
    const w = new nn.Parameter([1, 2], [2]);
    const buffer = w.values.buffer as ArrayBuffer;
    const sent = structuredClone(buffer, { transfer: [buffer] });
    expect([...new Float32Array(sent, 0, 2)]).toEqual([1, 2]);
    if (buffer.byteLength === 0) expect(() => w.values).toThrow(/detached/);
    else expect([...w.values]).toEqual([1, 2]);
    expect([...w.mul(2).dataSync()]).toEqual([2, 4]);
  });

  it("of views of earlier places are empty, not dangling", () => {
    const w = new nn.Parameter([1, 2], [2]);
    const early = w.values;
    compile((x: Tensor) => w.mul(x).sum(), { optimizer: new optim.SGD({ learningRate: 0 }) })(ones([2]));
    expect(early).toHaveLength(0);
    expect([...w.values]).toEqual([1, 2]);
  });
});

describe("two trainings of one model", () => {
  it("at once are refused, the first goes on", async () => {
    manualSeed(1);
    const model = new nn.Linear(64, 64);
    const loss = (x: Tensor) => model.forward(x).square().mean();
    const first = compile(loss, { optimizer: new optim.SGD({ learningRate: 1e-3 }) });
    const second = compile(loss, { optimizer: new optim.SGD({ learningRate: 1e-3 }) });
    const batch = ones([8, 64]);
    second(batch);
    first(batch);
    const steps = 20_000;
    const running = first.manyAsync(steps, [ones([steps, 8, 64])]);
    expect(() => first(batch)).toThrow(BusyError);
    expect(() => second(batch)).toThrow(BusyError);
    await expect(second.async(batch)).rejects.toThrow(BusyError);
    expect((await running).completed).toBe(steps);
    second(batch);
    const dataset = data.fromArrays([[1], [2]], [0, 1]);
    const small = new nn.Linear(1, 2);
    const trainer = () => new Trainer(small, { loss: new losses.CrossEntropy(), optimizer: new optim.SGD() });
    const [one, two] = [trainer(), trainer()];
    const results = await Promise.allSettled([
      one.fit(dataset, { epochs: 20 }),
      two.fit(dataset, { epochs: 20 }),
    ]);
    expect(results.map((r) => r.status)).toEqual(["fulfilled", "rejected"]);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(BusyError);
  });
});

describe("a NaN loss", () => {
  it("stops training, says where, and keeps everything from before the step", async () => {
    const model = new nn.Linear(1, 1);
    const trainer = new Trainer(model, {
      loss: new losses.MSE(),
      optimizer: new optim.SGD({ learningRate: 0.01 }),
    });
    const features = [[1], [2], [Number.NaN], [4]];
    const dataset = data.fromArrays(features, [[1], [2], [3], [4]], { task: "regression" });
    const error = (await errorOf(() =>
      trainer.fit(dataset, { epochs: 1, batchSize: 1, shuffle: false }),
    )) as NotFiniteError;
    expect(error).toBeInstanceOf(NotFiniteError);
    expect(error.step).toBe(2);
    expect(error.message).toMatch(/epoch 1, training step 2/);
    expect(error.message).toMatch(/row 2/);
    expect(trainer.optimizer.stepCount).toBe(2);
    expect(model.weight.values[0]).toSatisfy(Number.isFinite);
  });
});

describe("gradients", () => {
  const w = () => tensor([1, 2], { requiresGrad: true });
  checkAll([
    ["of more than one number", () => grad(w().mul(2), [w()]), ShapeError, /loss of one element.*\[2\]/],
    [
      "by what needs none",
      () => grad(w().sum(), [ones([2])]),
      ArgumentError,
      /requiresGrad for grad target 0/,
    ],
    [
      "by what the loss does not depend on",
      () => grad(w().sum(), [w()]),
      ArgumentError,
      /depends on for grad target 0/,
    ],
    [
      "through what has none",
      () => {
        const v = w();
        return grad(v.floor().mul(v).sum(), [v]) && grad(v.argmax().cast("float32").sum(), [v]);
      },
      NablaError,
      /grad/,
    ],
  ]);
});

describe("options", () => {
  checkAll([
    ["unknown", () => new optim.SGD({ lr: 0.1 } as never), ArgumentError, /"lr"/],
    [
      "negative rate",
      () => new optim.Adam({ learningRate: -1 }),
      OutOfRangeError,
      /learningRate but received -1/,
    ],
    [
      "NaN rate",
      () => new optim.Adam({ learningRate: Number.NaN }),
      ArgumentError,
      /learningRate but received NaN/,
    ],
    ["beta of 1", () => new optim.Adam({ beta1: 1 }), OutOfRangeError, /beta1/],
    ["Nesterov without momentum", () => new optim.SGD({ nesterov: true }), ArgumentError, /nesterov/],
    ["dropout of 2", () => new nn.Dropout(2), OutOfRangeError, /p but received 2/],
    [
      "a clip of 0",
      () => compile((x: Tensor) => x, { optimizer: new optim.SGD(), clip: { norm: 0 } }),
      OutOfRangeError,
      /clip.norm/,
    ],
    ["a fractional seed", () => manualSeed(0.5), ArgumentError, /seed but received 0.5/],
    [
      "no epochs",
      () =>
        new Trainer(new nn.Linear(1, 1), { loss: new losses.MSE(), optimizer: new optim.SGD() }).fit(
          data.fromArrays([[1]], [[1]], { task: "regression" }),
          { epochs: 0 },
        ),
      OutOfRangeError,
      /epochs/,
    ],
  ]);
});

describe("a state loaded into a model", () => {
  it("changes nothing where it does not fit", async () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
    const before = model.stateDict();
    const wrong = new Map(new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(4, 1)).stateDict());
    const shape = await errorOf(() => model.loadStateDict(wrong));
    expect(shape).toBeInstanceOf(ShapeError);
    expect(shape.message).toMatch(/shape \[1, 3\] for 1.weight but received \[1, 4\]/);
    wrong.delete("0.bias");
    expect((await errorOf(() => model.loadStateDict(wrong))).message).toMatch(/0.bias/);
    expect(model.stateDict()).toEqual(before);
  });

  it("is refused while a step of that model runs, and loads after it", async () => {
    manualSeed(1);
    const model = new nn.Linear(64, 64);
    const state = model.stateDict();
    const x = ones([8, 64]);
    const step = compile(() => model.forward(x).square().mean(), {
      optimizer: new optim.SGD({ learningRate: 1e-3 }),
    });
    const steps = 100_000; // some tenths of a second: not over before the next lines are, on a busy machine too
    const running = step.manyAsync(steps, []);
    expect(() => model.loadStateDict(state)).toThrow(BusyError);
    expect(() => model.bias!.assign(new Float32Array(64))).toThrow(BusyError);
    expect(() => model.to("float64")).toThrow(BusyError);
    expect((await running).completed).toBe(steps);
    expect(model.weight.dtype).toBe("float32");
    expect(model.stateDict()).not.toEqual(state);
    model.loadStateDict(state);
    expect(model.stateDict()).toEqual(state);
  });
});
