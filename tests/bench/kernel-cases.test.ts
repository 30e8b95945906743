/** `npm run bench` leaves no kernel out. */

import { describe, expect, test } from "vitest";
// @ts-expect-error: the benchmarks are plain JavaScript
import { kernelCases } from "../../bench/kernel-cases.mjs";
import * as kernels from "../../src/kernels.js";

type Any = (...args: unknown[]) => unknown;
const called = new Set<unknown>();
/** The function itself, which is remembered when it is called, as `what`. */
const remembered =
  (run: Any, what: unknown): Any =>
  (...args) => {
    called.add(what);
    return run(...args);
  };
const pointwise = Object.entries(kernels.pointwise).map(([name, run]) => [
  name,
  remembered(run as Any, kernels.pointwise),
]);
const functions = Object.entries(kernels)
  .filter(([, value]) => typeof value === "function")
  .map(([name, run]) => [name, remembered(run as Any, run)]);

interface Case {
  name: string;
  make: () => () => void;
  flops?: number;
  bytes?: number;
  limit?: string;
}
const cases: Case[] = kernelCases(
  { ...Object.fromEntries(functions), pointwise: Object.fromEntries(pointwise) },
  100,
);

describe("every case runs", () => {
  test.each(cases)("$name", ({ make, flops, bytes, limit }) => {
    expect(make()).not.toThrow();
    expect(flops ?? bytes).toBeGreaterThan(0);
    if (bytes !== undefined) expect(limit).toMatch(/^(read|copy|update)$/);
  });
});

test("they call what runs each row of kernels.inc, and no two share a name", () => {
  const left = Object.entries(kernels.byRow).filter(([, run]) => !called.has(run));
  expect(left.map(([row]) => row)).toEqual([]);
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});
