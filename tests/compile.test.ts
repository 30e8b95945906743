/** What compilation promises: when it traces again, what is constant, that results stay, that the bits are the same. */

import { describe, expect, it } from "vitest";
import { ArgumentError, ShapeError } from "../src/errors.js";
import {
  compile,
  grad,
  losses,
  manualSeed,
  nn,
  ones,
  ops,
  optim,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "../src/index.js";

const numbers = (x: Tensor) => [...x.dataSync()];
/** The bits, so that NaN equals NaN and 0 differs from -0. */
const bits = (x: Tensor) => [...new Int32Array(Float32Array.from(x.dataSync()).buffer)];

/** A compiled function that tells how often it was traced. */
function counting<A extends unknown[]>(fn: (...args: A) => unknown) {
  const count = { traces: 0 };
  const compiled = compile((...args: A) => {
    count.traces++;
    return fn(...args);
  });
  return { compiled, count };
}

describe("tracing", () => {
  it("happens once for each combination of shapes and types", () => {
    const { compiled, count } = counting((x: Tensor, y: Tensor) => x.add(y));
    for (let i = 0; i < 3; i++) compiled(ones([2, 3]), ones([3]));
    expect(count.traces).toBe(1);
    compiled(ones([2, 3]), ones([2, 3]));
    expect(count.traces).toBe(2);
    compiled(ones([3, 2]).transpose(), ones([3]));
    expect(count.traces).toBe(2);
    compiled(tensor([1, 2, 3], { dtype: "int32" }), tensor([1, 2, 3], { dtype: "int32" }));
    compiled(tensor([1, 2, 3], { dtype: "int32" }), tensor([1, 2, 3]));
    expect(count.traces).toBe(4);
    compiled(ones([2, 3]), ones([3]));
    expect(count.traces).toBe(4);
  });

  it("happens again for another argument that is no tensor", () => {
    const { compiled, count } = counting((x: Tensor, options: { power: number }) => x.pow(options.power));
    const x = tensor([2, 3]);
    expect(numbers(compiled(x, { power: 2 }) as Tensor)).toEqual([4, 9]);
    expect(numbers(compiled(x, { power: 2 }) as Tensor)).toEqual([4, 9]);
    expect(count.traces).toBe(1);
    expect(numbers(compiled(x, { power: 3 }) as Tensor)).toEqual([8, 27]);
    expect(count.traces).toBe(2);
  });

  it("happens again in another mode, and only for modules that were looked at", () => {
    const [used, other] = [new nn.Dropout(0.5), new nn.Dropout(0.5)];
    const { compiled, count } = counting((x: Tensor) => used.forward(x));
    const x = ones([64]);
    expect(new Set(numbers(compiled(x) as Tensor))).toEqual(new Set([0, 2]));
    other.evaluate();
    compiled(x);
    expect(count.traces).toBe(1);
    used.evaluate();
    expect(numbers(compiled(x) as Tensor)).toEqual(numbers(x));
    expect(count.traces).toBe(2);
    used.train();
    expect(new Set(numbers(compiled(x) as Tensor))).toEqual(new Set([0, 2]));
    expect(count.traces).toBe(2);
  });

  it("happens again when parameters are frozen or have moved", () => {
    const model = new nn.Linear(3, 2);
    const predict = compile((x: Tensor) => model.forward(x));
    const x = randn([4, 3]);
    const before = bits(predict(x));
    const step = compile((x: Tensor) => model.forward(x).sum(), {
      optimizer: new optim.SGD({ learningRate: 0 }),
    });
    step(x); // moves the parameters together
    expect(bits(predict(x))).toEqual(before);
    model.weight.requiresGrad = false;
    const weight = bits(model.weight);
    const trained = compile((x: Tensor) => model.forward(x).sum(), {
      optimizer: new optim.SGD({ learningRate: 1 }),
    });
    trained(x);
    expect(bits(model.weight)).toEqual(weight);
    model.weight.requiresGrad = true;
    trained(x);
    expect(bits(model.weight)).not.toEqual(weight);
  });

  it("does not happen for another rate of dropout or learning", () => {
    const dropout = new nn.Dropout(0.5);
    const { compiled, count } = counting((x: Tensor) => dropout.forward(x));
    compiled(ones([8]));
    dropout.p = 0;
    expect(numbers(compiled(ones([8])) as Tensor)).toEqual(new Array(8).fill(1));
    expect(count.traces).toBe(1);
    const w = new nn.Parameter([0], [1]);
    const optimizer = new optim.SGD({ learningRate: 1 });
    let traces = 0;
    const step = compile(
      (x: Tensor) => {
        traces++;
        return w.mul(x).sum();
      },
      { optimizer },
    );
    step(ones([1]));
    optimizer.learningRate = 10;
    step(ones([1]));
    expect(w.item()).toBe(-11);
    expect(traces).toBe(1);
  });
});

describe("what a function captures", () => {
  it("is a constant when it is a number or a tensor", () => {
    let [factor, shift] = [2, tensor([10])];
    const f = compile((x: Tensor) => x.mul(factor).add(shift));
    expect(f(ones([1])).item()).toBe(12);
    [factor, shift] = [3, tensor([20])];
    expect(f(ones([1])).item()).toBe(12);
    expect([factor, shift.item()]).toEqual([3, 20]);
  });

  it("is read anew when it is a parameter or a buffer", () => {
    const [w, b] = [new nn.Parameter([2], [1]), new nn.Buffer([1], [1])];
    const f = compile((x: Tensor) => x.mul(w).add(b));
    expect(f(ones([1])).item()).toBe(3);
    w.assign([5]);
    b.values[0] = 7;
    expect(f(ones([1])).item()).toBe(12);
  });

  it("is computed once when it was pending", () => {
    const w = new nn.Parameter([2], [1]);
    const square = w.mul(w);
    const f = compile((x: Tensor) => x.mul(square));
    w.assign([10]);
    expect(f(ones([1])).item()).toBe(4);
  });
});

describe("arguments and results", () => {
  it("may be typed arrays and structures", () => {
    const f = compile((x: Tensor, y: Tensor) => ({ sum: x.add(y), parts: [x.mul(2), { y }] }));
    const result = (
      f as unknown as (x: Float32Array, y: Float32Array) => { sum: Tensor; parts: [Tensor, { y: Tensor }] }
    )(Float32Array.of(1, 2), Float32Array.of(3, 4));
    expect(numbers(result.sum)).toEqual([4, 6]);
    expect(numbers(result.parts[0])).toEqual([2, 4]);
    expect(numbers(result.parts[1].y)).toEqual([3, 4]);
  });

  it("are not overwritten by the next call", () => {
    const f = compile((x: Tensor) => x.mul(2));
    const first = f(tensor([1]));
    f(tensor([50]));
    expect(first.item()).toBe(2);
  });

  it("of many small calls keep their values, read or computed with, however large they are", () => {
    const add = compile((x: Tensor, by: Tensor) => x.add(by));
    const sizes = [1, 3, 10, 255, 1280, 2047, 2048, 2049];
    const results = Array.from({ length: 120 }, (_, i) =>
      add(zeros([sizes[i % sizes.length]!]), tensor(i + 0.5)),
    );
    const expectEach = (tensors: Tensor[], times: number) => {
      for (const [i, result] of tensors.entries())
        expect(new Set(result.dataSync())).toEqual(new Set([(i + 0.5) * times]));
    };
    expectEach(results, 1);
    expectEach(
      results.map((result) => add(result, result)),
      2,
    );
    results[1]!.dataSync().fill(-1); // a copy
    expectEach(results, 1);
  });

  it("of calls in the background do not mix", async () => {
    const f = compile((x: Tensor) => x.mul(x));
    const results = await Promise.all([1, 2, 3, 4].map((k) => f.async(tensor([k]))));
    expect(results.map((r) => r.item())).toEqual([1, 4, 9, 16]);
  });

  it("that make no sense throw", () => {
    expect(() => compile(3 as never)).toThrow(ArgumentError);
    expect(() => compile((x: Tensor) => x.sum(), { optimizer: "adam" as never })).toThrow(
      /an optimizer for compile/,
    );
    expect(() => compile((_x: Tensor) => 5)(ones([1]))).toThrow(
      /tensors.*for the result of a compiled function but received 5/,
    );
    const inner = compile((x: Tensor) => x.add(1));
    expect(() => compile((x: Tensor) => inner(x))(ones([1]))).toThrow(/no call of a compiled function/);
    const optimizer = new optim.SGD();
    const w = new nn.Parameter([1, 2], [2]);
    expect(() => compile((x: Tensor) => x.sum(), { optimizer })(ones([2]))).toThrow(
      /depends on at least one parameter/,
    );
    expect(() => compile((x: Tensor) => w.mul(x), { optimizer })(ones([2]))).toThrow(/loss of one element/);
    const step = compile((x: Tensor) => w.mul(x).sum(), { optimizer });
    expect(() => step.many(3, ones([2, 2]))).toThrow(ShapeError);
  });
});

/** A model with every kind of layer; `tap` is called on every intermediate result. */
function makeModel() {
  manualSeed(11);
  const first = new nn.Linear(20, 32);
  const [batchNorm, layerNorm, rmsNorm] = [new nn.BatchNorm1d(32), new nn.LayerNorm(32), new nn.RMSNorm(32)];
  const [query, key, last] = [new nn.Linear(32, 32), new nn.Linear(32, 32), new nn.Linear(32, 5)];
  const embedding = new nn.Embedding(9, 32);
  const prelu = new nn.PReLU();
  const modules = [first, batchNorm, layerNorm, rmsNorm, query, key, last, embedding, prelu];
  const parameters = modules.flatMap((m) => m.parameters());
  const forward = (x: Tensor, words: Tensor, labels: Tensor, tap: (t: Tensor) => Tensor): Tensor => {
    let h = tap(first.forward(x));
    h = tap(batchNorm.forward(h));
    h = tap(h.add(tap(h.tanh())));
    h = tap(tap(embedding.forward(words)).mul(h));
    h = tap(layerNorm.forward(h));
    h = tap(h.add(tap(ops.gelu(h))));
    const scores = tap(
      tap(query.forward(h))
        .matmul(tap(tap(key.forward(h)).transpose()))
        .mul(1 / Math.sqrt(32)),
    );
    h = tap(tap(scores.softmax()).matmul(h));
    h = tap(rmsNorm.forward(tap(prelu.forward(h))));
    h = tap(
      h
        .concat([tap(ops.silu(h))], 1)
        .narrow(1, 16, 32)
        .clip(-2, 2),
    );
    h = tap(
      h.sub(tap(h.mean(1, { keepDims: true }))).div(tap(h.square().sum(1, { keepDims: true }).sqrt().add(1))),
    );
    const logits = tap(last.forward(h));
    const penalty = tap(first.weight.square().mean().mul(0.01));
    return tap(losses.crossEntropy(logits, labels, { labelSmoothing: 0.1 }).add(penalty));
  };
  const data = () =>
    [
      randn([12, 20]),
      tensor(Int32Array.from({ length: 12 }, (_, i) => i % 9)),
      tensor(Int32Array.from({ length: 12 }, (_, i) => (i * 7) % 5)),
    ] as const;
  return { parameters, forward, data, batchNorm };
}

const asIs = (t: Tensor) => t;

describe("compiled and interactive use agree bit for bit", () => {
  it("on loss and all gradients of a model with every kind of layer, however often values are read between", () => {
    const { parameters, forward, data } = makeModel();
    const [x, words, labels] = data();
    const wholeGraph = forward(x, words, labels, asIs);
    const lazyBits = [bits(wholeGraph), ...grad(wholeGraph, parameters).map(bits)];

    let reads = 0;
    const stepwise = forward(x, words, labels, (t) => {
      t.dataSync();
      reads++;
      return t;
    });
    expect(reads).toBeGreaterThan(20);
    expect([bits(stepwise), ...grad(stepwise, parameters).map(bits)]).toEqual(lazyBits);

    const compiled = compile((x: Tensor, words: Tensor, labels: Tensor) => {
      const loss = forward(x, words, labels, asIs);
      return [loss, ...grad(loss, parameters)];
    });
    expect((compiled(x, words, labels) as Tensor[]).map(bits)).toEqual(lazyBits);

    const step = compile((x: Tensor, words: Tensor, labels: Tensor) => forward(x, words, labels, asIs), {
      optimizer: new optim.SGD({ learningRate: 0 }),
    });
    const { loss } = step(x, words, labels);
    expect([loss]).toEqual(numbers(wholeGraph));
    expect(parameters.map((p) => bits(tensor(p.grad! as Float32Array)))).toEqual(lazyBits.slice(1));
  });

  it("on every function of one tensor, and its gradient", () => {
    const x = tensor(
      Float32Array.from({ length: 101 }, (_, i) => (i - 50) / 10),
      { shape: [101], requiresGrad: true },
    );
    const functions: [string, (x: Tensor) => Tensor][] = Object.entries(ops.activations);
    const elementary = [
      "exp",
      "expm1",
      "abs",
      "square",
      "sin",
      "cos",
      "erf",
      "neg",
      "sigmoid",
      "tanh",
      "softplus",
    ] as const;
    for (const name of elementary) functions.push([name, (x) => x[name]()]);
    functions.push(
      ["log", (x) => x.square().add(0.1).log()],
      ["sqrt", (x) => x.square().add(1).sqrt()],
      ["prod", (x) => x.prod()],
    );
    functions.push(
      ["softmax", (x) => x.softmax().mul(x)],
      ["logSumExp", (x) => x.logSumExp()],
      ["max", (x) => x.max()],
    );
    for (const [name, f] of functions) {
      const y = f(x);
      const interactive = [bits(y), bits(grad(y.sum(), [x])[0]!)];
      const w = new nn.Parameter(x.dataSync(), x.shape);
      const compiled = compile(() => [f(w), grad(f(w).sum(), [w])[0]!]);
      expect([name, ...(compiled() as Tensor[]).map(bits)]).toEqual([name, ...interactive]);
    }
  });

  it("on twenty steps by hand and twenty compiled ones", () => {
    const train = (compiled: boolean) => {
      const { parameters, forward, data, batchNorm } = makeModel();
      const [x, words, labels] = data();
      batchNorm.evaluate();
      const optimizer = new optim.SGD({ learningRate: 0.125 });
      const step = compile((x: Tensor, words: Tensor, labels: Tensor) => forward(x, words, labels, asIs), {
        optimizer,
      });
      for (let i = 0; i < 20; i++) {
        if (compiled) step(x, words, labels);
        else {
          const gradients = grad(forward(x, words, labels, asIs), parameters).map((g) => g.dataSync());
          // w − ηg in one rounding, as the kernel's fused multiply-add: η is a power of two, so float64 is exact enough.
          parameters.forEach((p, k) =>
            p.assign(p.values.map((w, j) => Math.fround(w - 0.125 * gradients[k]![j]!))),
          );
        }
      }
      return parameters.map(bits);
    };
    expect(train(true)).toEqual(train(false));
  });
});
