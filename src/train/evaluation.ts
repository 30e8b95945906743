/** Predictions of whole data sets, and what they are worth. */

import { type CompiledFunction, compile } from "../compile.js";
import { Dataset } from "../data/dataset.js";
import type { TypedArray } from "../dtype.js";
import { ArgumentError, describe, expected, ShapeError } from "../errors.js";
import { inMode } from "../nn/mode.js";
import { formatShape, sameShape } from "../shape.js";
import { Tensor, tensor } from "../tensor.js";
import type { Evaluation } from "./history.js";
import { forward, matchTarget } from "./objective.js";
import { Predictions } from "./predictions.js";
import { checkTargets, featureTensor, targetTensor } from "./samples.js";
import type { TrainerState } from "./state.js";

/** Rows of one forward pass. */
export const EVALUATION_ROWS = 1024;

/** A data set that is evaluated again and again, in native memory. */
export interface PreparedEvaluation {
  readonly data: Dataset;
  readonly parts: readonly Tensor[];
  readonly targets: Tensor;
}

export class Evaluator {
  private readonly predictRows: CompiledFunction<[Tensor], Tensor>;

  constructor(private readonly state: TrainerState) {
    this.predictRows = compile((x: Tensor) => forward(state.model, x));
  }

  prepare(data: Dataset, rows = EVALUATION_ROWS): PreparedEvaluation {
    const dtype = this.state.floatType;
    const parts: Tensor[] = [];
    for (let start = 0; start < data.length; start += rows) {
      parts.push(featureTensor(data, dtype, start, Math.min(start + rows, data.length)));
    }
    return { data, parts, targets: targetTensor(data, dtype) };
  }

  async evaluate({ data, parts, targets }: PreparedEvaluation): Promise<Evaluation> {
    const { loss, metrics, threshold } = this.state;
    const prediction = await this.predictParts(parts);
    checkTargets(data, prediction.shape.slice(1), "targets");
    const value = await loss.forward(prediction, matchTarget(prediction, targets)).data();
    if (value.length !== 1)
      throw new ShapeError(expected("one number", "the loss of all samples", `${value.length}`));
    const last = prediction.shape[prediction.rank - 1]!;
    const predictions = new Predictions(
      await prediction.data(),
      await targets.data(),
      prediction.rank > 1 ? last : 1,
      threshold,
    );
    const entries = metrics.map((metric) => [metric.name, metric.compute(predictions)] as const);
    return { loss: value[0]!, ...Object.fromEntries(entries) };
  }

  async predict(x: Tensor | Dataset, rows: number): Promise<Tensor> {
    if (x instanceof Dataset) return this.predictParts(this.prepare(x, rows).parts);
    if (!(x instanceof Tensor))
      throw new ArgumentError(expected("a tensor or a Dataset", "predict", describe(x)));
    if (x.rank === 0) throw new ShapeError(expected("a tensor with one row a sample", "predict", "a scalar"));
    const n = x.shape[0]!;
    if (n <= rows) return this.predictParts([x]);
    const count = Math.ceil(n / rows);
    return this.predictParts(
      Array.from({ length: count }, (_, i) => x.narrow(0, i * rows, Math.min(rows, n - i * rows))),
    );
  }

  private async predictParts(parts: readonly Tensor[]): Promise<Tensor> {
    if (parts.length === 1) return this.start(parts[0]!);
    const results: Tensor[] = [];
    for (const part of parts) results.push(await this.start(part));
    return joinRows(results, parts);
  }

  /** The program is compiled and started before this returns, so the mode matters no longer. */
  private start(x: Tensor): Promise<Tensor> {
    return inMode(false, () => this.predictRows.async(x));
  }
}

function joinRows(results: readonly Tensor[], parts: readonly Tensor[]): Tensor {
  const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  const first = results[0]!;
  const shape = first.shape.slice(1);
  const odd = results.find((r, i) => !sameShape(r.shape, [parts[i]!.shape[0]!, ...shape]));
  if (odd !== undefined)
    throw new ShapeError(expected("one row a sample", "the model's output", formatShape(odd.shape)));
  const arrays = results.map((r) => r.dataSync());
  const joined = new (arrays[0]!.constructor as new (n: number) => TypedArray)(
    arrays.reduce((sum, a) => sum + a.length, 0),
  );
  let at = 0;
  for (const array of arrays) {
    joined.set(array, at);
    at += array.length;
  }
  return tensor(joined, { shape: [rows, ...shape], dtype: first.dtype });
}
