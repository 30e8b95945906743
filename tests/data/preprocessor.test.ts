import { describe, expect, test } from "vitest";
import {
  Dataset,
  fromArrays,
  impute,
  minMaxScale,
  oneHot,
  Preprocessor,
  parseCsv,
  type Step,
  standardize,
  type Table,
} from "../../src/data/index.js";
import { ArgumentError, DataError, FormatError, StateError } from "../../src/errors.js";

const numbers = (table: Table | Dataset, steps: Step[]) =>
  new Preprocessor(steps).fit(table).transformFeatures(table);

describe("standardize", () => {
  test("mean 0 and variance 1 over the training rows, by their statistics on any rows", () => {
    const train = fromArrays(
      [
        [1, 10],
        [2, 10],
        [3, 10],
        [6, 10],
      ],
      [0, 1, 0, 1],
    );
    const preprocessor = new Preprocessor([standardize()]);
    // μ = 3, σ² = (4 + 1 + 0 + 9)/4 = 3.5; the second feature is constant.
    const sigma = Math.sqrt(3.5);
    const expected = [-2, -1, 0, 3].flatMap((d) => [d / sigma, 0]);
    expect(preprocessor.fitTransform(train).features).toEqual(Float32Array.from(expected));
    const test_ = preprocessor.transform(fromArrays([[10, 12]], [1]));
    expect(test_.features).toEqual(Float32Array.of(7 / sigma, 2));
    expect(test_.targets).toEqual(Int32Array.of(1));
  });

  test("missing values are left out of the statistics and stay missing", () => {
    const table = parseCsv("a\n1\nNA\n3\n");
    const fitted = standardize().fit(table.columns);
    expect(fitted.apply(table.columns)[0]!.values).toEqual(Float64Array.of(-1, Number.NaN, 1));
  });

  test("a constant that does not add up exactly becomes 0 exactly", () => {
    const table = parseCsv(`a\n${"0.1\n".repeat(10)}`);
    expect(numbers(table, [standardize()]).features).toEqual(new Float32Array(10));
  });

  test("large offsets lose no precision", () => {
    const table = parseCsv("a\n100000001\n100000003\n");
    expect(numbers(table, [standardize()]).features).toEqual(Float32Array.of(-1, 1));
  });
});

test("minMaxScale maps the training range to [low, high], a constant to low", () => {
  const train = fromArrays(
    [
      [2, 5],
      [4, 5],
      [10, 5],
    ],
    [0, 0, 0],
  );
  expect(numbers(train, [minMaxScale()]).features).toEqual(Float32Array.of(0, 0, 0.25, 0, 1, 0));
  const preprocessor = new Preprocessor([minMaxScale({ low: -1, high: 1 })]).fit(train);
  expect(preprocessor.transformFeatures(train).features).toEqual(Float32Array.of(-1, -1, -0.5, -1, 1, -1));
  expect(preprocessor.transformFeatures(fromArrays([[12, 5]], [0])).features[0]).toBe(1.5);
  expect(() => minMaxScale({ low: 1, high: 1 })).toThrow(/> 1 for high but received 1/);
});

describe("impute", () => {
  const table = parseCsv("n,c\n1,x\n,y\n2,\n2,y\n7,x\n8,z\n");
  const filled = (options: Parameters<typeof impute>[0]) => {
    const [n, c] = impute(options).fit(table.columns).apply(table.columns);
    return [n!.values[1], c!.values[2]];
  };
  test("mean, median, mode and constants", () => {
    // Numbers 1 2 2 7 8; categories x x y y z: of the two most frequent the first by name.
    expect(filled({})).toEqual([4, "x"]);
    expect(filled({ numeric: "median" })).toEqual([2, "x"]);
    expect(filled({ numeric: "mode" })).toEqual([2, "x"]);
    expect(filled({ numeric: -1, categorical: "none" })).toEqual([-1, "none"]);
  });

  test("the median of an even number is the mean of the two in the middle", () => {
    const even = parseCsv('n\n10\n1\n""\n2\n3\n');
    expect(impute({ numeric: "median" }).fit(even.columns).apply(even.columns)[0]!.values[2]).toBe(2.5);
  });

  test("what is filled in comes from the training rows", () => {
    const preprocessor = new Preprocessor([impute()]).fit(parseCsv("n\n1\n3\n"));
    expect(preprocessor.transformFeatures(parseCsv("n\n100\nNA\n")).features).toEqual(
      Float32Array.of(100, 2),
    );
  });

  test("a column without values, and bad options", () => {
    expect(() => impute().fit(parseCsv("n,m\n,1\n,2\n", { header: true }).columns)).toThrow(
      /training rows for column n but received none/,
    );
    expect(() => impute({ numeric: "average" as never })).toThrow(/for numeric but received "average"/);
    expect(() => impute({ numeric: "toString" as never })).toThrow(ArgumentError);
    expect(() => impute({ numeric: Number.NaN })).toThrow(ArgumentError);
    expect(() => impute({ categorical: 3 as never })).toThrow(ArgumentError);
  });
});

describe("oneHot", () => {
  test("one column a category, in order of names; missing and unknown ones are all zero", () => {
    const preprocessor = new Preprocessor([oneHot()]).fit(parseCsv("c,n\nred,1\nblue,2\nred,3\n"));
    const test_ = preprocessor.transformFeatures(parseCsv("c,n\nblue,1\nred,2\n?,3\ngreen,4\n"));
    expect(test_.featureNames).toEqual(["c=blue", "c=red", "n"]);
    expect(test_.shape).toEqual([3]);
    expect(test_.features).toEqual(Float32Array.of(1, 0, 1, 0, 1, 2, 0, 0, 3, 0, 0, 4));
  });

  test("only the most frequent categories are kept", () => {
    const table = parseCsv("c\nb\na\nb\nc\nc\n", { header: true });
    expect(numbers(table, [oneHot({ maxCategories: 2 })]).featureNames).toEqual(["c=b", "c=c"]);
    expect(() => oneHot({ maxCategories: 0 })).toThrow(/for maxCategories but received 0/);
  });
});

describe("Preprocessor", () => {
  const text = "age,city,income,label\n20,A,1,no\n30,B,,yes\n?,A,3,no\n40,,5,yes\n";
  const table = parseCsv(text, { target: "label" });

  test("by default imputes, standardises and encodes", () => {
    const data = new Preprocessor().fitTransform(table);
    expect(data).toMatchObject({ length: 4, shape: [4], classNames: ["no", "yes"] });
    expect(data.featureNames).toEqual(["age", "city=A", "city=B", "income"]);
    expect(data.targets).toEqual(Int32Array.of(0, 1, 0, 1));
    // Age 20 30 30 40 after imputation: σ² = 50.
    const age = [...data.features].filter((_, i) => i % 4 === 0);
    expect(age).toEqual([...Float32Array.of(-10 / Math.sqrt(50), 0, 0, 10 / Math.sqrt(50))]);
    expect([...data.features].filter((_, i) => i % 4 === 1)).toEqual([1, 0, 1, 1]);
  });

  test("columns are matched by name, whatever their order; others are not looked at", () => {
    const preprocessor = new Preprocessor().fit(table);
    const turned = parseCsv("extra,label,income,city,age\n0,yes,5,A,40\n", { target: "label" });
    expect(preprocessor.transform(turned).features).toEqual(
      preprocessor.transform(table.subset([3])).features,
    );
    expect(() => preprocessor.transform(parseCsv("age,label\n1,no\n", { target: "label" }))).toThrow(
      /a column "city", which was there in training,/,
    );
  });

  test("a column of another kind than in training", () => {
    const preprocessor = new Preprocessor([oneHot()]).fit(parseCsv("a,b\n1,1\n2,x\n"));
    expect(preprocessor.transformFeatures(parseCsv("a,b\n5,1\n")).features).toEqual(Float32Array.of(5, 1, 0));
    expect(() => preprocessor.transformFeatures(parseCsv("a,b\n5,1\nfive,1\n"))).toThrow(
      /a number, as in training, for column a, line 3 but received "five"/,
    );
  });

  test("a value that is missing, or too large for float32, or a category at the end", () => {
    const attempt = () => new Preprocessor([oneHot()]).fitTransform(table);
    expect(attempt).toThrow(
      /\(impute fills missing ones\) for column income, line 3 but received a missing value/,
    );
    expect(attempt).toThrow(DataError);
    const big = parseCsv("a,y\n1,0.5\n1e39,1\n", { target: "y" });
    expect(() => new Preprocessor([]).fitTransform(big)).toThrow(
      /a finite float32 for column a, line 3 but received 1e\+39/,
    );
    expect(() => new Preprocessor([impute()]).fitTransform(table)).toThrow(
      /oneHot makes them of categories\) for column city/,
    );
    const nan = fromArrays([[1], [Number.NaN]], [0, 1]);
    expect(() => new Preprocessor([standardize()]).fitTransform(nan)).toThrow(
      /column f0, row 1 but received NaN/,
    );
  });

  test("classes: as in training, also where the labels are numbers with gaps", () => {
    const preprocessor = new Preprocessor().fit(
      parseCsv("a,y\n1,7\n2,3\n3,10\n", { target: "y", task: "classification" }),
    );
    expect(preprocessor.classNames).toEqual(["3", "7", "10"]);
    const later = (y: number) => parseCsv(`a,y\n1,${y}\n`, { target: "y", task: "classification" });
    expect(preprocessor.transform(later(10)).targets).toEqual(Int32Array.of(2));
    expect(() => preprocessor.transform(later(4))).toThrow(
      /a class that was there in training for column y, line 2 but received 4/,
    );
    expect(() => preprocessor.transform(parseCsv("a\n1\n"))).toThrow(StateError);
  });

  test("the scale of regression targets, there and back", () => {
    const wine = parseCsv("a,y\n1,10.5\n2,20.5\n", { target: "y" });
    expect(new Preprocessor().fitTransform(wine)).toMatchObject({
      targets: Float32Array.of(10.5, 20.5),
      targetShape: [1],
    });
    const preprocessor = new Preprocessor(undefined, { scaleTarget: true }).fit(wine);
    expect(preprocessor.transform(wine).targets).toEqual(Float32Array.of(-1, 1));
    expect(preprocessor.unscaleTargets(Float32Array.of(-1, 0, 1))).toEqual(Float32Array.of(10.5, 15.5, 20.5));
    const pairs = fromArrays(
      [[1], [2]],
      [
        [0, 10],
        [2, 30],
      ],
    );
    const both = new Preprocessor([], { scaleTarget: true }).fit(pairs);
    expect(both.transform(pairs).targets).toEqual(Float32Array.of(-1, -1, 1, 1));
    expect(both.unscaleTargets(Float32Array.of(1, 1))).toEqual(Float32Array.of(2, 30));
  });

  test("the shape of image samples stays", () => {
    const images = new Dataset({ features: new Float32Array(8), shape: [2, 2], targets: new Int32Array(2) });
    expect(new Preprocessor([standardize()]).fitTransform(images).shape).toEqual([2, 2]);
  });

  test("nothing of the source is written", () => {
    const before = JSON.stringify(table.columns.map((column) => [...(column.values as Iterable<unknown>)]));
    new Preprocessor().fitTransform(table);
    expect(JSON.stringify(table.columns.map((column) => [...(column.values as Iterable<unknown>)]))).toBe(
      before,
    );
  });

  test("use before fit, and arguments of the wrong kind", () => {
    expect(() => new Preprocessor().transform(table)).toThrow(StateError);
    expect(() => JSON.stringify(new Preprocessor())).toThrow(StateError);
    expect(() => new Preprocessor().fit([[1]] as never)).toThrow(
      /a Table or a Dataset for rows but received/,
    );
    expect(() => new Preprocessor().fit(table.subset([]))).toThrow(/at least one row for fit/);
    expect(() => new Preprocessor(["standardize" as never])).toThrow(
      /a step for steps but received "standardize"/,
    );
    expect(() => new Preprocessor([], { scale: true } as object)).toThrow(ArgumentError);
  });

  test("fitting again forgets the first fit", () => {
    const preprocessor = new Preprocessor([standardize()])
      .fit(parseCsv("a\n1\n3\n"))
      .fit(parseCsv("a\n11\n13\n"));
    expect(preprocessor.transformFeatures(parseCsv("a\n12\n")).features[0]).toBe(0);
  });
});

describe("toJSON and fromJSON", () => {
  const table = parseCsv("age,city,y\n20,A,0.5\n30,B,1.5\n?,__proto__,2.5\n40,,9.5\n", { target: "y" });
  const steps = [impute({ numeric: "median" }), minMaxScale({ low: -1 }), standardize(), oneHot()];

  test("a preprocessor that was saved does the same, bit for bit", () => {
    const original = new Preprocessor(steps, { scaleTarget: true }).fit(table);
    const text = JSON.stringify(original);
    for (const copy of [Preprocessor.fromJSON(text), Preprocessor.fromJSON(JSON.parse(text))]) {
      expect(copy.transform(table)).toEqual(original.transform(table));
      expect(copy.unscaleTargets(Float32Array.of(0.3))).toEqual(
        original.unscaleTargets(Float32Array.of(0.3)),
      );
      expect(JSON.stringify(copy)).toBe(text);
    }
    const classes = parseCsv("a,y\n1,p\n2,q\n", { target: "y" });
    const saved = Preprocessor.fromJSON(JSON.stringify(new Preprocessor().fit(classes)));
    expect(saved.classNames).toEqual(["p", "q"]);
    expect(
      Preprocessor.fromJSON(JSON.stringify(new Preprocessor().fit(parseCsv("a\n1\n")))).classNames,
    ).toBeUndefined();
  });

  const json = JSON.parse(JSON.stringify(new Preprocessor(steps, { scaleTarget: true }).fit(table)));
  test.each<[string, unknown, RegExp]>([
    ["text that is no JSON", "{", /JSON for preprocessor/],
    ["null", null, /an object for preprocessor but received null/],
    ["another version", { ...json, version: 2 }, /1 for preprocessor\.version but received 2/],
    ["no inputs", { ...json, inputs: undefined }, /a list for preprocessor\.inputs but received undefined/],
    [
      "a kind of column",
      { ...json, inputs: [{ name: "a", kind: "date" }] },
      /for preprocessor\.inputs\[0\]\.kind but received "date"/,
    ],
    [
      "a kind of step",
      { ...json, steps: [{ kind: "constructor" }] },
      /preprocessor\.steps\[0\]\.kind but received "constructor"/,
    ],
    [
      "a scale of 0",
      { ...json, steps: [{ kind: "affine", columns: [{ name: "a", offset: 0, scale: 0 }] }] },
      /other than 0 for preprocessor\.steps\[0\]\.columns\[0\]\.scale/,
    ],
    [
      "a fill of null",
      { ...json, steps: [{ kind: "impute", columns: [{ name: "a", value: null }] }] },
      /a finite number for .*value but received null/,
    ],
    [
      "a category that is a number",
      { ...json, steps: [{ kind: "oneHot", columns: [{ name: "a", categories: [1] }] }] },
      /a string for .*categories\[0\] but received 1/,
    ],
    [
      "a class that is a number",
      { ...json, target: { classes: [1] } },
      /a string for preprocessor\.target\.classes\[0\]/,
    ],
    ["a target that is text", { ...json, target: "y" }, /an object for preprocessor\.target/],
  ])("refuses %s", (_, bad, message) => {
    expect(() => Preprocessor.fromJSON(bad)).toThrow(FormatError);
    expect(() => Preprocessor.fromJSON(bad)).toThrow(message);
  });
});
