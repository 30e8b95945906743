import type { ManyResult } from "../compile.js";
import type { EpochLog } from "./history.js";
import type { Metric } from "./named-metrics.js";
import { metricKey } from "./objective.js";

/** Sums over the steps of an epoch, in float64. */
export class EpochTotals {
  private loss = 0;
  private penalty = 0;
  private weight = 0;
  private gradNorm = 0;
  private steps = 0;
  private samples = 0;
  private readonly sums = new Map<string, number>();
  /** Of the last step. */
  latestLoss = Number.NaN;

  constructor(private readonly metrics: readonly Metric[]) {}

  /** Adds the steps of one call, each of `size` samples. */
  add({ losses, gradNorms, outputs, completed }: ManyResult, size: number): void {
    const { data = losses, weight } = outputs;
    for (let i = 0; i < completed; i++) {
      const counts = weight?.[i] ?? size;
      this.loss += data[i]! * counts;
      this.penalty += losses[i]! - data[i]!;
      this.weight += counts;
      this.gradNorm += gradNorms[i]!;
    }
    if (completed > 0) this.latestLoss = data[completed - 1]!;
    for (const { name } of this.metrics) {
      const values = outputs[metricKey(name)];
      if (values === undefined) continue;
      let sum = this.sums.get(name) ?? 0;
      for (let i = 0; i < completed; i++) sum += values[i]! * size;
      this.sums.set(name, sum);
    }
    this.steps += completed;
    this.samples += completed * size;
  }

  result(): Pick<EpochLog, "loss" | "penalty" | "gradNorm" | "metrics"> {
    const metrics = this.metrics.flatMap(({ name, finish = (x: number) => x }) => {
      const sum = this.sums.get(name);
      return sum === undefined ? [] : [[name, finish(sum / this.samples)] as const];
    });
    return {
      loss: this.weight === 0 ? 0 : this.loss / this.weight,
      penalty: this.penalty / this.steps,
      gradNorm: this.gradNorm / this.steps,
      metrics: Object.fromEntries(metrics),
    };
  }
}
