/**
 * Measures of predictions as functions of arrays: the truth first, then what was predicted. Class
 * labels are integers from 0; scores are one number a class, row by row.
 */

import { checkInteger, checkOneOf, checkOptions, DataError, expected, ShapeError } from "../errors.js";

type Numbers = ArrayLike<number>;

/** Throws unless there is one prediction a target; gives their number. */
function checkLengths(truth: Numbers, predicted: Numbers, perRow = 1): number {
  if (predicted.length !== truth.length * perRow) {
    const what =
      perRow === 1
        ? `${truth.length} predictions, one a target,`
        : `${truth.length} rows of ${perRow} scores`;
    throw new ShapeError(expected(what, "predictions", `${predicted.length} numbers`));
  }
  return truth.length;
}

function checkLabels(labels: Numbers, classes: number, argument: string): void {
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new DataError(expected(`a class label in 0..${classes - 1}`, `${argument}, row ${row}`, label), {
        row,
      });
    }
  }
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const sum = (values: Numbers): number => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
};

/** The class with the largest of `classes` scores in each row; of equal ones the first; NaN wins, as in Tensor.argmax. */
export function argmaxRows(scores: Numbers, classes: number): Int32Array {
  checkInteger(classes, "classes", { min: 1 });
  if (scores.length % classes !== 0)
    throw new ShapeError(expected(`rows of ${classes} scores`, "scores", `${scores.length} numbers`));
  const best = new Int32Array(scores.length / classes);
  for (let row = 0; row < best.length; row++) {
    const start = row * classes;
    let at = 0;
    for (let c = 1; c < classes && !Number.isNaN(scores[start + at]!); c++) {
      const score = scores[start + c]!;
      if (score > scores[start + at]! || Number.isNaN(score)) at = c;
    }
    best[row] = at;
  }
  return best;
}

/** Share of predicted labels that are right. NaN of no rows. */
export function accuracy(labels: Numbers, predicted: Numbers): number {
  const n = checkLengths(labels, predicted);
  let right = 0;
  for (let i = 0; i < n; i++) if (labels[i] === predicted[i]) right++;
  return right / n;
}

/**
 * Share of rows whose label has fewer than `k` classes with a larger score. A row whose label has the
 * score NaN, or whose scores have one, is wrong.
 */
export function topKAccuracy(labels: Numbers, scores: Numbers, k: number): number {
  checkInteger(k, "k", { min: 1 });
  const n = labels.length;
  const classes = n === 0 ? 1 : scores.length / n;
  checkInteger(classes, "scores a row", { min: 1 });
  checkLabels(labels, classes, "labels");
  let right = 0;
  for (let row = 0; row < n; row++) {
    const own = scores[row * classes + labels[row]!]!;
    let ahead = 0;
    for (let c = 0; c < classes; c++) if (!(scores[row * classes + c]! <= own)) ahead++;
    if (ahead < k) right++;
  }
  return right / n;
}

/** Counts of rows by true class (first index) and predicted class (second). `classes`: by default the largest label + 1. */
export function confusionMatrix(labels: Numbers, predicted: Numbers, classes?: number): number[][] {
  const n = checkLengths(labels, predicted);
  const most = (values: Numbers): number =>
    Array.prototype.reduce.call(values, (m, v) => Math.max(m as number, (v as number) + 1), 0) as number;
  const size = classes ?? Math.max(most(labels), most(predicted));
  checkInteger(size, "classes", { min: 0 });
  checkLabels(labels, size, "labels");
  checkLabels(predicted, size, "predictions");
  const counts = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  for (let i = 0; i < n; i++) counts[labels[i]!]![predicted[i]!]!++;
  return counts;
}

/**
 * How the figures of the classes become one: "binary" takes the figure of class `positive`; "macro" the
 * plain mean over the classes that occur; "weighted" the mean weighted by how often each class is true;
 * "micro" counts all classes together (then all three measures equal the accuracy).
 */
export type Average = "binary" | "macro" | "weighted" | "micro";

export interface AverageOptions {
  /** Default: "binary" for two classes, "macro" for more. */
  readonly average?: Average;
  /** The class "binary" looks at. Default 1. */
  readonly positive?: number;
  readonly classes?: number;
}

interface Counts {
  /** Rows of this class predicted as it; rows predicted as it; rows of it. */
  readonly right: number;
  readonly predicted: number;
  readonly actual: number;
}

function averaged(
  labels: Numbers,
  predicted: Numbers,
  options: AverageOptions,
  figure: (counts: Counts) => number,
): number {
  checkOptions(options, ["average", "positive", "classes"], "metric");
  const matrix = confusionMatrix(labels, predicted, options.classes);
  const counts = matrix.map(
    (row, c): Counts => ({ right: row[c]!, actual: sum(row), predicted: sum(matrix.map((r) => r[c]!)) }),
  );
  const average = options.average ?? (matrix.length <= 2 ? "binary" : "macro");
  checkOneOf(average, ["binary", "macro", "weighted", "micro"], "average");
  if (average === "binary") {
    const positive = checkInteger(options.positive ?? 1, "positive", { min: 0 });
    return figure(counts[positive] ?? { right: 0, predicted: 0, actual: 0 });
  }
  if (average === "micro") {
    const total = (key: keyof Counts) => sum(counts.map((c) => c[key]));
    return figure({ right: total("right"), predicted: total("predicted"), actual: total("actual") });
  }
  const seen = counts.filter((c) => c.actual + c.predicted > 0);
  const weight = (c: Counts) => (average === "macro" ? 1 : c.actual);
  return ratio(sum(seen.map((c) => weight(c) * figure(c))), sum(seen.map(weight)));
}

/** TP/(TP + FP): how much of what was called a class is one. 0 where nothing was. */
export const precision = (labels: Numbers, predicted: Numbers, options: AverageOptions = {}): number =>
  averaged(labels, predicted, options, (c) => ratio(c.right, c.predicted));

/** TP/(TP + FN): how much of a class was found. 0 where there is none. */
export const recall = (labels: Numbers, predicted: Numbers, options: AverageOptions = {}): number =>
  averaged(labels, predicted, options, (c) => ratio(c.right, c.actual));

/** 2TP/(2TP + FP + FN), the harmonic mean of precision and recall; averages are of the classes' F1. */
export const f1 = (labels: Numbers, predicted: Numbers, options: AverageOptions = {}): number =>
  averaged(labels, predicted, options, (c) => ratio(2 * c.right, c.predicted + c.actual));

/**
 * Area under the ROC curve of two classes: the probability that a random row of class 1 has a larger
 * score than one of class 0, equal scores counting half. By ranks (Mann and Whitney):
 * (R₁ − n₁(n₁+1)/2)/(n₀n₁), R₁ the sum of the ranks of class 1. NaN when a class is absent or a score is NaN.
 */
export function auc(labels: Numbers, scores: Numbers): number {
  const n = checkLengths(labels, scores);
  checkLabels(labels, 2, "labels");
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let [positives, ranks] = [0, 0];
  for (let start = 0; start < n; ) {
    const score = scores[order[start]!]!;
    if (Number.isNaN(score)) return Number.NaN;
    let end = start + 1;
    while (end < n && scores[order[end]!] === score) end++;
    const rank = (start + 1 + end) / 2;
    for (; start < end; start++) {
      if (labels[order[start]!] === 1) {
        positives++;
        ranks += rank;
      }
    }
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (n - positives));
}

/** The mean over the classes that occur of the AUC of each class against the rest; scores (n, classes). */
export function aucOneVsRest(labels: Numbers, scores: Numbers, classes: number): number {
  const n = checkLengths(labels, scores, checkInteger(classes, "classes", { min: 1 }));
  checkLabels(labels, classes, "labels");
  const areas: number[] = [];
  for (let c = 0; c < classes; c++) {
    const own = Uint8Array.from({ length: n }, (_, i) => (labels[i] === c ? 1 : 0));
    if (!own.includes(1)) continue;
    areas.push(
      auc(
        own,
        Float64Array.from({ length: n }, (_, i) => scores[i * classes + c]!),
      ),
    );
  }
  return sum(areas) / areas.length;
}

/** (1/n)·Σ|t − y|. NaN of no numbers. */
export function mae(targets: Numbers, predictions: Numbers): number {
  const n = checkLengths(targets, predictions);
  let total = 0;
  for (let i = 0; i < n; i++) total += Math.abs(targets[i]! - predictions[i]!);
  return total / n;
}

/** √((1/n)·Σ(t − y)²). NaN of no numbers. */
export function rmse(targets: Numbers, predictions: Numbers): number {
  return Math.sqrt(squaredError(targets, predictions) / targets.length);
}

function squaredError(targets: Numbers, predictions: Numbers): number {
  const n = checkLengths(targets, predictions);
  let total = 0;
  for (let i = 0; i < n; i++) total += (targets[i]! - predictions[i]!) ** 2;
  return total;
}

/**
 * 1 − Σ(t − y)²/Σ(t − t̄)²: 1 is perfect, 0 as good as always saying the mean. Targets that are all equal:
 * 1 when all are met, else 0, as scikit-learn.
 */
export function r2(targets: Numbers, predictions: Numbers): number {
  const residual = squaredError(targets, predictions);
  const mean = sum(targets) / targets.length;
  let total = 0;
  for (let i = 0; i < targets.length; i++) total += (targets[i]! - mean) ** 2;
  if (total === 0 && targets.length > 0) return residual === 0 ? 1 : residual > 0 ? 0 : Number.NaN;
  return 1 - residual / total;
}
