/** Reading tests/reference/*.json and comparing with it. */

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type DType, isFloat } from "../src/dtype.js";
import { type Tensor, tensor } from "../src/tensor.js";

/** A tensor as scripts/reference/reference.py writes it. */
export interface Entry {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: readonly (number | string)[];
}

export function loadReference<T>(name: string): T[] {
  return JSON.parse(readFileSync(new URL(`./reference/${name}.json`, import.meta.url), "utf8")) as T[];
}

export const numbersOf = (entry: Entry): number[] => entry.data.map(Number);

export function tensorOf(entry: Entry, options: { requiresGrad?: boolean; dtype?: DType } = {}): Tensor {
  const dtype = isFloat(entry.dtype) ? (options.dtype ?? entry.dtype) : entry.dtype;
  const requiresGrad = options.requiresGrad === true && isFloat(dtype);
  return tensor(numbersOf(entry), { shape: entry.shape, dtype, requiresGrad });
}

/**
 * Each element within `tolerance` of the expected one, relative to the greater of 1, its size and
 * `scale`; NaN and infinities exactly.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  scale = 0,
): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (!Number.isFinite(e)) {
      expect(a, `element ${i}`).toBe(e);
      continue;
    }
    const limit = tolerance * Math.max(1, Math.abs(e), scale);
    if (!(Math.abs(a - e) <= limit)) {
      expect.fail(`element ${i}: ${a} instead of ${e}, off by ${Math.abs(a - e)}, at most ${limit} allowed`);
    }
  }
}

export function expectTensor(actual: Tensor, expected: Entry, tolerance: number, scale = 0): void {
  expect(actual.shape).toEqual(expected.shape);
  expectClose(actual.dataSync(), numbersOf(expected), tolerance, scale);
}
