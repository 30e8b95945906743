import { expect, test } from "vitest";
import { OutOfRangeError } from "../src/errors.js";
import { philox, Random } from "../src/random.js";

const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

// Random123's kat_vectors, philox4x32 10 rounds.
test("philox agrees with the known answers of Random123", () => {
  expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe("6627e8d5 e169c58d bc57ac4c 9b00dbd8");
  const ones = 0xffffffff;
  expect(hex(philox([ones, ones, ones, ones], [ones, ones]))).toBe("408f276d 41c83b0e a20bc7c6 6d5451fd");
  const pi = philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
  expect(hex(pi)).toBe("d16cfe09 94fdcceb 5001e420 24126ea1");
});

test("words come in the order of the counter; seed and stream are the key and the upper counter", () => {
  const random = new Random(2 ** 33 + 5, 7);
  const words = Array.from({ length: 8 }, () => random.uint32());
  expect(words.slice(0, 4)).toEqual(philox([0, 0x80000000, 7, 0], [5, 2]));
  expect(words.slice(4)).toEqual(philox([1, 0x80000000, 7, 0], [5, 2]));
});

test("a seed determines the sequence", () => {
  const draw = (seed: number, stream?: number) => {
    const random = new Random(seed, stream);
    return Array.from({ length: 20 }, () => random.uint32());
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(draw(1, 0)).not.toEqual(draw(1, 1));
});

// Standard errors: mean of n uniforms 0.289/√n, of n normals 1/√n, variance of normals √(2/n);
// bounds are 5 of them.
test("uniform and normal have their moments", () => {
  const n = 100_000;
  const random = new Random(3);
  const uniform = Float64Array.from({ length: n }, () => random.uniform());
  expect(uniform.every((u) => u >= 0 && u < 1)).toBe(true);
  const mean = (values: Float64Array) => values.reduce((sum, x) => sum + x, 0) / n;
  expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan((5 * 0.289) / Math.sqrt(n));
  expect(Math.abs(mean(uniform.map((u) => u * u)) - 1 / 3)).toBeLessThan((5 * 0.298) / Math.sqrt(n));
  const normal = Float64Array.from({ length: n }, () => random.normal());
  expect(Math.abs(mean(normal))).toBeLessThan(5 / Math.sqrt(n));
  expect(Math.abs(mean(normal.map((x) => x * x)) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  // E x⁴ = 3, Var x⁴ = 96
  expect(Math.abs(mean(normal.map((x) => x ** 4)) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  const lag = normal.subarray(1).reduce((sum, x, i) => sum + x * normal[i]!, 0) / n;
  expect(Math.abs(lag)).toBeLessThan(5 / Math.sqrt(n));
});

test("integer is uniform below its bound", () => {
  const random = new Random(4);
  const counts = new Int32Array(6);
  for (let i = 0; i < 60_000; i++) counts[random.integer(6)]!++;
  // Each count is binomial with deviation √(60000·1/6·5/6) = 91.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(5 * 91);
  // 2^32 mod (3·2^30) = 2^30: a plain remainder would make the lower third half of all.
  const low = Array.from({ length: 3000 }, () => random.integer(3 * 2 ** 30)).filter(
    (x) => x < 2 ** 30,
  ).length;
  expect(Math.abs(low - 1000)).toBeLessThan(5 * Math.sqrt(3000 * (1 / 3) * (2 / 3)));
  expect(random.integer(1)).toBe(0);
  expect(() => random.integer(0)).toThrow(OutOfRangeError);
});

test("permutation holds each number once, and every order is about equally likely", () => {
  expect([...new Random(1).permutation(1000)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 1000 }, (_, i) => i),
  );
  expect(new Random(1).permutation(0)).toEqual(new Int32Array(0));
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const order = new Random(seed).permutation(3).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  // Binomial with deviation √(6000·1/6·5/6) = 29.
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * 29);
});

test("a seed that is no non-negative integer is refused", () => {
  for (const seed of [-1, 0.5, Number.NaN, 2 ** 53, "1"])
    expect(() => new Random(seed as number)).toThrow(/for seed but received/);
});
