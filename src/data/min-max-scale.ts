import { checkNumber, checkOptions } from "../errors.js";
import { Affine } from "./affine.js";
import { present } from "./columns.js";
import type { Step } from "./step.js";

export interface MinMaxScaleOptions {
  /** What the smallest training value becomes, 0 by default. */
  low?: number;
  /** What the largest training value becomes, 1 by default. */
  high?: number;
}

/**
 * Every numeric column to [low, high] by the training rows:
 * y = low + (x − min)·(high − low)/(max − min). A column that is constant in training becomes low.
 * Later values outside [min, max] fall outside [low, high].
 */
export function minMaxScale(options: MinMaxScaleOptions = {}): Step {
  checkOptions(options, ["low", "high"], "minMaxScale");
  const low = checkNumber(options.low ?? 0, "low");
  const high = checkNumber(options.high ?? 1, "high", { minExclusive: low });
  return {
    fit: (columns) =>
      Affine.fit(columns, (column) => {
        let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        for (const x of present(column)) {
          min = Math.min(min, x);
          max = Math.max(max, x);
        }
        if (min > max) return { offset: 0, scale: 1 };
        const scale = max > min ? (max - min) / (high - low) : 1;
        return { offset: min - low * scale, scale };
      }),
  };
}
