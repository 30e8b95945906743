import { describe, expect, test } from "vitest";
import { DataError, ShapeError } from "../../src/errors.js";
import * as metrics from "../../src/train/metrics.js";

describe("the examples of scikit-learn's documentation", () => {
  test("confusion matrix", () => {
    expect(metrics.confusionMatrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2])).toEqual([
      [2, 0, 0],
      [0, 0, 1],
      [1, 0, 2],
    ]);
  });

  test("precision, recall and F1 of three classes", () => {
    const [labels, predicted] = [
      [0, 1, 2, 0, 1, 2],
      [0, 2, 1, 0, 0, 1],
    ];
    expect(metrics.precision(labels, predicted)).toBeCloseTo(2 / 9, 12);
    expect(metrics.recall(labels, predicted)).toBeCloseTo(1 / 3, 12);
    expect(metrics.f1(labels, predicted)).toBeCloseTo(4 / 15, 12);
    expect(metrics.f1(labels, predicted, { average: "weighted" })).toBeCloseTo(4 / 15, 12);
    expect(metrics.f1(labels, predicted, { average: "micro" })).toBeCloseTo(1 / 3, 12);
  });

  test("area under the ROC curve", () => {
    expect(metrics.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])).toBe(0.75);
  });

  test("top-k accuracy", () => {
    const scores = [0.5, 0.2, 0.2, 0.3, 0.4, 0.2, 0.2, 0.4, 0.3, 0.7, 0.2, 0.1];
    expect(metrics.topKAccuracy([0, 1, 2, 2], scores, 2)).toBe(0.75);
  });

  test("R², mean absolute and root mean square error", () => {
    const [targets, predictions] = [
      [3, -0.5, 2, 7],
      [2.5, 0, 2, 8],
    ];
    expect(metrics.r2(targets, predictions)).toBeCloseTo(0.9486081370449679, 12);
    expect(metrics.mae(targets, predictions)).toBe(0.5);
    expect(metrics.rmse(targets, predictions)).toBeCloseTo(Math.sqrt(0.375), 12);
  });
});

describe("by hand", () => {
  test("two classes: of class 1, or of the one asked for", () => {
    // Class 1: 2 found, 1 called so wrongly, 2 missed.
    const [labels, predicted] = [
      [1, 1, 1, 1, 0, 0, 0],
      [1, 1, 0, 0, 1, 0, 0],
    ];
    expect(metrics.accuracy(labels, predicted)).toBeCloseTo(4 / 7, 12);
    expect(metrics.precision(labels, predicted)).toBeCloseTo(2 / 3, 12);
    expect(metrics.recall(labels, predicted)).toBe(0.5);
    expect(metrics.f1(labels, predicted)).toBeCloseTo(4 / 7, 12);
    expect(metrics.recall(labels, predicted, { positive: 0 })).toBeCloseTo(2 / 3, 12);
    expect(metrics.f1(labels, predicted, { average: "macro" })).toBeCloseTo((4 / 7 + 4 / 7) / 2, 12);
  });

  test("nothing predicted or nothing there counts 0", () => {
    expect(metrics.precision([1, 1], [0, 0])).toBe(0);
    expect(metrics.recall([0, 0], [1, 1])).toBe(0);
    expect(metrics.f1([0, 0], [0, 0])).toBe(0);
  });

  test("weighted means weigh by how often a class is true", () => {
    // Class 0: recall 1 of 3 rows; class 1: recall 0 of 1.
    expect(metrics.recall([0, 0, 0, 1], [0, 0, 0, 0], { average: "weighted" })).toBe(0.75);
    expect(metrics.recall([0, 0, 0, 1], [0, 0, 0, 0], { average: "macro" })).toBe(0.5);
  });

  test("equal scores count half in the AUC; the order of rows does not matter", () => {
    expect(metrics.auc([0, 1], [0.5, 0.5])).toBe(0.5);
    // Pairs of a 1 and a 0: 3>1, 3>2, 2>1, 2=2.
    expect(metrics.auc([1, 0, 1, 0], [3, 1, 2, 2])).toBe(3.5 / 4);
    expect(metrics.auc([1, 1], [1, 2])).toBeNaN();
    expect(metrics.auc([0, 1], [Number.NaN, 1])).toBeNaN();
  });

  test("AUC agrees with counting all pairs", () => {
    const labels = Array.from({ length: 60 }, (_, i) => ((i * 7) % 5 < 2 ? 1 : 0));
    const scores = labels.map((label, i) => ((i * 37) % 11) + 3 * label);
    let [pairs, wins] = [0, 0];
    labels.forEach((p, i) => {
      labels.forEach((q, j) => {
        if (p !== 1 || q !== 0) return;
        pairs++;
        wins += scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0;
      });
    });
    expect(metrics.auc(labels, scores)).toBeCloseTo(wins / pairs, 12);
  });

  test("one class against the rest leaves out classes that do not occur", () => {
    const scores = [0.8, 0.1, 0.1, 0.2, 0.7, 0.1, 0.6, 0.3, 0.1];
    const own = (c: number) => scores.filter((_, i) => i % 3 === c);
    const expected = (metrics.auc([1, 0, 1], own(0)) + metrics.auc([0, 1, 0], own(1))) / 2;
    expect(metrics.aucOneVsRest([0, 1, 0], scores, 3)).toBe(expected);
  });

  test("the largest score wins, the first of equal ones, and NaN", () => {
    expect(metrics.argmaxRows([1, 3, 3, 5, 2, 1, 0, Number.NaN, 9], 3)).toEqual(Int32Array.from([1, 0, 1]));
  });

  test("a score of NaN is never among the best", () => {
    expect(metrics.topKAccuracy([0], [Number.NaN, 1], 1)).toBe(0);
    expect(metrics.topKAccuracy([1], [Number.NaN, 1], 1)).toBe(0);
  });

  test("R² of targets that are all equal", () => {
    expect(metrics.r2([2, 2], [2, 2])).toBe(1);
    expect(metrics.r2([2, 2], [2, 3])).toBe(0);
    expect(metrics.r2([1, 3], [2, 2])).toBe(0);
  });
});

test("input that does not fit is refused, naming the row", () => {
  expect(() => metrics.accuracy([1, 2], [1])).toThrow(ShapeError);
  expect(() => metrics.topKAccuracy([0, 3], [1, 2, 1, 2], 1)).toThrow(/row 1/);
  expect(() => metrics.confusionMatrix([0, 2], [0, 1], 2)).toThrow(DataError);
  expect(() => metrics.auc([0, 2], [0, 1])).toThrow(/labels, row 1/);
  expect(() => metrics.f1([0], [0], { average: "mean" as never })).toThrow(/average/);
});
