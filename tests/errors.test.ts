import { expect, describe as group, test } from "vitest";
import {
  ArgumentError,
  BusyError,
  checkBoolean,
  checkFunction,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkString,
  DataError,
  DTypeError,
  describe,
  expected,
  FormatError,
  NablaError,
  NotFiniteError,
  nearest,
  OutOfRangeError,
  ShapeError,
  StateError,
} from "../src/errors.js";

group("classes", () => {
  test.each([
    [new ArgumentError("m"), "ArgumentError", "ERR_NABLA_ARGUMENT"],
    [new ShapeError("m"), "ShapeError", "ERR_NABLA_SHAPE"],
    [new DTypeError("m"), "DTypeError", "ERR_NABLA_DTYPE"],
    [new OutOfRangeError("m"), "OutOfRangeError", "ERR_NABLA_RANGE"],
    [new DataError("m"), "DataError", "ERR_NABLA_DATA"],
    [new FormatError("m"), "FormatError", "ERR_NABLA_FORMAT"],
    [new NotFiniteError("m", 3, Number.NaN), "NotFiniteError", "ERR_NABLA_NOT_FINITE"],
    [new BusyError("m"), "BusyError", "ERR_NABLA_BUSY"],
    [new StateError("m"), "StateError", "ERR_NABLA_STATE"],
    [new NablaError("m", "ERR_NABLA_OTHER"), "NablaError", "ERR_NABLA_OTHER"],
  ])("%s", (error, name, code) => {
    expect(error).toBeInstanceOf(NablaError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
    expect(error.code).toBe(code);
    expect(error.stack).toMatch(new RegExp(`^${name}: m\n`));
    expect(Object.keys(error)).not.toContain("name");
  });

  test("carry what they are about", () => {
    expect(new DataError("m", { line: 7 }).line).toBe(7);
    expect("row" in new DataError("m", { line: 7 })).toBe(false);
    expect(new DataError("m", { row: 2 }).row).toBe(2);
    expect(new NotFiniteError("m", 12, Number.POSITIVE_INFINITY)).toMatchObject({
      step: 12,
      loss: Number.POSITIVE_INFINITY,
    });
    const cause = new Error("inner");
    expect(new FormatError("m", { cause }).cause).toBe(cause);
  });

  test("the trace begins where the error is made, not in the constructor", () => {
    function maker() {
      return new ShapeError("m");
    }
    expect(maker().stack!.split("\n")[1]).toContain("maker");
  });
});

test("describe is short and says the type", () => {
  class Thing {}
  const cases: [unknown, string][] = [
    ["abc", '"abc"'],
    ["x".repeat(60), `"${"x".repeat(40)}…"`],
    [Number.NaN, "NaN"],
    [-0, "-0"],
    [1.5, "1.5"],
    [10n, "10n"],
    [undefined, "undefined"],
    [null, "null"],
    [true, "true"],
    [new Float32Array(3), "Float32Array(3)"],
    [new ArrayBuffer(8), "ArrayBuffer(8)"],
    [[1, "a", null], '[1, "a", null]'],
    [[[1, 2], [3]], "[Array(2), Array(1)]"],
    [[1, 2, 3, 4, 5, 6, 7], "Array(7)"],
    [{ a: 1, b: 2 }, "{a, b}"],
    [Object.create(null), "{}"],
    [new Map([[1, 2]]), "Map(1)"],
    [new Thing(), "a Thing"],
    [new TypeError("bad"), "TypeError: bad"],
    [function named() {}, "function named"],
    [Symbol("s"), "Symbol(s)"],
  ];
  for (const [value, text] of cases) expect(describe(value)).toBe(text);
});

test("expected has one form; a string that came stands for itself", () => {
  expect(expected("a number", "rate", null)).toBe("Expected a number for rate but received null");
  expect(expected("shapes that fit", "add", "[2] and [3]")).toBe(
    "Expected shapes that fit for add but received [2] and [3]",
  );
});

group("checks", () => {
  test("checkInteger", () => {
    expect(checkInteger(3, "n", { min: 3, max: 3 })).toBe(3);
    for (const bad of [1.5, Number.NaN, "3", 2 ** 53, undefined, 3n]) {
      expect(() => checkInteger(bad, "n")).toThrow(ArgumentError);
    }
    expect(() => checkInteger(2, "n", { min: 3 })).toThrow(OutOfRangeError);
    expect(() => checkInteger(4, "n", { min: 0, max: 3 })).toThrow(
      "Expected an integer >= 0 and <= 3 for n but received 4",
    );
    expect(() => checkInteger("3", "n")).toThrow('Expected an integer for n but received "3"');
  });

  test("checkNumber", () => {
    expect(checkNumber(0.5, "p", { min: 0, maxExclusive: 1 })).toBe(0.5);
    expect(checkNumber(0, "p", { min: 0 })).toBe(0);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, "1", null]) {
      expect(() => checkNumber(bad, "p")).toThrow(ArgumentError);
    }
    expect(() => checkNumber(1, "p", { maxExclusive: 1 })).toThrow(
      "Expected a finite number < 1 for p but received 1",
    );
    expect(() => checkNumber(0, "p", { minExclusive: 0 })).toThrow(OutOfRangeError);
    expect(() => checkNumber(1.1, "p", { max: 1 })).toThrow(OutOfRangeError);
    expect(() => checkNumber(-0.1, "p", { min: 0 })).toThrow(OutOfRangeError);
  });

  test("checkOneOf, checkBoolean, checkString, checkFunction", () => {
    expect(checkOneOf("a", ["a", "b"], "mode")).toBe("a");
    expect(() => checkOneOf("c", ["a", "b"], "mode")).toThrow(
      'Expected one of "a", "b" for mode but received "c"',
    );
    expect(checkBoolean(false, "flag")).toBe(false);
    expect(() => checkBoolean(0, "flag")).toThrow("Expected true or false for flag but received 0");
    expect(checkString("", "name")).toBe("");
    expect(() => checkString(1, "name")).toThrow(ArgumentError);
    const f = () => 1;
    expect(checkFunction(f, "callback")).toBe(f);
    expect(() => checkFunction("f" as never, "callback")).toThrow('for callback but received "f"');
  });

  test("checkOptions names the nearest known key", () => {
    const allowed = ["learningRate", "momentum"];
    expect(checkOptions({ momentum: 0.9 }, allowed, "Sgd")).toEqual({ momentum: 0.9 });
    expect(() => checkOptions({ learningrate: 1 } as object, allowed, "Sgd")).toThrow(
      'did you mean "learningRate"?',
    );
    expect(() => checkOptions({ zzzzzzzzz: 1 } as object, allowed, "Sgd")).toThrow(
      /^Expected options among learningRate, momentum for Sgd but received "zzzzzzzzz"$/,
    );
    for (const bad of [null, [], 3, "x"])
      expect(() => checkOptions(bad as never, allowed, "Sgd")).toThrow(ArgumentError);
    // A key that every object inherits is not known for that.
    expect(() => checkOptions({ toString: 1 } as object, allowed, "Sgd")).toThrow(ArgumentError);
  });

  test("nearest", () => {
    expect(nearest("epocs", ["epochs", "batchSize"])).toBe("epochs");
    expect(nearest("epoch", ["epochs", "epics"])).toBe("epochs");
    expect(nearest("q", ["epochs", "batchSize"])).toBeUndefined();
  });
});
