import { describe, expect, test } from "vitest";
import { OutOfRangeError, ShapeError, StateError } from "../../src/errors.js";
import * as nn from "../../src/nn/index.js";
import { ones, zeros } from "../../src/ops/creation.js";
import { manualSeed } from "../../src/ops/random.js";
import { tensor } from "../../src/tensor.js";

const std = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((s, x) => s + x * x, 0) / values.length);
const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

const IN = 256;
const OUT = 200;
/** Five sampling errors of a deviation over 51,200 weights. */
const WITHIN = 5 / Math.sqrt(2 * IN * OUT);

describe("initial values fit the activation that follows", () => {
  const he = Math.sqrt(2 / IN);
  const xavier = Math.sqrt(2 / (IN + OUT));
  const expected: [nn.Layer, number, "normal" | "uniform"][] = [
    [new nn.ReLU(), he, "normal"],
    [new nn.ReLU6(), he, "normal"],
    [new nn.GELU(), he, "normal"],
    [new nn.SiLU(), he, "normal"],
    [new nn.Mish(), he, "normal"],
    [new nn.ELU(), he, "normal"],
    [new nn.Softplus(), he, "normal"],
    [new nn.HardSwish(), he, "normal"],
    [new nn.LeakyReLU(0.5), he / Math.sqrt(1.25), "normal"],
    [new nn.PReLU(), he / Math.sqrt(1.0625), "normal"],
    [new nn.SELU(), 1 / Math.sqrt(IN), "normal"],
    [new nn.Tanh(), (5 / 3) * xavier, "uniform"],
    [new nn.HardTanh(), (5 / 3) * xavier, "uniform"],
    [new nn.Sigmoid(), xavier, "uniform"],
    [new nn.HardSigmoid(), xavier, "uniform"],
    [new nn.LogSigmoid(), xavier, "uniform"],
    [new nn.Softsign(), xavier, "uniform"],
    [new nn.Softmax(), xavier, "uniform"],
    [new nn.LogSoftmax(), xavier, "uniform"],
  ];

  test("every activation is in the table", () => {
    const activations = Object.values(nn).filter(
      (v) => typeof v === "function" && v.prototype instanceof nn.Activation,
    );
    expect(new Set(expected.map(([layer]) => layer.constructor))).toEqual(new Set(activations));
  });

  test.each(expected.map((e): [string, ...typeof e] => [e[0].toString(), ...e]))(
    "%s",
    (_name, activation, deviation, kind) => {
      const linear = new nn.Linear(IN, OUT);
      new nn.Sequential(linear, activation);
      expect(Math.abs(std(linear.weight.values) / deviation - 1)).toBeLessThan(WITHIN);
      const bound = Math.sqrt(3) * deviation;
      if (kind === "uniform") expect(largest(linear.weight.values)).toBeLessThanOrEqual(bound * (1 + 1e-6));
      else expect(largest(linear.weight.values)).toBeGreaterThan(bound);
      expect(largest(linear.bias!.values)).toBe(0);
    },
  );

  test("alone, or last, a Linear is as in PyTorch: uniform in ±1/√in", () => {
    const alone = new nn.Linear(IN, OUT);
    const last = new nn.Sequential(new nn.ReLU(), new nn.Linear(IN, OUT)).at(1) as nn.Linear;
    for (const { weight, bias } of [alone, last]) {
      for (const { values } of [weight, bias!]) {
        expect(largest(values)).toBeLessThanOrEqual((1 + 1e-6) / Math.sqrt(IN));
        expect(largest(values)).toBeGreaterThan(0.9 / Math.sqrt(IN));
      }
      expect(Math.abs(std(weight.values) * Math.sqrt(3 * IN) - 1)).toBeLessThan(WITHIN);
    }
  });

  test("normalisation, dropout and nested Sequentials are looked through", () => {
    const [first, second] = [new nn.Linear(IN, OUT), new nn.Linear(OUT, IN)];
    const block = new nn.Sequential(first, new nn.BatchNorm1d(OUT));
    new nn.Sequential(
      block,
      new nn.Dropout(),
      new nn.ReLU(),
      second,
      new nn.Sequential(new nn.LayerNorm(IN), new nn.Tanh()),
    );
    expect(Math.abs(std(first.weight.values) / he - 1)).toBeLessThan(WITHIN);
    expect(Math.abs(std(second.weight.values) / ((5 / 3) * xavier) - 1)).toBeLessThan(WITHIN);
  });

  test("an explicit init is kept", () => {
    const linear = new nn.Linear(3, 3, { init: nn.init.eye, biasInit: nn.init.ones });
    new nn.Sequential(linear, new nn.ReLU());
    expect(linear.weight.arraySync()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
    expect(linear.bias!.arraySync()).toEqual([1, 1, 1]);
    const onlyBias = new nn.Linear(3, 3, { biasInit: nn.init.ones });
    new nn.Sequential(onlyBias, new nn.ReLU());
    expect(onlyBias.bias!.arraySync()).toEqual([1, 1, 1]);
  });

  test("weights that were set, loaded or trained before are never touched", () => {
    const set = new nn.Linear(3, 2);
    set.weight.values[4] = 0.125;
    const before = [...set.weight.values];
    new nn.Sequential(set, new nn.ReLU());
    expect([...set.weight.values]).toEqual(before);
    const fitted = new nn.Linear(3, 2);
    new nn.Sequential(fitted, new nn.ReLU());
    const once = [...fitted.weight.values];
    new nn.Sequential(fitted, new nn.Tanh());
    expect([...fitted.weight.values]).toEqual(once);
  });

  test("the same seed gives the same model", () => {
    const make = () => {
      manualSeed(11);
      return new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2));
    };
    expect(make().stateDict()).toEqual(make().stateDict());
    const first = make();
    manualSeed(12);
    const other = new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2));
    expect(other.stateDict()).not.toEqual(first.stateDict());
  });
});

describe("trees of modules", () => {
  const model = () =>
    new nn.Sequential(
      new nn.Linear(2, 3),
      new nn.BatchNorm1d(3),
      new nn.Residual(new nn.Sequential(new nn.Linear(3, 3))),
    );

  test("keys are PyTorch's", () => {
    expect([...model().stateDict().keys()]).toEqual([
      "0.weight",
      "0.bias",
      "1.weight",
      "1.bias",
      "1.running_mean",
      "1.running_var",
      "1.num_batches_tracked",
      "2.inner.0.weight",
      "2.inner.0.bias",
    ]);
    expect(
      model()
        .namedParameters()
        .map(([name]) => name),
    ).toEqual(["0.weight", "0.bias", "1.weight", "1.bias", "2.inner.0.weight", "2.inner.0.bias"]);
  });

  test("a tied layer is learned once and saved under each of its names", () => {
    const shared = new nn.Linear(2, 2);
    const tied = new nn.Sequential(shared, new nn.Tanh(), shared);
    expect(tied.parameters()).toEqual([shared.weight, shared.bias]);
    class Tied extends nn.Module {
      readonly a = new nn.Linear(2, 2, { bias: false });
      readonly b = new nn.Linear(2, 2, { bias: false });
      constructor() {
        super();
        Object.assign(this.b, { weight: this.a.weight });
      }
      forward(): never {
        throw new Error("not called");
      }
    }
    expect([...new Tied().stateDict().keys()]).toEqual(["a.weight", "b.weight"]);
    expect(new Tied().parameters()).toHaveLength(1);
  });

  test("at, length, iteration, printing", () => {
    const m = model();
    expect(m.length).toBe(3);
    expect(m.at(-1)).toBe([...m][2]);
    expect(() => m.at(3)).toThrow(OutOfRangeError);
    expect(m.toString()).toMatch(/Sequential\(\) \{\n {2}\(0\): Linear\(2, 3\)\n {2}\(1\): BatchNorm1d\(3/);
  });

  test("a free-form module with a ModuleList", () => {
    class Stack extends nn.Module {
      readonly layers = new nn.ModuleList([new nn.Linear(2, 2)]).push(new nn.Linear(2, 2));
      forward(): never {
        throw new Error("not called");
      }
    }
    expect([...new Stack().stateDict().keys()]).toEqual([
      "layers.0.weight",
      "layers.0.bias",
      "layers.1.weight",
      "layers.1.bias",
    ]);
    expect(() => new nn.ModuleList().forward()).toThrow(StateError);
    expect(() => new nn.Sequential({} as never)).toThrow(/Sequential\[0\]/);
  });

  test("loading what does not fit names the entry and changes nothing", () => {
    const m = new nn.Sequential(new nn.Linear(2, 1), new nn.Linear(1, 1));
    const before = m.stateDict();
    const dict = new Map(before);
    dict.set("0.bias", { dtype: "float32", shape: [1], data: Float32Array.of(9) });
    dict.set("1.weight", { dtype: "float32", shape: [2, 1], data: new Float32Array(2) });
    expect(() => m.loadStateDict(dict)).toThrow(/1\.weight/);
    expect(m.stateDict()).toEqual(before);
    dict.delete("1.weight");
    expect(() => m.loadStateDict(dict)).toThrow(/1\.weight/);
    expect(m.stateDict()).toEqual(before);
  });
});

describe("shapes are checked", () => {
  test("Linear, Residual, normalisation, PReLU, Embedding", () => {
    const x = zeros([2, 3]);
    expect(() => new nn.Linear(4, 2).forward(x)).toThrow(/\[\.\.\., 4\].*\[2, 3\]/);
    expect(() => new nn.Residual(new nn.Linear(3, 2)).forward(x)).toThrow(/Residual/);
    // What would broadcast is an error too.
    expect(() => new nn.Residual(new nn.Linear(3, 1)).forward(x)).toThrow(ShapeError);
    expect(() => new nn.BatchNorm1d(4).forward(x)).toThrow(/BatchNorm1d/);
    expect(() => new nn.BatchNorm1d(3).forward(zeros([3]))).toThrow(ShapeError);
    expect(() => new nn.LayerNorm([2, 4]).forward(x)).toThrow(/LayerNorm/);
    expect(() => new nn.RMSNorm(2).forward(x)).toThrow(/RMSNorm/);
    expect(() => new nn.PReLU(2).forward(x)).toThrow(/PReLU/);
    expect(() => new nn.Embedding(3, 2).forward(x)).toThrow(/int32/);
    expect(() => new nn.Embedding(3, 2).forward(tensor(Int32Array.of(3))).dataSync()).toThrow(
      OutOfRangeError,
    );
  });

  test("constructors", () => {
    expect(() => new nn.Linear(0, 2)).toThrow(/inFeatures/);
    expect(() => new nn.Linear(2, 1.5)).toThrow(/outFeatures/);
    expect(() => new nn.Linear(2, 2, { bais: true } as never)).toThrow(/bias/);
    expect(() => new nn.Dropout(1.5)).toThrow(/p/);
    expect(() => new nn.BatchNorm1d(2, { momentum: 2 })).toThrow(/momentum/);
    expect(() => new nn.LayerNorm([])).toThrow(ShapeError);
    expect(() => new nn.Embedding(3, 2, { paddingIndex: 3 })).toThrow(/paddingIndex/);
    expect(() => new nn.GELU({ approximate: "sigmoid" as never })).toThrow(/approximate/);
  });

  test("an empty batch goes through", () => {
    const model = new nn.Sequential(
      new nn.Linear(3, 2),
      new nn.LayerNorm(2),
      new nn.ReLU(),
      new nn.Dropout(),
    );
    expect(model.forward(zeros([0, 3])).arraySync()).toEqual([]);
    expect(new nn.Flatten().forward(ones([2, 3, 4])).shape).toEqual([2, 12]);
  });
});
