/** A frozen model: the same predictions, no changes, and back again as if nothing had been. */

import { describe, expect, test } from "vitest";
import {
  compile,
  data,
  losses,
  manualSeed,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  StateError,
  type Tensor,
  Trainer,
} from "../../src/index.js";
import { addon } from "../../src/native/addon.js";

/** Of the copies of float32 weights; 0 where the instruction set reads them in rows. */
const panelColumns = addon.panelColumns();

function network(seed = 1): nn.Sequential {
  manualSeed(seed);
  return new nn.Sequential(
    new nn.Linear(20, 33),
    new nn.BatchNorm1d(33),
    new nn.ReLU(),
    new nn.Dropout(),
    new nn.Linear(33, 5),
  );
}

const largest = (values: ArrayLike<number>) => Math.max(...Array.from(values, Math.abs));

describe("freeze", () => {
  test.each([1, 3, 64])("predicts what evaluation mode predicts (%i rows)", async (rows) => {
    const model = network();
    const x = randn([rows, 20]).detach();
    const predict = compile((input: Tensor) => noGrad(() => model.forward(input)));
    model.evaluate();
    const before = predict(x).dataSync();
    model.train().freeze();
    expect(model.training).toBe(false);
    const after = predict(x).dataSync();
    expect(largest(after.map((y, i) => y - before[i]!))).toBeLessThan(1e-6 * largest(before));
    expect((await predict.async(x)).dataSync()).toEqual(after);
    expect(model.forward(x).dataSync().length).toBe(rows * 5);
    model.thaw();
    expect(model.training).toBe(true);
    model.evaluate();
    expect(predict(x).dataSync()).toEqual(before);
  });

  test("the weights lie as the product reads them, and only then", () => {
    const model = network().evaluate();
    const predict = compile((input: Tensor) => noGrad(() => model.forward(input)));
    const strides = (rows = 16) =>
      predict
        .program(ones([rows, 20]))
        .source.instructions.filter(({ row }) => row.name === "gemm")
        .map(({ operands }) => operands[1]!.strides.slice(1));
    expect(strides()).toEqual([
      [1, 20],
      [1, 33],
    ]);
    model.freeze();
    // Panels, or rows an odd number of cache lines apart; five columns are summed along k of the weight as it is
    // stored.
    expect(strides()).toEqual([
      [panelColumns || 48, 1],
      [1, 33],
    ]);
    expect(strides(6)[0]).toEqual([1, 20]); // few rows are, too
    model.thaw();
    expect(strides()[0]).toEqual([1, 20]);
  });

  // Rows are four lines of 16 and one more apart, three, and five lines of eight.
  test.each([
    ["float32", 64, [1, 20, 64], 80],
    ["float32", 33, [1, 20, 33], 48],
    ["float64", 33, [1, 20, 33], 40],
  ] as const)(
    "%s, %i columns in panels or rows an odd number of cache lines apart",
    (dtype, columns, rows, row) => {
      manualSeed(2);
      const model = new nn.Linear(20, columns).to(dtype).evaluate();
      const x = randn([16, 20], 0, 1, dtype).detach();
      const predict = compile((input: Tensor) => noGrad(() => model.forward(input)));
      const before = predict(x).dataSync();
      model.freeze();
      const [gemm] = predict.program(x).source.instructions.filter(({ row }) => row.name === "gemm");
      const { shape, strides } = gemm!.operands[1]!;
      const width = dtype === "float32" ? panelColumns : 0;
      expect(shape).toEqual(width > 0 ? [Math.ceil(columns / width), 20, width] : rows);
      expect(strides).toEqual(width > 0 ? [20 * width, width, 1] : [20 * row, row, 1]);
      const after = predict(x).dataSync();
      expect(largest(Array.from(after, (y, i) => y - before[i]!))).toBeLessThan(1e-6 * largest(before));
    },
  );

  test("nothing changes it: writes are refused, arrays are copies", () => {
    const model = network().freeze();
    const layer = model.at(0) as nn.Linear;
    const state = model.stateDict();
    for (const change of [
      () => layer.bias!.assign(new Float32Array(33)),
      () => model.loadStateDict(state),
      () => model.to("float64"),
      () => {
        layer.weight.requiresGrad = true;
      },
    ]) {
      expect(change).toThrow(StateError);
      expect(change).toThrow(/Expected a model that is not frozen .* for .+ but received a frozen one/);
    }
    layer.weight.values.fill(7);
    expect(model.stateDict()).toEqual(state);
    const step = compile((x: Tensor) => model.forward(x).square().mean(), { optimizer: new optim.SGD() });
    expect(() => step(ones([4, 20]))).toThrow(/at least one parameter that is not frozen/);
  });

  test("a state for a model that is frozen in part changes none of it", () => {
    const [free, frozen] = [new nn.Linear(3, 3), new nn.Linear(3, 3)];
    const whole = new nn.Sequential(free, frozen);
    const other = new nn.Sequential(new nn.Linear(3, 3), new nn.Linear(3, 3)).stateDict();
    frozen.freeze();
    const before = whole.stateDict();
    expect(() => whole.loadStateDict(other)).toThrow(StateError);
    expect(whole.stateDict()).toEqual(before);
  });

  test("a module that counts its calls cannot, frozen: neither at once nor compiled", () => {
    class Counting extends nn.Module {
      readonly calls = new nn.Buffer([0], []);
      forward(x: Tensor): Tensor {
        nn.assignState(this.calls, this.calls.add(1));
        return x.mul(2);
      }
    }
    const module = new Counting().freeze();
    const compiled = compile((x: Tensor) => module.forward(x));
    for (const call of [() => module.forward(ones([2])), () => compiled(ones([2]))]) {
      expect(call).toThrow(StateError);
      expect(module.calls.item()).toBe(0);
    }
    module.thaw();
    compiled(ones([2]));
    expect(module.calls.item()).toBe(1);
  });

  test("thawed, training goes on as if it had never been frozen", () => {
    const [one, two] = [network(), network()];
    const steps = [one, two].map((model) =>
      compile((x: Tensor) => model.forward(x).square().mean(), { optimizer: new optim.Adam(), seed: 3 }),
    );
    const x = randn([16, 20]).detach();
    for (const step of steps) step(x);
    one.freeze();
    expect(one.parameters().every((p) => !p.requiresGrad)).toBe(true);
    one.thaw();
    expect(one.parameters().every((p) => p.requiresGrad)).toBe(true);
    for (const step of steps) step(x);
    expect(one.stateDict()).toEqual(two.stateDict());
  });

  test("a frozen part is not trained, and its normalisation stays in evaluation", async () => {
    const model = network();
    const head = new nn.Linear(5, 2);
    const whole = new nn.Sequential(model, head);
    model.freeze();
    const [before, headBefore] = [model.stateDict(), head.stateDict()];
    const dataset = data.fromArrays(
      Array.from({ length: 12 }, (_, i) => Array.from({ length: 20 }, (_, j) => Math.sin(i * 20 + j))),
      Array.from({ length: 12 }, (_, i) => i % 2),
    );
    const trainer = new Trainer(whole, { loss: new losses.CrossEntropy(), optimizer: new optim.SGD() });
    await trainer.fit(dataset, { epochs: 2, progress: false });
    expect(model.stateDict()).toEqual(before);
    expect(head.stateDict()).not.toEqual(headBefore);
  });

  test("what was recorded before keeps its meaning", () => {
    const layer = new nn.Linear(2, 2);
    layer.weight.assign([1, 2, 3, 4]);
    const recorded = layer.weight.sum();
    layer.freeze();
    expect(recorded.item()).toBe(10);
    const frozen = layer.weight.mul(2).sum();
    layer.thaw();
    layer.weight.assign([0, 0, 0, 0]);
    expect(frozen.item()).toBe(20);
  });
});
