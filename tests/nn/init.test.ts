import { describe, expect, test } from "vitest";
import { OutOfRangeError, ShapeError } from "../../src/errors.js";
import { init, Parameter } from "../../src/nn/index.js";
import { manualSeed } from "../../src/ops/random.js";
import { Random } from "../../src/random.js";
import { sizeOf } from "../../src/shape.js";

const [OUT, IN] = [200, 300];
const COUNT = OUT * IN;
const blank = (shape: readonly number[] = [OUT, IN]) =>
  new Parameter(new Float32Array(sizeOf(shape)).fill(Number.NaN), shape);

function moments(values: ArrayLike<number>) {
  let [sum, squares, fourths] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  const mean = sum / values.length;
  for (let i = 0; i < values.length; i++) {
    const d = (values[i]! - mean) ** 2;
    squares += d;
    fourths += d * d;
  }
  return {
    mean,
    std: Math.sqrt(squares / values.length),
    kurtosis: (fourths * values.length) / squares ** 2,
  };
}

/** Sampling errors at 60,000 numbers: of a mean std/√n, of a deviation about std/√(2n); five of each are allowed. */
function expectMoments(parameter: Parameter, std: number, kind: "uniform" | "normal", mean = 0): void {
  const found = moments(parameter.values);
  expect(Math.abs(found.mean - mean)).toBeLessThan((5 * std) / Math.sqrt(COUNT));
  expect(Math.abs(found.std / std - 1)).toBeLessThan(5 / Math.sqrt(2 * COUNT));
  // 9/5 for the uniform, 3 for the normal distribution; √(24/n) = 0.02 is the sampling error of the latter.
  expect(found.kurtosis).toBeCloseTo(kind === "uniform" ? 1.8 : 3, kind === "uniform" ? 1.4 : 0.9);
}

describe("moments", () => {
  test("uniform and normal", () => {
    const u = init.uniform(blank(), { low: -1, high: 3 });
    expectMoments(u, 4 / Math.sqrt(12), "uniform", 1);
    expect(Math.min(...u.values)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...u.values)).toBeLessThanOrEqual(3);
    expectMoments(init.normal(blank(), { mean: 2, std: 0.5 }), 0.5, "normal", 2);
  });

  const xavier = Math.sqrt(2 / (OUT + IN));
  const he = Math.sqrt(2 / IN);
  const scaled: [string, (p: Parameter) => Parameter, number, "uniform" | "normal"][] = [
    ["xavierUniform", (p) => init.xavierUniform(p), xavier, "uniform"],
    ["xavierUniform, gain 5/3", (p) => init.xavierUniform(p, { gain: 5 / 3 }), (5 / 3) * xavier, "uniform"],
    ["xavierNormal", (p) => init.xavierNormal(p), xavier, "normal"],
    ["kaimingUniform", (p) => init.kaimingUniform(p), he, "uniform"],
    ["kaimingNormal", (p) => init.kaimingNormal(p), he, "normal"],
    ["kaimingNormal, fanOut", (p) => init.kaimingNormal(p, { mode: "fanOut" }), Math.sqrt(2 / OUT), "normal"],
    [
      "kaimingUniform, a = √5",
      (p) => init.kaimingUniform(p, { a: Math.sqrt(5) }),
      1 / Math.sqrt(3 * IN),
      "uniform",
    ],
    [
      "kaimingNormal, tanh",
      (p) => init.kaimingNormal(p, { nonlinearity: "tanh" }),
      5 / 3 / Math.sqrt(IN),
      "normal",
    ],
    ["lecunUniform", (p) => init.lecunUniform(p), 1 / Math.sqrt(IN), "uniform"],
    ["lecunNormal", (p) => init.lecunNormal(p), 1 / Math.sqrt(IN), "normal"],
  ];
  test.each(scaled)("%s", (_name, fill, std, kind) => expectMoments(fill(blank()), std, kind));

  test("fans of a convolution count its receptive field", () => {
    expect(init.fansOf([8, 4, 3, 5])).toEqual({ fanIn: 60, fanOut: 120 });
    expectMoments(init.kaimingNormal(blank([200, 100, 3])), he, "normal");
  });

  test("truncated normal: bounds, and the deviation that is left", () => {
    const values = init.truncatedNormal(blank()).values;
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(2);
    // Var = 1 − 2·2·φ(2)/(Φ(2) − Φ(−2)) = 0.77374
    expect(moments(values).std).toBeCloseTo(Math.sqrt(0.77374), 2);
    const narrow = init.truncatedNormal(blank(), { mean: 1, std: 0.1, low: 1.15, high: 1.2 }).values;
    expect(Math.min(...narrow)).toBeGreaterThanOrEqual(Math.fround(1.15));
    // E[z | 1.5 < z < 2] = (φ(1.5) − φ(2))/(Φ(2) − Φ(1.5)) = 1.7123
    expect(moments(narrow).mean).toBeCloseTo(1 + 0.17123, 3);
    const tail = init.truncatedNormal(blank([1000]), { low: 6, high: 1000 }).values;
    // E[z | z > 6] = φ(6)/Φ(−6) = 6.158
    expect(moments(tail).mean).toBeCloseTo(6.158, 1);
  });
});

describe("orthogonal", () => {
  test.each([
    [20, 50],
    [50, 20],
    [30, 30],
  ])("rows or columns of [%i, %i] are orthonormal, times the gain", (rows, columns) => {
    const gain = 4;
    const w = init.orthogonal(blank([rows, columns]), { gain }).values;
    const count = Math.min(rows, columns);
    const element = (i: number, k: number) => (rows <= columns ? w[i * columns + k]! : w[k * columns + i]!);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j <= i; j++) {
        let dot = 0;
        for (let k = 0; k < Math.max(rows, columns); k++) dot += element(i, k) * element(j, k);
        // Rounding the elements to float32 alone moves a dot product by up to 16·6·10⁻⁸·√(1/50)·….
        expect(dot).toBeCloseTo(i === j ? gain * gain : 0, 4);
      }
    }
  });

  test("a convolution's weight counts as a matrix [out, rest]", () => {
    const w = init.orthogonal(blank([2, 3, 2])).values;
    let dot = 0;
    for (let k = 0; k < 6; k++) dot += w[k]! * w[6 + k]!;
    expect(dot).toBeCloseTo(0, 6);
  });
});

describe("constants", () => {
  test("zeros, ones, constant, eye", () => {
    expect([...init.zeros(blank([3])).values]).toEqual([0, 0, 0]);
    expect([...init.ones(blank([2])).values]).toEqual([1, 1]);
    expect([...init.constant(blank([2]), 0.5).values]).toEqual([0.5, 0.5]);
    expect(init.eye(blank([2, 3])).arraySync()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(() => init.eye(blank([2]))).toThrow(ShapeError);
  });

  test("gains are PyTorch's", () => {
    expect(init.calculateGain("linear")).toBe(1);
    expect(init.calculateGain("sigmoid")).toBe(1);
    expect(init.calculateGain("tanh")).toBe(5 / 3);
    expect(init.calculateGain("relu")).toBe(Math.SQRT2);
    expect(init.calculateGain("leakyRelu", 0.2)).toBe(Math.sqrt(2 / 1.04));
    expect(init.calculateGain("selu")).toBe(0.75);
    expect(() => init.calculateGain("rleu" as never)).toThrow(/relu/);
  });
});

describe("randomness", () => {
  const draw = (options = {}) => [...init.normal(blank([5]), options).values];

  test("the same seed, the same numbers; each call a stream of its own", () => {
    manualSeed(7);
    const [first, second] = [draw(), draw()];
    expect(first).not.toEqual(second);
    manualSeed(7);
    expect([draw(), draw()]).toEqual([first, second]);
    manualSeed(8);
    expect(draw()).not.toEqual(first);
  });

  test("a generator can be given", () => {
    expect(draw({ random: new Random(3) })).toEqual(draw({ random: new Random(3) }));
  });
});

describe("bad input changes nothing", () => {
  test.each<[string, (p: Parameter) => unknown, new (...args: never[]) => Error]>([
    ["fans of a vector", (p) => init.xavierUniform(p.reshape([-1]) as never), ShapeError],
    ["a negative deviation", (p) => init.normal(p, { std: -1 }), OutOfRangeError],
    ["bounds the wrong way round", (p) => init.uniform(p, { low: 1, high: 0 }), OutOfRangeError],
    ["an empty interval", (p) => init.truncatedNormal(p, { low: 1, high: 1 }), OutOfRangeError],
  ])("%s", (_name, fill, error) => {
    const p = init.ones(blank([2, 2]));
    expect(() => fill(p)).toThrow(error);
    expect([...p.values]).toEqual([1, 1, 1, 1]);
  });
});
