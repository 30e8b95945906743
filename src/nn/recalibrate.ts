/** Statistics for batch normalisation in evaluation, taken with the final weights. */

import { expected, StateError } from "../errors.js";
import { evaluate } from "../graph/evaluate.js";
import { noGrad } from "../graph/trace.js";
import type { Tensor } from "../tensor.js";
import type { Module } from "./module.js";
import { BatchNorm1d, type BatchStatistics } from "./normalisation.js";

/** Sums over batches, in float64. */
class Totals {
  count = 0;
  readonly mean: Float64Array;
  readonly variance: Float64Array;

  constructor(features: number) {
    this.mean = new Float64Array(features);
    this.variance = new Float64Array(features);
  }

  add({ mean, variance, count }: BatchStatistics): void {
    const [means, variances] = [mean.dataSync(), variance.dataSync()];
    this.count += count;
    for (let i = 0; i < this.mean.length; i++) {
      this.mean[i]! += count * means[i]!;
      this.variance[i]! += count * (count / (count - 1)) * variances[i]!;
    }
  }
}

type Batches = Iterable<Tensor> | AsyncIterable<Tensor>;

/**
 * Replaces the running statistics of every BatchNorm1d below `model` by those of `batches` (inputs of
 * the model) under its present weights: μ = E[μ_b] and σ² = E[m_b/(m_b−1)·σ_b²], batches weighted by
 * their number of values m_b (Ioffe and Szegedy, 2015, algorithm 2).
 *
 * Each layer normalises by the batch meanwhile; everything else is in evaluation mode (no dropout).
 * Modes are as before afterwards. When a batch cannot be used, nothing is changed.
 *
 * @throws StateError when the model keeps no running statistics or there are no batches.
 */
export async function recalibrate(
  model: Module & { forward(x: Tensor): unknown },
  batches: Batches,
): Promise<void> {
  const layers = model
    .namedModules()
    .flatMap(([, m]) => (m instanceof BatchNorm1d && m.runningMean !== null ? [m] : []));
  if (layers.length === 0)
    throw new StateError(expected("a model with running statistics", "recalibrate", "one without"));
  const totals = new Map(layers.map((layer) => [layer, new Totals(layer.features)]));
  for await (const batch of batches) observeBatch(model, layers, totals, batch);
  for (const [layer, { count }] of totals) {
    if (count === 0)
      throw new StateError(
        expected("at least one batch through each layer", "recalibrate", `none through ${layer}`),
      );
  }
  for (const [layer, { mean, variance, count }] of totals) {
    layer.runningMean!.assign(mean.map((sum) => sum / count));
    layer.runningVar!.assign(variance.map((sum) => sum / count));
  }
}

/** Between batches the model is in its own modes: whoever provides them may use it. */
function observeBatch(
  model: Module & { forward(x: Tensor): unknown },
  layers: readonly BatchNorm1d[],
  totals: ReadonlyMap<BatchNorm1d, Totals>,
  batch: Tensor,
): void {
  const modes = model.namedModules().map(([, module]) => ({ module, training: module.training }));
  const seen: [BatchNorm1d, BatchStatistics][] = [];
  for (const layer of layers) layer.observe((statistics) => seen.push([layer, statistics]));
  model.evaluate();
  try {
    noGrad(() => model.forward(batch));
  } finally {
    for (const layer of layers) layer.observe(null);
    // Parents come before their children, so each one's own mode is set last.
    for (const { module, training } of modes) module.train(training);
  }
  // All at once: what a layer's statistics need, the next one's need too.
  evaluate(seen.flatMap(([, { mean, variance }]) => [mean.value, variance.value]));
  for (const [layer, statistics] of seen) totals.get(layer)!.add(statistics);
}
