/** The surprises of laziness that DESIGN.md promises not to have. */

import { describe, expect, it } from "vitest";
import { StateError } from "../src/errors.js";
import { cachedPrograms } from "../src/graph/evaluate.js";
import {
  compile,
  grad,
  manualSeed,
  nn,
  noGrad,
  ones,
  optim,
  rand,
  randn,
  type Tensor,
  tensor,
} from "../src/index.js";

const numbers = (x: Tensor) => [...x.dataSync()];

describe("tensors", () => {
  it("hold a copy of the array they were made of", () => {
    const array = Float32Array.of(1, 2, 3);
    const x = tensor(array);
    const later = x.mul(2);
    array.fill(100);
    expect(numbers(x)).toEqual([1, 2, 3]);
    expect(numbers(later)).toEqual([2, 4, 6]);
  });

  it("give copies of their data", () => {
    const x = tensor([1, 2, 3]);
    x.dataSync().fill(100);
    expect(numbers(x)).toEqual([1, 2, 3]);
    const y = x.add(1);
    y.dataSync().fill(100);
    expect(numbers(y)).toEqual([2, 3, 4]);
  });

  it("throw at the line of the mistake, not where the value is read", () => {
    const x = ones([2, 3]);
    expect(() => x.matmul(ones([4, 5]))).toThrow(/matmul.*\[2, 3\] and \[4, 5\]/);
    expect(() => x.add(ones([4]))).toThrow(/add.*\[2, 3\] and \[4\]/);
  });
});

describe("a pending computation that reads memory runs before the memory is written", () => {
  const parameter = () => new nn.Parameter([1, 2, 3], [3]);

  it("by assign", () => {
    const w = parameter();
    const before = w.mul(10);
    w.assign([7, 8, 9]);
    expect(numbers(before)).toEqual([10, 20, 30]);
    expect(numbers(w.mul(10))).toEqual([70, 80, 90]);
  });

  it("through the array of its values", () => {
    const w = parameter();
    const before = w.mul(10).add(1);
    w.values[0] = 100;
    expect(numbers(before)).toEqual([11, 21, 31]);
    expect(numbers(w)).toEqual([100, 2, 3]);
  });

  it("through a view", () => {
    const w = new nn.Parameter([1, 2, 3, 4], [2, 2]);
    const transposed = w.transpose();
    const before = transposed.add(0);
    w.values.fill(0);
    expect(numbers(before)).toEqual([1, 3, 2, 4]);
    expect(numbers(transposed)).toEqual([1, 3, 2, 4]);
  });

  it("by a training step, the first and every later one, in the foreground and in the background", async () => {
    const w = parameter();
    const step = compile((x: Tensor) => w.mul(x).sum(), { optimizer: new optim.SGD({ learningRate: 1 }) });
    const x = ones([3]);
    const first = w.mul(1);
    step(x);
    expect(numbers(first)).toEqual([1, 2, 3]);
    const second = w.mul(1);
    step(x);
    expect(numbers(second)).toEqual([0, 1, 2]);
    const third = w.mul(1);
    await step.async(x);
    expect(numbers(third)).toEqual([-1, 0, 1]);
    const fourth = w.mul(1);
    step.many(2, ones([2, 3]));
    expect(numbers(fourth)).toEqual([-2, -1, 0]);
    expect(numbers(w)).toEqual([-4, -3, -2]);
  });

  it("by running statistics, which a step writes too", () => {
    const norm = new nn.BatchNorm1d(2);
    const step = compile((x: Tensor) => norm.forward(x).sum(), { optimizer: new optim.SGD() });
    step(randn([4, 2]));
    const before = norm.runningMean!.mul(1);
    const expected = numbers(norm.runningMean!);
    step(randn([4, 2]).add(5));
    expect(numbers(before)).toEqual(expected);
    expect(numbers(norm.runningMean!)).not.toEqual(expected);
  });

  it("by loading a state", () => {
    const layer = new nn.Linear(2, 1);
    const before = layer.weight.mul(1);
    const expected = numbers(layer.weight);
    layer.loadStateDict(new nn.Linear(2, 1).stateDict());
    expect(numbers(before)).toEqual(expected);
  });
});

describe("random numbers", () => {
  it("are fixed when they are asked for, in whatever order they are read", () => {
    const draw = () => {
      manualSeed(3);
      return [rand([4]), randn([4]), rand([4])] as const;
    };
    const forwards = draw().map(numbers);
    const backwards = [...draw()].reverse().map(numbers).reverse();
    expect(backwards).toEqual(forwards);
    expect(forwards[0]).not.toEqual(forwards[2]);
  });

  it("are the same when a tensor is read twice, or read and used", () => {
    const x = rand([5]);
    const sum = x.add(0);
    expect(numbers(x)).toEqual(numbers(x));
    expect(numbers(sum)).toEqual(numbers(x));
  });

  it("do not change when the seed is set between recording and reading", () => {
    manualSeed(1);
    const x = rand([5]);
    manualSeed(2);
    const first = numbers(x);
    manualSeed(1);
    expect(numbers(rand([5]))).toEqual(first);
  });

  it("of dropout are the same in forward and backward", () => {
    const layer = new nn.Dropout(0.5);
    const x = tensor(new Float32Array(64).fill(1), { requiresGrad: true });
    const y = layer.forward(x);
    const [dx] = grad(y.sum(), [x]);
    expect(numbers(dx!)).toEqual(numbers(y));
  });
});

describe("a graph that only grows", () => {
  it("is computed at a bound, so that neither depth nor memory grows with it", () => {
    let total: Tensor = tensor(0);
    const programs: number[] = [];
    for (let i = 0; i < 5000; i++) {
      total = total.add(1);
      expect(total.value.depth).toBeLessThanOrEqual(128);
      if (i % 1000 === 999) programs.push(cachedPrograms());
    }
    expect(total.item()).toBe(5000);
    expect(new Set(programs).size).toBe(1);
  });

  it("with a parameter in it reads the parameter as it was at each turn", () => {
    const w = new nn.Parameter([1], [1]);
    let total: Tensor = tensor([0]);
    for (let i = 0; i < 300; i++) {
      total = total.add(w);
      w.assign([i + 2]);
    }
    expect(total.item()).toBe((300 * 301) / 2);
  });
});

describe("an interactive loop", () => {
  it("compiles one program for each structure, whatever the numbers are", () => {
    const turn = (k: number) =>
      tensor([k, k + 1])
        .mul(k)
        .add(0.5)
        .sum()
        .item();
    expect(turn(1)).toBe(4);
    const before = cachedPrograms();
    for (let k = 2; k < 50; k++) expect(turn(k)).toBe(k * (2 * k + 1) + 1);
    expect(cachedPrograms()).toBe(before);
  });

  it("gives the same from data, dataSync, array and item", async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]).mul(3);
    expect(await x.array()).toEqual([
      [3, 6],
      [9, 12],
    ]);
    expect([...(await x.data())]).toEqual(numbers(x));
    expect(x.sum().item()).toBe(30);
  });

  it("may read one tensor several times at once in the background", async () => {
    const x = randn([1000]);
    const y = x.exp();
    const results = await Promise.all([y.data(), y.sum().data(), y.data(), x.data()]);
    expect(results[2]).toEqual(results[0]);
    expect(results[1][0]).toBeCloseTo(
      [...results[0]].reduce((a, b) => a + b),
      1,
    );
  });

  it("keeps what gradients need after values were read", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.mul(x);
    expect(numbers(y)).toEqual([1, 4]);
    expect(numbers(grad(y.sum(), [x])[0]!)).toEqual([2, 4]);
    expect(noGrad(() => x.mul(x)).requiresGrad).toBe(false);
  });
});

describe("gradients", () => {
  it("of several tensors along one path are those of each alone", () => {
    const w = tensor([1, 2, 3], { requiresGrad: true });
    const a = w.square();
    const b = a.exp().mul(w);
    const loss = b.sum();
    const together = grad(loss, [loss, b, a, w]).map(numbers);
    expect(together).toEqual([loss, b, a, w].map((t) => numbers(grad(loss, [t])[0]!)));
    expect(together[1]).toEqual([1, 1, 1]);
  });
});

describe("inside a compiled function", () => {
  it.each([
    ["item", (x: Tensor) => x.sum().item()],
    ["dataSync", (x: Tensor) => x.dataSync()],
    ["arraySync", (x: Tensor) => x.arraySync()],
  ])("%s throws", (_name, read) => {
    const f = compile((x: Tensor) => {
      read(x);
      return x;
    });
    expect(() => f(ones([2]))).toThrow(StateError);
  });

  it("data rejects, printing shows no values", async () => {
    let promise: Promise<unknown> | undefined;
    let text = "";
    const f = compile((x: Tensor) => {
      promise = x.data();
      promise.catch(() => {});
      text = String(x);
      return x.add(1);
    });
    f(ones([2]));
    await expect(promise).rejects.toThrow(StateError);
    expect(text).toBe("Tensor(float32[2])");
  });
});
