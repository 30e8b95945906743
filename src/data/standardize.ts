import { Affine, type AffineMap } from "./affine.js";
import { present } from "./columns.js";
import type { Step } from "./step.js";

/**
 * Every numeric column to mean 0 and variance 1 over the training rows: y = (x − μ)/σ with
 * μ = (1/m)·Σ x and σ² = (1/m)·Σ (x − μ)² over the m values that are there. A column that is
 * constant in training has σ = 1, and so becomes 0.
 */
export function standardize(): Step {
  return { fit: (columns) => Affine.fit(columns, (column) => standardizing(present(column))) };
}

/** offset μ and scale σ of these numbers. */
export function standardizing(values: Float64Array): AffineMap {
  if (values.length === 0) return { offset: 0, scale: 1 };
  let sum = 0;
  for (const x of values) sum += x;
  const mean = sum / values.length;
  // Rounding in the mean would leave a tiny deviation of equal values, and dividing by it noise.
  if (values.every((x) => x === values[0])) return { offset: values[0]!, scale: 1 };
  let squares = 0;
  for (const x of values) squares += (x - mean) ** 2;
  return { offset: mean, scale: Math.sqrt(squares / values.length) || 1 };
}
