import { describe, expect, test } from "vitest";
import { Dataset, digits, fromArrays } from "../../src/data/index.js";
import { ArgumentError, DataError, OutOfRangeError, ShapeError } from "../../src/errors.js";

/** n samples of two numbers, both telling the row; labels row mod 3, or the row as a number. */
const labelled = (n: number) =>
  new Dataset({
    features: Float32Array.from({ length: 2 * n }, (_, i) => (i % 2 === 0 ? i / 2 : -(i - 1) / 2)),
    shape: [2],
    targets: Int32Array.from({ length: n }, (_, i) => i % 3),
    classNames: ["a", "b", "c"],
    featureNames: ["plus", "minus"],
  });
const rowsOf = (data: Dataset) => [...data.features].filter((_, i) => i % 2 === 0);

describe("Dataset", () => {
  test("knows its length, task and classes", () => {
    expect(labelled(7)).toMatchObject({ length: 7, task: "classification", classCount: 3, targetShape: [] });
    const soft = new Dataset({
      features: new Float32Array(12),
      shape: [2, 3],
      targets: new Float32Array(8),
      targetShape: [4],
    });
    expect(soft).toMatchObject({ length: 2, task: "regression", classCount: 0 });
    const unnamed = new Dataset({ features: new Float32Array(2), shape: [], targets: Int32Array.of(4, 0) });
    expect(unnamed).toMatchObject({ length: 2, classCount: 5 });
  });

  test("subset takes rows in order, with repetition, and keeps the names", () => {
    const part = labelled(9).subset([4, 0, 4]);
    expect(part.features).toEqual(Float32Array.of(4, -4, 0, -0, 4, -4));
    expect(part.targets).toEqual(Int32Array.of(1, 0, 1));
    expect(part).toMatchObject({ classNames: ["a", "b", "c"], featureNames: ["plus", "minus"] });
    expect(() => labelled(3).subset([0, 3])).toThrow("rows in 0..2 for indices, entry 1 but received 3");
    expect(() => labelled(3).subset([-1])).toThrow(OutOfRangeError);
    expect(() => labelled(3).subset([0.5])).toThrow(OutOfRangeError);
    expect(() => labelled(3).subset("012" as never)).toThrow(ArgumentError);
  });

  test("slice is a window on the same memory", () => {
    const data = labelled(5);
    const part = data.slice(1, 3);
    expect(part.features).toEqual(Float32Array.of(1, -1, 2, -2));
    expect(part.targets).toEqual(Int32Array.of(1, 2));
    expect(part.features.buffer).toBe(data.features.buffer);
    expect(data.slice(3).length).toBe(2);
    expect(() => data.slice(3, 2)).toThrow(OutOfRangeError);
    expect(() => data.slice(0, 6)).toThrow(OutOfRangeError);
  });

  test("shuffle and split keep each sample with its target, once", () => {
    const data = labelled(100);
    const check = (part: Dataset) => rowsOf(part).forEach((row, i) => expect(part.targets[i]).toBe(row % 3));
    const shuffled = data.shuffle({ seed: 5 });
    check(shuffled);
    expect(rowsOf(shuffled)).not.toEqual(rowsOf(data));
    expect(rowsOf(shuffled).sort((a, b) => a - b)).toEqual(rowsOf(data));
    const [train, test_] = data.split(0.8, { seed: 1 });
    check(train);
    check(test_);
    expect([train.length, test_.length]).toEqual([80, 20]);
    expect([...rowsOf(train), ...rowsOf(test_)].sort((a, b) => a - b)).toEqual(rowsOf(data));
  });

  test("a fraction of the samples is rounded", () => {
    const sizes = (n: number, fraction: number) =>
      labelled(n)
        .split(fraction)
        .map((part) => part.length);
    expect(sizes(1797, 0.8)).toEqual([1438, 359]);
    expect(sizes(9, 0.15)).toEqual([1, 8]);
  });

  test("the seed alone determines a split", () => {
    const parts = (seed?: number) =>
      labelled(50)
        .split(0.5, seed === undefined ? {} : { seed })
        .map(rowsOf);
    expect(parts(1)).toEqual(parts(1));
    expect(parts(1)).not.toEqual(parts(2));
    expect(parts()).toEqual(parts(0));
  });

  test("a stratified split keeps the proportions", () => {
    const targets = Int32Array.from({ length: 1000 }, (_, i) => (i < 900 ? 0 : i < 990 ? 1 : 2));
    const data = new Dataset({ features: new Float32Array(1000), shape: [], targets });
    for (const seed of [0, 1, 2, 3]) {
      const [train, rest] = data.split(0.8, { seed, stratify: true });
      const counts = (part: Dataset) => [0, 1, 2].map((c) => part.targets.filter((t) => t === c).length);
      expect(counts(train)).toEqual([720, 72, 8]);
      expect(counts(rest)).toEqual([180, 18, 2]);
      // Not sorted by class: the first rows are a mixture.
      expect(new Set(train.targets.subarray(0, 100)).size).toBeGreaterThan(1);
    }
    const odd = labelled(10).split(0.5, { stratify: true });
    expect(odd.map((part) => part.length)).toEqual([5, 5]);
  });

  test("split at the ends, and what it refuses", () => {
    expect(
      labelled(5)
        .split(1)
        .map((part) => part.length),
    ).toEqual([5, 0]);
    expect(
      labelled(5)
        .split(0)
        .map((part) => part.length),
    ).toEqual([0, 5]);
    expect(
      labelled(0)
        .split(0.5, { stratify: true })
        .map((part) => part.length),
    ).toEqual([0, 0]);
    for (const bad of [-0.1, 1.1, Number.NaN])
      expect(() => labelled(5).split(bad)).toThrow(/for fraction but received/);
    expect(() => labelled(5).split(0.5, { sed: 1 } as object)).toThrow('did you mean "seed"');
    const numbers = new Dataset({ features: new Float32Array(4), shape: [], targets: new Float32Array(4) });
    expect(() => numbers.split(0.5, { stratify: true })).toThrow(/class labels for a stratified split/);
  });

  test.each<[string, object, RegExp]>([
    ["features of another kind", { features: [1, 2] }, /a Float32Array for features but received \[1, 2\]/],
    [
      "targets of another kind",
      { targets: new Float64Array(2) },
      /for targets but received Float64Array\(2\)/,
    ],
    [
      "too few features",
      { features: new Float32Array(3) },
      /2 samples of 2 numbers.* for features but received Float32Array\(3\)/,
    ],
    ["a negative dimension", { shape: [-2] }, /non-negative integer dimensions for shape/],
    [
      "labels below 0",
      { targets: Int32Array.of(0, -1) },
      /a class label >= 0 for targets, row 1 but received -1/,
    ],
    [
      "labels without a name",
      { targets: Int32Array.of(0, 2), classNames: ["a", "b"] },
      /in 0\.\.1 for targets, row 1 but received 2/,
    ],
    ["a label vector", { targets: new Int32Array(4), targetShape: [2] }, /one class label a sample/],
    [
      "half a target",
      { targets: new Float32Array(3), targetShape: [2] },
      /a multiple of 2 numbers for targets/,
    ],
    ["too few names", { featureNames: ["x"] }, /2 names, one a feature, for featureNames/],
    ["an unknown key", { labels: [] }, /for Dataset but received "labels"/],
  ])("refuses %s", (_, change, message) => {
    const parts = { features: new Float32Array(4), shape: [2], targets: new Int32Array(2) };
    expect(() => new Dataset({ ...parts, ...change } as never)).toThrow(message);
  });
});

describe("fromArrays", () => {
  test("nested arrays and labels", () => {
    const data = fromArrays(
      [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8],
        ],
      ],
      [1, 0],
    );
    expect(data).toMatchObject({ shape: [2, 2], length: 2, task: "classification" });
    expect(data.features).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(data.targets).toEqual(Int32Array.of(1, 0));
  });

  test("typed arrays are copied", () => {
    const x = Float64Array.of(1, 2, 3, 4);
    const y = Float32Array.of(0.5, 0.25);
    const data = fromArrays(x, y, { shape: [2] });
    x[0] = 9;
    y[0] = 9;
    expect(data.features).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(data.targets).toEqual(Float32Array.of(0.5, 0.25));
    expect(data.targetShape).toEqual([]);
    expect(fromArrays(x, Uint8Array.of(2, 1), { shape: [2] }).targets).toEqual(Int32Array.of(2, 1));
  });

  test("targets: numbers, vectors, names", () => {
    expect(fromArrays([[1], [2]], [1, 0], { task: "regression" }).targets).toEqual(Float32Array.of(1, 0));
    const vectors = fromArrays(
      [[1], [2]],
      [
        [0, 1],
        [1, 0],
      ],
    );
    expect(vectors).toMatchObject({ targetShape: [2], task: "regression" });
    const named = fromArrays([[1], [2], [3]], ["dog", "cat", "dog"]);
    expect(named.classNames).toEqual(["cat", "dog"]);
    expect(named.targets).toEqual(Int32Array.of(1, 0, 1));
    expect(fromArrays([[1], [2]], ["dog", "cat"], { classNames: ["dog", "cat"] }).targets).toEqual(
      Int32Array.of(0, 1),
    );
    const flat = fromArrays([[1], [2]], Float32Array.of(1, 2, 3, 4), { targetShape: [2] });
    expect(flat).toMatchObject({ length: 2, targetShape: [2] });
  });

  test.each<[string, unknown, unknown, object, RegExp, number | undefined]>([
    ["a ragged row", [[1, 2], [3]], [0, 1], {}, /an array of 2.* for x, row 1 but received \[3\]/, 1],
    [
      "a longer row",
      [
        [1, 2],
        [3, 4],
        [5, 6, 7],
      ],
      [0, 1, 0],
      {},
      /for x, row 2 but received \[5, 6, 7\]/,
      2,
    ],
    ["a row that is a number", [[1, 2], 3], [0, 1], {}, /for x, row 1 but received 3/, 1],
    [
      "deeper nesting in one row",
      [
        [1, 2],
        [3, [4]],
      ],
      [0, 1],
      {},
      /a number for x, row 1 but received \[4\]/,
      1,
    ],
    [
      "text among numbers",
      [
        [1, 2],
        [3, "4"],
      ],
      [0, 1],
      {},
      /a number for x, row 1 but received "4"/,
      1,
    ],
    [
      "a fractional label",
      [[1], [2]],
      [0, 0.5],
      {},
      /for y, row 1 but received 0\.5 \(task: "regression"/,
      1,
    ],
    ["a NaN label", [[1], [2]], [Number.NaN, 0], {}, /for y, row 0 but received NaN/, 0],
    ["a negative label", [[1], [2]], [0, -1], {}, /for y, row 1 but received -1/, 1],
    ["a negative typed label", [[1], [2]], Int32Array.of(0, -1), {}, /for y, row 1 but received -1/, 1],
    ["a label past 2^31", [[1], [2]], [0, 2 ** 31], {}, /for y, row 1/, 1],
    [
      "fractional labels by task",
      [[1]],
      Float32Array.of(1.5),
      { task: "classification" },
      /for y, row 0 but received 1\.5/,
      0,
    ],
    ["a name among labels", [[1], [2]], [0, "cat"], {}, /for y, row 1 but received "cat"/, 1],
    ["a label among names", [[1], [2]], ["cat", 0], {}, /a class name for y, row 1 but received 0/, 1],
    [
      "an unknown class name",
      [[1], [2]],
      ["cat", "cow"],
      { classNames: ["cat"] },
      /for y, row 1 but received "cow"/,
      1,
    ],
    ["more targets than samples", [[1], [2]], [0, 1, 2], {}, /3 samples of 1 numbers/, undefined],
  ])("refuses %s, naming the row", (_, x, y, options, message, row) => {
    const attempt = () => fromArrays(x as never, y as never, options);
    expect(attempt).toThrow(DataError);
    expect(attempt).toThrow(message);
    if (row !== undefined) expect(attempt).toThrow(expect.objectContaining({ row }));
  });

  test("arguments of the wrong kind", () => {
    expect(() => fromArrays(new Float32Array(4), [0, 1])).toThrow(
      /shape of one sample .* for x but received Float32Array\(4\)/,
    );
    expect(() => fromArrays("x" as never, [0])).toThrow(ArgumentError);
    expect(() => fromArrays([[1]], undefined as never)).toThrow(ArgumentError);
    expect(() => fromArrays([[1, 2]], [0], { shape: [3] })).toThrow(ShapeError);
    expect(() => fromArrays([[1]], [0], { task: "guess" as never })).toThrow(
      /"classification", "regression" for task/,
    );
  });
});

test("digits are the 1,797 of UCI", async () => {
  const data = await digits();
  expect(data).toMatchObject({ length: 1797, shape: [64], classCount: 10, task: "classification" });
  expect(data.features.every((pixel) => Number.isInteger(pixel) && pixel >= 0 && pixel <= 16)).toBe(true);
  const counts = Array.from({ length: 10 }, (_, d) => data.targets.filter((t) => t === d).length);
  expect(counts).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
  // The first image, a zero: its hole is empty and its ring is not.
  expect([...data.features.subarray(0, 16)]).toEqual([0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]);
  expect(data.targets[0]).toBe(0);
});
