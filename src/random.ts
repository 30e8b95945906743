/** Random numbers on the JavaScript side: shuffles, splits and initial values. */

import { checkInteger } from "./errors.js";

/** Four 32-bit words. */
export type Words4 = readonly [number, number, number, number];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** The upper 32 bits of a·b for unsigned 32-bit a and b; every intermediate is below 2^53. */
function multiplyHigh(a: number, b: number): number {
  const low = Math.floor((a * (b & 0xffff)) / 0x10000);
  return Math.floor((a * (b >>> 16) + low) / 0x10000);
}

/**
 * Philox4x32-10: a bijection of the 128-bit counter, chosen by the 64-bit key. (Salmon, Moraes,
 * Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.)
 */
export function philox(counter: Words4, key: readonly [number, number]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Set in the second counter word, where native code has the number of an operation: no counter is used by both. */
const TAG = 0x80000000;

/**
 * A sequence of random numbers that its seed determines: words 0, 1, 2, 3 of Philox at counter
 * (0, tag, stream), then at counter (1, tag, stream), and so on. Streams of one seed are independent.
 */
export class Random {
  readonly #key: readonly [number, number];
  readonly #stream: readonly [number, number];
  #block = 0;
  #words: Words4 = [0, 0, 0, 0];
  #next = 4;
  /** The second normal value of the last pair. */
  #spare: number | undefined;

  constructor(seed: number, stream = 0) {
    this.#key = split(checkInteger(seed, "seed", { min: 0 }));
    this.#stream = split(checkInteger(stream, "stream", { min: 0 }));
  }

  /** An integer in 0 .. 2^32 − 1. */
  uint32(): number {
    if (this.#next === 4) {
      const [low, high] = split(this.#block++);
      this.#words = philox([low, (high | TAG) >>> 0, ...this.#stream], this.#key);
      this.#next = 0;
    }
    return this.#words[this.#next++]!;
  }

  /** A number in [0, 1): k·2^−53 with k uniform in 0 .. 2^53 − 1. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) * 2 ** -53;
  }

  /** A normal number of mean 0 and deviation 1, by Box and Muller: √(−2 ln u)·(cos, sin)(2πv), u in (0, 1]. */
  normal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** An integer in 0 .. bound − 1, each equally likely. */
  integer(bound: number): number {
    checkInteger(bound, "bound", { min: 1, max: 2 ** 32 });
    // Values past the last multiple of the bound would favour small remainders.
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const value = this.uint32();
      if (value < limit) return value % bound;
    }
  }

  /** Puts the elements in random order, in place; each order is equally likely. */
  shuffle<T extends Int32Array | unknown[]>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const value = array[i];
      array[i] = array[j];
      array[j] = value;
    }
    return array;
  }

  /** 0 .. n − 1 in random order. */
  permutation(n: number): Int32Array {
    checkInteger(n, "n", { min: 0, max: 2 ** 31 - 1 });
    return this.shuffle(Int32Array.from({ length: n }, (_, i) => i));
  }
}

/** The low and high 32 bits of a safe integer. */
function split(value: number): [number, number] {
  return [value % 2 ** 32, Math.floor(value / 2 ** 32)];
}
