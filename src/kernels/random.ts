/** Random numbers by Philox4x32-10: element i depends on seed, stream, step and i alone. */

import { checkBoolean, checkInteger, checkNumber, checkOptions } from "../errors.js";
import { keyWords } from "../ops/random.js";
import { ArrayCall, type FloatArray, type KernelOptions } from "./call.js";

export interface RandomOptions extends KernelOptions {
  readonly seed: number;
  /** Tells one use of a seed from another. Default 0. */
  readonly stream?: number;
  /** Default 0. */
  readonly step?: number;
}

const randomOptions = ["seed", "stream", "step", "isa"];

function keyOf({ seed, stream = 0, step = 0 }: RandomOptions) {
  checkInteger(seed, "seed", { min: 0 });
  checkInteger(stream, "stream", { min: 0 });
  checkInteger(step, "step", { min: 0 });
  const streams = { streamLow: stream % 2 ** 32, streamHigh: Math.floor(stream / 2 ** 32) };
  return { words: Int32Array.from(keyWords(seed, step)), streams };
}

function random(out: FloatArray, kind: 0 | 1, a: number, b: number, options: RandomOptions): void {
  const { words, streams } = keyOf(options);
  const call = new ArrayCall(options.isa);
  call.emit.random(
    { key: call.int32("key", words, [4]) },
    { y: call.float("out", out, [out.length]) },
    { ...streams, kind, a, b },
  );
  call.run();
}

/** Independent numbers, uniform in [low, high). Default [0, 1). */
export function uniform(
  out: FloatArray,
  options: RandomOptions & { readonly low?: number; readonly high?: number },
): void {
  checkOptions(options, [...randomOptions, "low", "high"], "uniform");
  const { low = 0, high = 1 } = options;
  random(out, 0, checkNumber(low, "low"), checkNumber(high, "high"), options);
}

/** Independent normal numbers. Default mean 0, std 1. */
export function normal(
  out: FloatArray,
  options: RandomOptions & { readonly mean?: number; readonly std?: number },
): void {
  checkOptions(options, [...randomOptions, "mean", "std"], "normal");
  const { mean = 0, std = 1 } = options;
  random(out, 1, checkNumber(mean, "mean"), checkNumber(std, "std", { min: 0 }), options);
}

export interface DropoutOptions extends RandomOptions {
  /** Probability of 0, in [0, 1]. */
  readonly rate: number;
  /** Divide what is kept by 1 − rate. Default true. */
  readonly inverted?: boolean;
}

/** out = x with elements zeroed at random; on dy with the same key it is its own gradient. `out` may be x. */
export function dropout(x: FloatArray, out: FloatArray, options: DropoutOptions): void {
  checkOptions(options, [...randomOptions, "rate", "inverted"], "dropout");
  const { words, streams } = keyOf(options);
  const rate = checkNumber(options.rate, "rate", { min: 0, max: 1 });
  const inverted = checkBoolean(options.inverted ?? true, "inverted");
  const shape = [out.length];
  const call = new ArrayCall(options.isa);
  const operands = {
    x: call.float("x", x, shape),
    key: call.int32("key", words, [4]),
    rate: call.number("rate", rate, [1]),
  };
  call.emit.dropout(
    operands,
    { y: call.float("out", out, shape) },
    { ...streams, inverted: inverted ? 1 : 0 },
  );
  call.run();
}
