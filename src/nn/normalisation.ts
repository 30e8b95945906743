/** Layers that normalise: over the batch (BatchNorm1d), over each sample (LayerNorm, RMSNorm). */

import { checkBoolean, checkInteger, checkNumber, checkOptions, expected, ShapeError } from "../errors.js";
import { batchNorm, layerNorm, rmsNorm } from "../ops/normalisation.js";
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { Layer } from "./module.js";
import { assignState, Buffer, Parameter } from "./parameter.js";

const filled = (shape: Shape, value: number): Parameter =>
  new Parameter(new Float32Array(sizeOf(shape)).fill(value), shape);

export interface BatchNormOptions {
  /** Default 1e-5. */
  readonly epsilon?: number;
  /**
   * Share of the batch in the running statistics: running ← (1−momentum)·running + momentum·batch.
   * `null`: their average over all batches so far. Default 0.1.
   */
  readonly momentum?: number | null;
  /** Whether γ and β are learned; without them they are 1 and 0. Default true. */
  readonly affine?: boolean;
  /** Whether running statistics are kept; without them evaluation uses the batch too. Default true. */
  readonly trackRunningStats?: boolean;
}

/** Mean and biased variance of one batch, and the number of values each is over. */
export interface BatchStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly count: number;
}

/**
 * y = γ·(x−μ)/√(σ²+ε) + β per feature, for x [n, features] or [n, features, length] (Ioffe and
 * Szegedy, 2015). γ begins as 1 and β as 0.
 *
 * Training: μ and the biased variance σ² = Σ(x−μ)²/m over the m = n·length values of the batch. The
 * running statistics take μ and the unbiased variance σ²·m/(m−1), as PyTorch. Evaluation: the running
 * statistics, which `recalibrate` can replace by those of the final weights.
 *
 * State: weight (γ), bias (β), running_mean, running_var, num_batches_tracked.
 *
 * @throws ShapeError for other shapes, and in training for a batch of one value a feature, whose
 * variance says nothing.
 */
export class BatchNorm1d extends Layer {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Buffer | null;
  readonly runningVar: Buffer | null;
  readonly numBatchesTracked: Buffer | null;
  readonly epsilon: number;
  momentum: number | null;
  #observer: ((statistics: BatchStatistics) => void) | null = null;

  constructor(
    readonly features: number,
    options: BatchNormOptions = {},
  ) {
    super();
    checkInteger(features, "features", { min: 1 });
    checkOptions(options, ["epsilon", "momentum", "affine", "trackRunningStats"], "BatchNorm1d");
    const { epsilon = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    this.epsilon = checkNumber(epsilon, "epsilon", { min: 0 });
    this.momentum = momentum === null ? null : checkNumber(momentum, "momentum", { min: 0, max: 1 });
    const learned = checkBoolean(affine, "affine");
    this.weight = learned ? filled([features], 1) : null;
    this.bias = learned ? filled([features], 0) : null;
    const tracked = checkBoolean(trackRunningStats, "trackRunningStats");
    this.runningMean = tracked ? new Buffer(new Float32Array(features), [features]) : null;
    this.runningVar = tracked ? new Buffer(new Float32Array(features).fill(1), [features]) : null;
    this.numBatchesTracked = tracked ? new Buffer([0], [], "int32") : null;
  }

  override forward(x: Tensor): Tensor {
    const { features } = this;
    if ((x.rank !== 2 && x.rank !== 3) || x.shape[1] !== features) {
      throw new ShapeError(
        expected(`input [n, ${features}] or [n, ${features}, length]`, "BatchNorm1d", formatShape(x.shape)),
      );
    }
    if (x.rank === 2) return this.normalise(x);
    const last = x.permute([0, 2, 1]);
    return this.normalise(last.reshape([x.shape[0]! * x.shape[2]!, features]))
      .reshape(last.shape)
      .permute([0, 2, 1]);
  }

  /** x [m, features] */
  private normalise(x: Tensor): Tensor {
    const observer = this.#observer;
    const { training } = this;
    if (observer === null && !training && this.runningMean !== null) return this.withRunningStatistics(x);
    const count = x.shape[0]!;
    if (count < 2) {
      const mode = training ? "BatchNorm1d in training" : "BatchNorm1d without running statistics";
      throw new ShapeError(expected("more than one value a feature", mode, formatShape(x.shape)));
    }
    const { y, mean, variance } = batchNorm(
      x,
      this.weight ?? undefined,
      this.bias ?? undefined,
      this.epsilon,
    );
    if (observer !== null) observer({ mean, variance, count });
    else if (training) this.track(mean, variance, count);
    return y;
  }

  private withRunningStatistics(x: Tensor): Tensor {
    const scale = this.runningVar!.add(this.epsilon).rsqrt();
    const centred = x.sub(this.runningMean!);
    if (this.weight === null) return centred.mul(scale);
    return centred.mul(scale.mul(this.weight)).add(this.bias!);
  }

  private track(mean: Tensor, variance: Tensor, count: number): void {
    const { runningMean, runningVar, numBatchesTracked, momentum } = this;
    if (runningMean === null || runningVar === null || numBatchesTracked === null) return;
    const batches = numBatchesTracked.add(1);
    const share = momentum ?? batches.cast(mean.dtype).reciprocal();
    const moved = (running: Tensor, batch: Tensor) => running.add(batch.sub(running).mul(share));
    const newMean = moved(runningMean, mean);
    const newVariance = moved(runningVar, variance.mul(count / (count - 1)));
    assignState(runningMean, newMean);
    assignState(runningVar, newVariance);
    assignState(numBatchesTracked, batches);
  }

  /**
   * @internal While `observer` is set, batches are normalised by their own statistics, which it is
   * given, and nothing is tracked.
   */
  observe(observer: ((statistics: BatchStatistics) => void) | null): void {
    this.#observer = observer;
  }

  protected override describe(): string {
    return `${this.features}, epsilon: ${this.epsilon}, momentum: ${this.momentum}`;
  }
}

/** The sizes of the last dimensions of x, which are normalised together. */
function normalisedShape(shape: number | Shape, layer: string): Shape {
  const list = checkShape(typeof shape === "number" ? [shape] : shape, `${layer} shape`);
  if (list.length === 0 || sizeOf(list) === 0)
    throw new ShapeError(expected("at least one element", `${layer} shape`, formatShape(list)));
  return list;
}

/** x as [..., number of elements of `shape`]. */
function withMergedEnd(x: Tensor, shape: Shape, layer: string): Tensor {
  const lead = x.rank - shape.length;
  if (lead < 0 || !sameShape(x.shape.slice(lead), shape)) {
    throw new ShapeError(expected(`input […, ${shape.join(", ")}]`, layer, formatShape(x.shape)));
  }
  return x.reshape([...x.shape.slice(0, lead), sizeOf(shape)]);
}

const merged = (parameter: Parameter | null): Tensor | undefined => parameter?.reshape([parameter.size]);

export interface LayerNormOptions {
  /** Default 1e-5. */
  readonly epsilon?: number;
  /** Whether γ (and β) are learned. Default true. */
  readonly affine?: boolean;
  /** Whether there is a β beside γ. Default true. */
  readonly bias?: boolean;
}

/**
 * y = γ·(x−μ)/√(σ²+ε) + β with μ and biased σ² over the H elements of each sample's last dimensions,
 * `shape` (Ba, Kiros and Hinton, 2016). The same in training and evaluation, whatever the batch.
 *
 * @throws ShapeError when the last dimensions of x are not `shape`.
 */
export class LayerNorm extends Layer {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly shape: Shape;
  readonly epsilon: number;

  constructor(shape: number | Shape, options: LayerNormOptions = {}) {
    super();
    this.shape = normalisedShape(shape, "LayerNorm");
    checkOptions(options, ["epsilon", "affine", "bias"], "LayerNorm");
    const { epsilon = 1e-5, affine = true, bias = true } = options;
    this.epsilon = checkNumber(epsilon, "epsilon", { min: 0 });
    this.weight = checkBoolean(affine, "affine") ? filled(this.shape, 1) : null;
    this.bias = checkBoolean(bias, "bias") && affine ? filled(this.shape, 0) : null;
  }

  override forward(x: Tensor): Tensor {
    const rows = withMergedEnd(x, this.shape, "LayerNorm");
    return layerNorm(rows, merged(this.weight), merged(this.bias), this.epsilon).reshape(x.shape);
  }

  protected override describe(): string {
    return `${formatShape(this.shape)}, epsilon: ${this.epsilon}`;
  }
}

export interface RMSNormOptions {
  /** Default as PyTorch: the distance from 1 to the next number of x's type (2⁻²³, for float64 2⁻⁵²). */
  readonly epsilon?: number;
  /** Whether γ is learned. Default true. */
  readonly affine?: boolean;
}

/**
 * y = γ·x/√(mean(x²)+ε) over the elements of each sample's last dimensions, `shape` (Zhang and
 * Sennrich, 2019): layer normalisation without taking the mean off.
 *
 * @throws ShapeError when the last dimensions of x are not `shape`.
 */
export class RMSNorm extends Layer {
  readonly weight: Parameter | null;
  readonly shape: Shape;
  readonly epsilon: number | null;

  constructor(shape: number | Shape, options: RMSNormOptions = {}) {
    super();
    this.shape = normalisedShape(shape, "RMSNorm");
    checkOptions(options, ["epsilon", "affine"], "RMSNorm");
    this.epsilon = options.epsilon === undefined ? null : checkNumber(options.epsilon, "epsilon", { min: 0 });
    this.weight = checkBoolean(options.affine ?? true, "affine") ? filled(this.shape, 1) : null;
  }

  override forward(x: Tensor): Tensor {
    const epsilon = this.epsilon ?? (x.dtype === "float64" ? Number.EPSILON : 2 ** -23);
    const rows = withMergedEnd(x, this.shape, "RMSNorm");
    return rmsNorm(rows, merged(this.weight), epsilon).reshape(x.shape);
  }

  protected override describe(): string {
    return formatShape(this.shape);
  }
}
