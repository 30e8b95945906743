/** Vectors for numbered things. */

import { checkInteger, checkOptions, DTypeError, expected } from "../errors.js";
import { gatherRows } from "../ops/indexing.js";
import type { Tensor } from "../tensor.js";
import { normal } from "./init.js";
import { Layer } from "./module.js";
import { Parameter } from "./parameter.js";

export interface EmbeddingOptions {
  /** The row that stands for "nothing": it begins as 0 and is not learned. Negative ones count from the end. */
  readonly paddingIndex?: number;
}

/**
 * y[i…] = W[index[i…]] for int32 indices of any shape; W [count, features], initially normal(0, 1).
 *
 * @throws DTypeError for other indices; OutOfRangeError, when it runs, for one outside 0..count−1.
 */
export class Embedding extends Layer {
  readonly weight: Parameter;
  readonly paddingIndex: number | null;

  constructor(
    readonly count: number,
    readonly features: number,
    options: EmbeddingOptions = {},
  ) {
    super();
    checkInteger(count, "count", { min: 1 });
    checkInteger(features, "features", { min: 1 });
    checkOptions(options, ["paddingIndex"], "Embedding");
    this.weight = normal(new Parameter(new Float32Array(count * features), [count, features]));
    this.paddingIndex = null;
    if (options.paddingIndex === undefined) return;
    const padding = checkInteger(options.paddingIndex, "paddingIndex", { min: -count, max: count - 1 });
    this.paddingIndex = padding < 0 ? padding + count : padding;
    this.weight.values.fill(0, this.paddingIndex * features, (this.paddingIndex + 1) * features);
  }

  override forward(index: Tensor): Tensor {
    if (index.dtype !== "int32") throw new DTypeError(expected("int32 indices", "Embedding", index.dtype));
    const y = gatherRows(this.weight, index);
    if (this.paddingIndex === null) return y;
    return index.equal(this.paddingIndex).unsqueeze(-1).where(y.detach(), y);
  }

  protected override describe(): string {
    return `${this.count}, ${this.features}${this.paddingIndex === null ? "" : `, paddingIndex: ${this.paddingIndex}`}`;
  }
}
