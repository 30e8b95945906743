/** Metrics that a Trainer knows by name. */

import {
  ArgumentError,
  checkInteger,
  checkOneOf,
  checkString,
  describe,
  expected,
  nearest,
} from "../errors.js";
import type { Tensor } from "../tensor.js";
import * as metrics from "./metrics.js";
import type { Predictions } from "./predictions.js";

export interface Metric {
  readonly name: string;
  readonly better: "min" | "max";
  /** Of all samples at once. */
  compute(predictions: Predictions): number;
  /** The same as a mean over the samples of one step, computed in the step itself, where that is possible. */
  readonly inStep?: (prediction: Tensor, target: Tensor, threshold: number) => Tensor;
  /** What the mean over all samples becomes. */
  readonly finish?: (mean: number) => number;
}

/** A metric of one's own. */
export interface CustomMetric {
  readonly name: string;
  /** Default "max". */
  readonly better?: "min" | "max";
  compute(predictions: Predictions): number;
}

/**
 * - "accuracy"; "top2", "top3", …: the label is among the k largest scores
 * - "precision", "recall", "f1": of class 1 of two, else the mean over the classes
 * - "auc": of two classes; else the mean of each class against the rest
 * - "mae", "rmse", "r2"
 */
export type MetricName =
  | "accuracy"
  | "precision"
  | "recall"
  | "f1"
  | "auc"
  | "mae"
  | "rmse"
  | "r2"
  | `top${number}`;

/** Whether each row's class is right, as numbers 0 and 1. Classes lie along axis 1. */
function hits(prediction: Tensor, target: Tensor, threshold: number): Tensor {
  const { dtype } = prediction;
  if (prediction.size > target.size) return prediction.argmax(1).equal(target).cast(dtype);
  if (prediction.rank > 1 && prediction.shape[1]! > 1)
    return prediction.argmax(1).equal(target.argmax(1)).cast(dtype);
  const actual = target.greater(0.5).cast(dtype);
  return prediction.greater(threshold).cast(dtype).equal(actual).cast(dtype);
}

const difference = (prediction: Tensor, target: Tensor): Tensor =>
  prediction.sub(target.reshape(prediction.shape));

const named: Readonly<Record<string, Metric>> = {
  accuracy: {
    name: "accuracy",
    better: "max",
    compute: (p) => metrics.accuracy(p.labels, p.predicted),
    inStep: (prediction, target, threshold) => hits(prediction, target, threshold).mean(),
  },
  precision: {
    name: "precision",
    better: "max",
    compute: (p) => metrics.precision(p.labels, p.predicted, { classes: p.classes }),
  },
  recall: {
    name: "recall",
    better: "max",
    compute: (p) => metrics.recall(p.labels, p.predicted, { classes: p.classes }),
  },
  f1: {
    name: "f1",
    better: "max",
    compute: (p) => metrics.f1(p.labels, p.predicted, { classes: p.classes }),
  },
  auc: {
    name: "auc",
    better: "max",
    compute: (p) =>
      p.classes === 2
        ? metrics.auc(p.labels, p.positiveScores)
        : metrics.aucOneVsRest(p.labels, p.probabilities, p.classes),
  },
  mae: {
    name: "mae",
    better: "min",
    compute: (p) => metrics.mae(p.truth, p.scores),
    inStep: (prediction, target) => difference(prediction, target).abs().mean(),
  },
  rmse: {
    name: "rmse",
    better: "min",
    compute: (p) => metrics.rmse(p.truth, p.scores),
    inStep: (prediction, target) => difference(prediction, target).square().mean(),
    finish: Math.sqrt,
  },
  r2: { name: "r2", better: "max", compute: (p) => metrics.r2(p.truth, p.scores) },
};

function topK(name: string): Metric {
  const k = checkInteger(Number(name.slice(3)), `k of ${name}`, { min: 1 });
  return {
    name,
    better: "max",
    compute: (p) => metrics.topKAccuracy(p.labels, p.width === 1 ? twoScores(p) : p.scores, k),
  };
}

/** A single score as those of classes 0 and 1. */
const twoScores = (p: Predictions): Float64Array =>
  Float64Array.from({ length: 2 * p.scores.length }, (_, i) =>
    i % 2 === 0 ? p.threshold : p.scores[i >> 1]!,
  );

export function metricOf(metric: MetricName | CustomMetric): Metric {
  if (typeof metric === "object" && metric !== null) {
    if (typeof metric.compute !== "function")
      throw new ArgumentError(expected("a function", "metric.compute", metric.compute));
    const better = checkOneOf(metric.better ?? "max", ["min", "max"], "metric.better");
    return { name: checkString(metric.name, "metric.name"), better, compute: (p) => metric.compute(p) };
  }
  if (typeof metric === "string" && Object.hasOwn(named, metric)) return named[metric]!;
  if (typeof metric === "string" && /^top\d+$/.test(metric)) return topK(metric);
  const names = [...Object.keys(named), "top<k>"];
  const near = typeof metric === "string" ? nearest(metric, names) : undefined;
  const hint = near === undefined ? "" : ` (did you mean ${describe(near)}?)`;
  throw new ArgumentError(expected(`one of ${names.join(", ")}`, "metrics", describe(metric)) + hint);
}

/** Whether smaller or larger is better of what a training monitors. */
export function betterOf(monitor: string, list: readonly Metric[]): "min" | "max" {
  const name = monitor.replace(/^validation\./, "");
  return list.find((metric) => metric.name === name)?.better ?? "min";
}
