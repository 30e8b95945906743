/** Predictions beside the truth, as metrics look at them. */

import type { TypedArray } from "../dtype.js";
import { argmaxRows } from "./metrics.js";

/**
 * `scores` are what the model gave, `truth` the targets: labels, one a row of scores; or numbers, as many
 * as scores. A row of several scores stands for classes, a single score above `threshold` for class 1.
 */
export class Predictions {
  /** Scores a target: the number of classes, or 1. */
  readonly width: number;
  #labels: ArrayLike<number> | undefined;
  #predicted: Int32Array | undefined;

  constructor(
    readonly scores: TypedArray,
    readonly truth: TypedArray,
    /** Scores in the last dimension of the prediction. */
    lastDimension: number,
    readonly threshold: number,
  ) {
    this.width =
      truth instanceof Int32Array ? Math.max(scores.length / Math.max(truth.length, 1), 1) : lastDimension;
  }

  /** Class labels of the truth: as given, or the largest of several numbers, or whether one is above ½. */
  get labels(): ArrayLike<number> {
    this.#labels ??= this.truth instanceof Int32Array ? this.truth : this.classesOf(this.truth, 0.5);
    return this.#labels;
  }

  /** Class labels of the predictions. */
  get predicted(): Int32Array {
    this.#predicted ??= this.classesOf(this.scores, this.threshold);
    return this.#predicted;
  }

  get classes(): number {
    return Math.max(this.width, 2);
  }

  private classesOf(numbers: TypedArray, threshold: number): Int32Array {
    return this.width > 1
      ? argmaxRows(numbers, this.width)
      : Int32Array.from(numbers, (x) => (x > threshold ? 1 : 0));
  }

  /** For two classes: a score that is larger the surer class 1 is. */
  get positiveScores(): ArrayLike<number> {
    if (this.width === 1) return this.scores;
    const { scores } = this;
    return Float64Array.from({ length: scores.length / 2 }, (_, i) => scores[2 * i + 1]! - scores[2 * i]!);
  }

  /** softmax(scores): logits of different rows can be compared only after it. */
  get probabilities(): Float64Array {
    const { scores, width } = this;
    const result = new Float64Array(scores.length);
    for (let start = 0; start < scores.length; start += width) {
      let most = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < width; c++) most = Math.max(most, scores[start + c]!);
      let total = 0;
      for (let c = 0; c < width; c++) {
        result[start + c] = Math.exp(scores[start + c]! - most);
        total += result[start + c]!;
      }
      for (let c = 0; c < width; c++) result[start + c]! /= total;
    }
    return result;
  }
}
