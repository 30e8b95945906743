/** What a compiled training step promises: all of it or nothing, its clipping and its results, no new memory. */

import { describe, expect, it } from "vitest";
import { NotFiniteError } from "../src/errors.js";
import { compile, nn, ones, optim, randn, type Tensor, tensor } from "../src/index.js";

describe("a training step", () => {
  it("changes nothing when loss or gradient is not finite", () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4), new nn.Linear(4, 1));
    const optimizer = new optim.Adam();
    const step = compile((x: Tensor) => model.forward(x).square().mean(), { optimizer });
    const good = randn([8, 3]);
    for (let i = 0; i < 3; i++) step(good);
    const state = () => ({
      model: [...model.stateDict()].map(([key, { data }]) => [key, [...data]]),
      optimizer: [...optimizer.stateDict(model.namedParameters()).tensors].map(([key, array]) => [
        key,
        [...array],
      ]),
      steps: optimizer.stepCount,
    });
    const before = state();
    const bad = tensor(new Float32Array(24).fill(Number.NaN), { shape: [8, 3] });
    for (const run of [() => step(bad), () => step.many(1, bad.reshape([1, 8, 3]))]) {
      expect(run).toThrow(NotFiniteError);
      expect(state()).toEqual(before);
    }
    // Finite loss, infinite gradient: the derivative of √ at 0.
    const root = new nn.Parameter([0], [1]);
    const rootStep = compile((x: Tensor) => root.mul(x).sqrt().sum(), { optimizer: new optim.SGD() });
    expect(() => rootStep(ones([1]))).toThrow(/gradient norm (Infinity|NaN)/);
    expect(root.item()).toBe(0);
  });

  it("in a call of many says which step failed and keeps those before it", () => {
    const w = new nn.Parameter([1], [1]);
    const step = compile((x: Tensor) => w.mul(x).sum(), { optimizer: new optim.SGD({ learningRate: 1 }) });
    const error = (() => {
      try {
        step.many(4, tensor([[1], [1], [Number.NaN], [1]]));
      } catch (error) {
        return error as NotFiniteError;
      }
      throw new Error("nothing was thrown");
    })();
    expect(error).toBeInstanceOf(NotFiniteError);
    expect(error.step).toBe(2);
    expect(w.item()).toBe(-1);
    expect(step.optimizer.stepCount).toBe(2);
    step(ones([1]));
    expect(w.item()).toBe(-2);
  });

  it("clips by value and by norm, and tells the norm before clipping", () => {
    const w = new nn.Parameter([0, 0], [2]);
    const step = compile((x: Tensor) => w.mul(x).sum(), {
      optimizer: new optim.SGD({ learningRate: 1 }),
      clip: { norm: 1 },
    });
    expect(step(tensor([3, 4])).gradNorm).toBe(5);
    expect(w.values[0]).toBeCloseTo(-0.6, 5);
    expect(w.values[1]).toBeCloseTo(-0.8, 5);
    const v = new nn.Parameter([0, 0], [2]);
    const byValue = compile((x: Tensor) => v.mul(x).sum(), {
      optimizer: new optim.SGD({ learningRate: 1 }),
      clip: { value: 2 },
    });
    expect(byValue(tensor([3, -1])).gradNorm).toBeCloseTo(Math.hypot(2, 1), 6);
    expect([...v.dataSync()]).toEqual([-2, 1]);
  });

  it("returns what the function returned beside the loss", () => {
    const w = new nn.Parameter([2], [1]);
    const step = compile((x: Tensor) => ({ loss: w.mul(x).sum(), twice: x.mul(2), mean: x.mean() }), {
      optimizer: new optim.SGD(),
    });
    const { outputs } = step(tensor([3, 5]));
    expect(outputs).toEqual({ twice: Float32Array.of(6, 10), mean: 4 });
    const many = step.many(
      2,
      tensor([
        [3, 5],
        [1, 1],
      ]),
    );
    expect(many.outputs).toEqual({ twice: Float32Array.of(6, 10, 2, 2), mean: Float32Array.of(4, 1) });
    expect(many.completed).toBe(2);
  });

  it.each([
    [20, "summed at the end"],
    [300, "summed gradient by gradient"],
  ])("gives the norm of all gradients (%i inputs: %s)", (inputs) => {
    const shared = new nn.Linear(inputs, inputs);
    const last = new nn.Linear(inputs, 1);
    const forward = (x: Tensor) => last.forward(shared.forward(shared.forward(x).tanh()));
    const step = (clip?: { norm?: number; value?: number }) =>
      compile((x: Tensor) => forward(x).square().mean(), {
        optimizer: new optim.SGD({ learningRate: 0 }),
        ...(clip === undefined ? {} : { clip }),
      })(ones([8, inputs])).gradNorm;
    const computed = () => {
      let squares = 0;
      for (const p of [...shared.parameters(), ...last.parameters()])
        for (const g of p.grad!) squares += g * g;
      return Math.sqrt(squares);
    };
    for (const clip of [undefined, { norm: 1e-3 }, { value: 1e-3 }]) {
      const norm = step(clip);
      expect(norm).toBeGreaterThan(0);
      expect(norm / computed()).toBeCloseTo(1, 5);
    }
  });

  it("touches no new memory once it has run", () => {
    const model = new nn.Sequential(new nn.Linear(300, 200), new nn.Tanh(), new nn.Linear(200, 10));
    const step = compile((x: Tensor) => model.forward(x).square().mean(), { optimizer: new optim.Adam() });
    const batch = randn([128, 300]);
    step(batch);
    const program = step.program(batch);
    const faults = Array.from({ length: 3 }, () => {
      const before = process.resourceUsage().minorPageFault;
      for (let i = 0; i < 100; i++) program.run();
      return process.resourceUsage().minorPageFault - before;
    });
    // The engine of JavaScript has threads of its own: the quietest of three counts.
    expect(Math.min(...faults)).toBeLessThan(10);
  });

  it("computes the last layer's gradients first", () => {
    const model = new nn.Sequential(...[1, 2, 3, 4].map(() => new nn.Linear(8, 8)));
    const step = compile((x: Tensor) => model.forward(x).square().mean(), { optimizer: new optim.SGD() });
    const written = step
      .program(randn([4, 8]))
      .source.instructions.filter(({ row }) => row.name === "gemm")
      .map(({ operands }) => operands[4]!)
      .filter((c) => c.region.slot !== 0)
      .map((c) => c.offset);
    expect(written).toHaveLength(4);
    expect(written).toEqual([...written].sort((a, b) => b - a));
  });

  it("prints its program and profiles it", () => {
    const model = new nn.Linear(4, 3);
    const step = compile((x: Tensor) => model.forward(x).relu().sum(), { optimizer: new optim.Adam() });
    const program = step.program(randn([2, 4]));
    const text = program.toString();
    expect(text).toMatch(/gemm .*a:float32\[1, 2, 4\]@slot\d+\+0\(32 bytes\)/);
    expect(text).toMatch(/adam_step/);
    const profile = program.profile(5);
    expect(profile.map((p) => p.name)).toEqual(program.source.instructions.map((i) => i.row.name));
    for (const { microseconds } of profile) expect(microseconds).toBeGreaterThanOrEqual(0);
  });
});
