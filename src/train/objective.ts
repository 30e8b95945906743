/** What training minimises, as a graph: the model's forward pass, the loss, weights and penalties. */

import { ArgumentError, expected } from "../errors.js";
import type { Module } from "../nn/module.js";
import { full } from "../ops/creation.js";
import { concat } from "../ops/view.js";
import { Tensor } from "../tensor.js";
import type { Metric } from "./named-metrics.js";

/** A loss as training needs it: the classes of `losses`, or anything of this form. */
export interface TrainingLoss {
  /** One number for all samples. */
  forward(prediction: Tensor, target: Tensor): Tensor;
  /** The sum of the weighted losses and what they count together; needed for class and sample weights. */
  total?(
    prediction: Tensor,
    target: Tensor,
    sampleWeight: Tensor,
  ): { readonly sum: Tensor; readonly count: Tensor | number };
}

export interface Penalties {
  /** Factor of Σ|w|. */
  readonly l1: number;
  /** Factor of Σw². */
  readonly l2: number;
}

export interface Samples {
  readonly x: Tensor;
  readonly y: Tensor;
  /** One weight a sample. */
  readonly weight: Tensor | null;
}

export function forward(model: Module, x: Tensor): Tensor {
  const prediction = (model.forward as (x: Tensor) => unknown).call(model, x);
  if (prediction instanceof Tensor && prediction.rank > 0) return prediction;
  throw new ArgumentError(expected("a tensor with one row a sample", "the model's forward", prediction));
}

/**
 * The target as the loss takes it. A model with one output gives (n, 1) where targets are often (n): as
 * they are, the two would broadcast to (n, n). Labels beside a single output become the numbers 0 and 1.
 */
export function matchTarget(prediction: Tensor, target: Tensor): Tensor {
  const n = prediction.shape[0]!;
  if (prediction.size !== target.size)
    return target.dtype === "int32" && target.size === n ? target.reshape([n]) : target;
  const numbers = target.dtype === "int32" ? target.cast(prediction.dtype) : target;
  return numbers.reshape(prediction.shape);
}

/** Below this a sum of weights counts as none: the step then has the loss 0 instead of 0/0. */
const LEAST_WEIGHT = 1e-12;

export class Objective {
  /** Of the prediction last traced, without the number of samples; null before. */
  outputShape: readonly number[] | null = null;

  constructor(
    private readonly model: Module,
    private readonly loss: TrainingLoss,
    private readonly penalties: Penalties,
    private readonly metrics: readonly Metric[],
    private readonly threshold: number,
  ) {}

  /**
   * The loss over the samples, with everything else a step reports. The forward pass goes in parts of
   * `part` samples, so that batch normalisation sees these as batches of their own; loss and gradient
   * are those of all samples together.
   */
  build({ x, y, weight }: Samples, part: number): Record<string, Tensor> {
    const prediction = this.forwardInParts(x, part);
    this.outputShape = prediction.shape.slice(1);
    const target = matchTarget(prediction, y);
    const total = weight === null ? null : this.weighted(prediction, target, weight);
    const data =
      total === null
        ? this.loss.forward(prediction, target)
        : total.sum.div(total.count.maximum(LEAST_WEIGHT));
    const penalty = this.penalty();
    const outputs: Record<string, Tensor> = { loss: penalty === null ? data : data.add(penalty) };
    if (penalty !== null) outputs.data = data;
    if (total !== null) outputs.weight = total.count;
    for (const { name, inStep } of this.metrics) {
      if (inStep !== undefined)
        outputs[metricKey(name)] = inStep(prediction.detach(), target, this.threshold);
    }
    return outputs;
  }

  private forwardInParts(x: Tensor, part: number): Tensor {
    const n = x.shape[0]!;
    if (n <= part) return forward(this.model, x);
    const parts: Tensor[] = [];
    for (let start = 0; start < n; start += part)
      parts.push(forward(this.model, x.narrow(0, start, Math.min(part, n - start))));
    return concat(parts, 0);
  }

  /** Σwℓ and Σw. */
  private weighted(prediction: Tensor, target: Tensor, weight: Tensor): { sum: Tensor; count: Tensor } {
    if (this.loss.total === undefined) {
      throw new ArgumentError(
        expected("a loss with total(), for class or sample weights", "loss", this.loss),
      );
    }
    const { sum, count } = this.loss.total(prediction, target, weight);
    return { sum, count: count instanceof Tensor ? count : full([], count, prediction.dtype) };
  }

  /** l1·Σ|w| + l2·Σw² over the weights, that is parameters of two or more dimensions: biases and the factors of normalisation are left alone. */
  private penalty(): Tensor | null {
    const { l1, l2 } = this.penalties;
    const weights = this.model.parameters().filter((p) => p.requiresGrad && p.rank >= 2);
    const terms: Tensor[] = weights.flatMap((w) => [
      ...(l1 > 0 ? [w.abs().sum().mul(l1)] : []),
      ...(l2 > 0 ? [w.sumOfSquares().mul(l2)] : []),
    ]);
    return terms.length === 0 ? null : terms.reduce((a, b) => a.add(b));
  }
}

export const metricKey = (name: string): string => `metric.${name}`;
