/** `npm run bench` leaves no kernel out. */

import { describe, expect, test } from "vitest";
// @ts-expect-error: the benchmarks are plain JavaScript
import { kernelCases } from "../../bench/kernel-cases.mjs";
import * as kernels from "../../src/kernels.js";

interface Case {
  name: string;
  row: string;
  make: () => () => void;
  flops?: number;
  bytes?: number;
  limit?: string;
}
const cases: Case[] = kernelCases(kernels, 100);

test("every row of kernels.inc has a case, and no two share a name", () => {
  expect(new Set(cases.map(({ row }) => row))).toEqual(new Set(Object.keys(kernels.byRow)));
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});

describe("every case runs", () => {
  test.each(cases)("$name", ({ make, flops, bytes, limit }) => {
    expect(make()).not.toThrow();
    expect(flops ?? bytes).toBeGreaterThan(0);
    if (bytes !== undefined) expect(limit).toMatch(/^(read|copy|update)$/);
  });
});
