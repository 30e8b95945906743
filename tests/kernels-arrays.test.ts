/** The arrays that kernels take, and those they refuse. */

import { describe, expect, it } from "vitest";
import { ArgumentError, DTypeError, OutOfRangeError, ShapeError } from "../src/errors.js";
import * as kernels from "../src/kernels.js";

const { pointwise } = kernels;
const isas = kernels.info().isas.filter((isa) => isa !== "avx512bf16"); // the same pointwise kernels as avx512

describe("arrays", () => {
  it.each(isas)("may be so long that results bypass the caches, at any alignment (%s)", (isa) => {
    const count = 4_200_000;
    const x = Float32Array.from({ length: count }, (_, i) => (i % 7) - 3);
    const room = new Float32Array(count + 34);
    for (const offset of [1, 12, 16]) {
      room.fill(-1);
      pointwise.relu(x, room.subarray(offset, offset + count), { isa });
      let wrong = 0;
      for (let i = 0; i < room.length; i++) {
        const inside = i >= offset && i < offset + count;
        if (room[i] !== (inside ? Math.max(x[i - offset]!, 0) : -1)) wrong++;
      }
      expect(wrong).toBe(0);
    }
  });

  it("may be unaligned views of a larger buffer, whose other elements are left alone", () => {
    const buffer = new Float32Array(103).fill(7);
    const x = buffer.subarray(1, 34);
    const out = buffer.subarray(35, 68);
    pointwise.mul(x, 2, out);
    expect([...buffer.slice(34, 36)]).toEqual([7, 14]);
    expect([...buffer.slice(67, 69)]).toEqual([14, 7]);
  });

  it("may be longer than what is used", () => {
    const out = new Float32Array(8).fill(5);
    kernels.gemm(new Float32Array(100).fill(1), new Float32Array(100).fill(1), out, { m: 2, n: 3, k: 4 });
    expect([...out]).toEqual([4, 4, 4, 4, 4, 4, 5, 5]);
  });

  it("may be the same where the kernel works in place", () => {
    const x = Float32Array.of(-1, 2);
    pointwise.relu(x, x);
    expect([...x]).toEqual([0, 2]);
    pointwise.add(x, x, x);
    expect([...x]).toEqual([0, 4]);
    kernels.softmax(x, x, { columns: 2 });
    expect(x[0]! + x[1]!).toBeCloseTo(1, 6);
  });

  it("may be read twice", () => {
    const x = Float32Array.of(1, 2, 3, 4);
    const out = new Float32Array(4);
    kernels.gemm(x, x, out, { m: 2, n: 2, k: 2 });
    expect([...out]).toEqual([7, 10, 15, 22]);
  });

  it("take numbers beside them without another compilation for each number", () => {
    const out = new Float32Array(3);
    for (let i = 0; i < 5; i++) pointwise.add(Float32Array.of(1, 2, 3), i, out);
    expect([...out]).toEqual([5, 6, 7]);
  });

  it("of integers and bytes go with float results", () => {
    const out = new Uint8Array(3);
    pointwise.greater(Int32Array.of(1, 2, 3), 2, out);
    expect([...out]).toEqual([0, 0, 1]);
  });
});

/** The error a call throws. */
function errorOf(call: () => void): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe("bad arrays are refused by name, and nothing is written", () => {
  const sizes = { m: 2, n: 2, k: 2 };
  const a = new Float32Array(4).fill(1);
  const out = new Float32Array(4).fill(9);
  const cases: [string, () => void, new (...args: never[]) => Error, RegExp][] = [
    [
      "too short",
      () => kernels.gemm(a, new Float32Array(3), out, sizes),
      ShapeError,
      /^Expected at least 4 elements for b but received Float32Array\(3\)$/,
    ],
    [
      "missing",
      () => kernels.gemm(a, undefined as never, out, sizes),
      ArgumentError,
      /for b but received undefined/,
    ],
    [
      "of another type",
      () => kernels.gemm(a, new Float64Array(4), out, sizes),
      DTypeError,
      /Float32Array.* for b but received Float64Array\(4\)/,
    ],
    [
      "no float",
      () => kernels.gemm(new Int32Array(4) as never, a, out, sizes),
      DTypeError,
      /for a but received Int32Array\(4\)/,
    ],
    [
      "shared",
      () => kernels.gemm(a, a, new Float32Array(new SharedArrayBuffer(16)), sizes),
      ArgumentError,
      /for out but received one of shared memory/,
    ],
    ["overlapping", () => kernels.gemm(a, a, a, sizes), ArgumentError, /memory apart from a for out/],
    [
      "of another length",
      () => pointwise.add(a, new Float32Array(3), out),
      ShapeError,
      /4 elements, as out has, for y/,
    ],
    [
      "not whole rows",
      () => kernels.softmax(new Float32Array(5), out, { columns: 2 }),
      ShapeError,
      /multiple of 2 elements for x/,
    ],
  ];
  it.each(cases)("%s", (_name, call, kind, message) => {
    const error = errorOf(call);
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(message);
    expect([...out]).toEqual([9, 9, 9, 9]);
  });

  it("detached", () => {
    const gone = new Float32Array(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(errorOf(() => kernels.gemm(a, gone, out, sizes)).message).toMatch(
      /for b but received a detached one/,
    );
  });

  it("resizable", () => {
    const Resizable = ArrayBuffer as unknown as new (
      bytes: number,
      options: { maxByteLength: number },
    ) => ArrayBuffer;
    const resizable = new Float32Array(new Resizable(16, { maxByteLength: 64 }));
    expect(errorOf(() => kernels.gemm(a, resizable, out, sizes)).message).toMatch(
      /for b but received one of resizable memory/,
    );
  });

  it("overlapping in part", () => {
    const buffer = new Float32Array(10);
    const call = () => pointwise.relu(buffer.subarray(0, 8), buffer.subarray(1, 9));
    expect(errorOf(call).message).toMatch(/memory apart from out for x|memory apart from x for out/);
  });

  it("labels and indices out of range", () => {
    const loss = new Float32Array(2).fill(9);
    const arrays = {
      logits: new Float32Array(6),
      labels: Int32Array.of(0, 3),
      loss,
      logsumexp: new Float32Array(2),
    };
    const error = errorOf(() => kernels.crossEntropy(arrays, { columns: 3 }));
    expect(error).toBeInstanceOf(OutOfRangeError);
    expect(error.message).toMatch(/for labels but received 3/);
    expect([...loss]).toEqual([9, 9]);
    expect(errorOf(() => kernels.gatherRows(a, Int32Array.of(-1), out, { columns: 2 })).message).toMatch(
      /for index but received -1/,
    );
  });

  it("options and sizes that make no sense", () => {
    expect(errorOf(() => kernels.gemm(a, a, out, { m: 2, n: 2, k: -1 })).message).toMatch(
      />= 0.* for k but received -1/,
    );
    expect(errorOf(() => kernels.gemm(a, a, out, { ...sizes, transpose: true } as never)).message).toMatch(
      /"transpose"/,
    );
    expect(errorOf(() => kernels.gemm(a, a, out, { ...sizes, activation: "rleu" as never })).message).toMatch(
      /for activation/,
    );
    expect(errorOf(() => kernels.gemm(a, a, out, { ...sizes, isa: "sse9" })).message).toMatch(/for isa/);
    expect(errorOf(() => kernels.gemm(a, a, out, { m: 2 ** 31, n: 1, k: 1 })).message).toMatch(/for m/);
    expect(
      errorOf(() => kernels.sgdStep({ p: out, g: a }, { learningRate: 1, momentum: 0.9 })).message,
    ).toMatch(/momentum/);
  });
});
