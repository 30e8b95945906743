import { describe, expect, it } from "vitest";
import { ArgumentError, DTypeError, OutOfRangeError, ShapeError } from "../src/errors.js";
import type { FloatArray } from "../src/kernels.js";
import * as kernels from "../src/kernels.js";
import { kernelRows, pointwiseRows } from "../src/native/kernels.generated.js";
import { Random } from "../src/random.js";

const { pointwise } = kernels;
/** Those that compute in float32 throughout. */
const isas = kernels.info().isas.filter((isa) => isa !== "avx512bf16");
const random = new Random(7);

type Make = (values: ArrayLike<number>) => FloatArray;
const float32: Make = (values) => Float32Array.from(values);
const float64: Make = (values) => Float64Array.from(values);

const normals = (n: number) => Float32Array.from({ length: n }, () => random.normal());

/** The same call in float32 on `isa` and in float64, which rounds 2^29 times finer: largest relative difference. */
function compare(
  isa: string,
  call: (make: Make, isa: string | undefined) => FloatArray[],
  tolerance: number,
): void {
  const results = call(float32, isa);
  const oracles = call(float64, undefined);
  results.forEach((result, k) => {
    const oracle = oracles[k]!;
    expect(result.length).toBe(oracle.length);
    let worst = 0;
    result.forEach((y, i) => {
      worst = Math.max(worst, Math.abs(y - oracle[i]!) / Math.max(1, Math.abs(oracle[i]!)));
    });
    expect(worst).toBeLessThan(tolerance);
    expect(oracle.some((y) => y !== 0)).toBe(true);
  });
}

describe("every row of kernels.inc", () => {
  it("has a function", () => {
    expect(Object.keys(kernels.byRow).sort()).toEqual(kernelRows.map((row) => row.name).sort());
    for (const run of Object.values(kernels.byRow)) expect(["function", "object"]).toContain(typeof run);
  });

  it("and every row of pointwise.inc too", () => {
    expect(Object.keys(pointwise)).toHaveLength(pointwiseRows.length);
  });
});

/** A pointwise function has at most 2 units in the last place of error, and its argument none: both are float32. */
const POINTWISE_TOLERANCE = 1e-6;

describe.each(isas)("on %s", (isa) => {
  it("gemm multiplies integers exactly in all transpositions, with strides, batches and a beta", () => {
    const integer = (n: number) => Float32Array.from({ length: n }, () => random.integer(9) - 4);
    for (const [m, n, k] of [
      [1, 1, 1],
      [3, 17, 5],
      [33, 65, 40],
      [64, 48, 300],
      [0, 3, 2],
      [4, 5, 0],
    ] as const) {
      for (const [transposeA, transposeB] of [
        [false, false],
        [false, true],
        [true, false],
        [true, true],
      ] as const) {
        const [batch, gap] = [2, 3];
        const lda = (transposeA ? m : k) + gap;
        const ldb = (transposeB ? k : n) + gap;
        const a = integer(batch * (transposeA ? k : m) * lda);
        const b = integer(batch * (transposeB ? n : k) * ldb);
        const bias = integer(n);
        const before = integer(batch * m * n);
        const out = before.slice();
        kernels.gemm(a, b, out, {
          m,
          n,
          k,
          batch,
          transposeA,
          transposeB,
          lda,
          ldb,
          alpha: 2,
          beta: 3,
          bias,
          isa,
        });
        const wanted = before.map((c, at) => {
          const [p, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
          let sum = 0;
          for (let q = 0; q < k; q++) {
            const x = a[p * (transposeA ? k : m) * lda + (transposeA ? q * lda + i : i * lda + q)]!;
            const y = b[p * (transposeB ? n : k) * ldb + (transposeB ? j * ldb + q : q * ldb + j)]!;
            sum += x * y;
          }
          return 2 * sum + 3 * c + bias[j]!;
        });
        expect(out).toEqual(wanted);
      }
    }
  });

  it("gemm applies activation, then combines", () => {
    const a = Float32Array.of(1, -2, 3, 4);
    const aux = Float32Array.of(10, 20, 30, 40);
    const out = new Float32Array(4);
    kernels.gemm(a, Float32Array.of(1, 0, 0, 1), out, {
      m: 2,
      n: 2,
      k: 2,
      activation: "relu",
      combine: "add",
      aux,
      isa,
    });
    expect([...out]).toEqual([11, 20, 33, 44]);
  });

  it.each(pointwiseRows.map((row, i) => [Object.keys(pointwise)[i]!, row.arity] as const))(
    "pointwise.%s",
    (name, arity) => {
      const positive = ["sqrt", "rsqrt", "log", "log1p", "log2", "pow"].includes(name);
      const inputs = Array.from({ length: arity }, () =>
        normals(1003).map((x) => (positive ? Math.abs(x) + 0.1 : x)),
      );
      compare(
        isa,
        (make, isa) => {
          const out = make(new Float32Array(1003));
          const run = pointwise[name as "add"] as unknown as (...args: unknown[]) => void;
          run(...inputs.map(make), out, { isa });
          // A function that is 0 or 1 nearly everywhere still has to show something else than zeros.
          return name === "isNan" || name === "logicalNot" || name === "logicalXor" || name === "equal"
            ? [out.map((x) => 1 - x)]
            : [out];
        },
        POINTWISE_TOLERANCE * (name === "pow" || name.endsWith("Grad") ? 10 : 1),
      );
    },
  );

  it("reduce and argReduce work along the middle of three axes", () => {
    const x = normals(5 * 31 * 7);
    for (const kind of ["sum", "mean", "max", "min", "prod", "sumOfSquares"] as const) {
      compare(
        isa,
        (make, isa) => {
          const out = make(new Float32Array(35));
          kernels.reduce(kind, make(x), out, { outer: 5, length: 31, inner: 7, isa });
          return [out];
        },
        1e-5,
      );
    }
    const index = new Int32Array(35);
    kernels.argReduce("max", x, index, { outer: 5, length: 31, inner: 7, isa });
    index.forEach((best, at) => {
      const row = Array.from({ length: 31 }, (_, r) => x[(Math.floor(at / 7) * 31 + r) * 7 + (at % 7)]!);
      expect(best).toBe(row.indexOf(Math.max(...row)));
    });
  });

  it("softmax and cross-entropy agree with float64, forward and backward", () => {
    const [rows, columns] = [9, 37];
    const [logits, dy] = [normals(rows * columns), normals(rows * columns)];
    const labels = Int32Array.from({ length: rows }, (_, i) => (i * 7) % columns);
    const weight = normals(columns).map(Math.abs);
    for (const log of [false, true]) {
      compare(
        isa,
        (make, isa) => {
          const [y, dx] = [make(logits), make(dy)];
          kernels.softmax(make(logits), y, { columns, log, isa });
          kernels.softmaxBackward(y, make(dy), dx, { columns, log, isa });
          return [y, dx];
        },
        1e-5,
      );
    }
    compare(
      isa,
      (make, isa) => {
        const [loss, logsumexp, dlogits] = [
          make(new Float32Array(rows)),
          make(new Float32Array(rows)),
          make(logits),
        ];
        const options = { columns, smoothing: 0.1, isa };
        const inputs = { logits: make(logits), labels, weight: make(weight) };
        kernels.crossEntropy({ ...inputs, loss, logsumexp }, options);
        kernels.crossEntropyBackward(
          { ...inputs, logsumexp, dloss: make(normals(rows).fill(1)), dlogits },
          options,
        );
        return [loss, logsumexp, dlogits];
      },
      1e-5,
    );
  });

  it("the norms agree with float64, forward and backward", () => {
    const [rows, columns] = [12, 19];
    const n = rows * columns;
    const [x, dy, gamma, beta] = [normals(n), normals(n), normals(columns), normals(columns)];
    const blank = (make: Make, size: number) => make(new Float32Array(size));
    compare(
      isa,
      (make, isa) => {
        const columnsOf = () => blank(make, columns);
        const a = {
          x: make(x),
          gamma: make(gamma),
          dy: make(dy),
          y: blank(make, n),
          dx: blank(make, n),
          dgamma: columnsOf(),
          dbeta: columnsOf(),
        };
        const statistics = { mean: columnsOf(), variance: columnsOf(), rstd: columnsOf() };
        kernels.batchNorm(
          { ...statistics, x: a.x, y: a.y, gamma: a.gamma, beta: make(beta) },
          { columns, isa },
        );
        const { mean, rstd } = statistics;
        const { y, ...gradients } = a;
        kernels.batchNormBackward({ ...gradients, mean, rstd }, { columns, isa });
        return [y, mean, statistics.variance, rstd, a.dx, a.dgamma, a.dbeta];
      },
      2e-5,
    );
    compare(
      isa,
      (make, isa) => {
        const [y, mean, rstd, dx, dgamma, dbeta] = [n, rows, rows, n, columns, columns].map((size) =>
          blank(make, size),
        ) as FloatArray[];
        kernels.layerNorm(
          { x: make(x), gamma: make(gamma), beta: make(beta), y: y!, mean: mean!, rstd: rstd! },
          { columns, isa },
        );
        const gradients = { dx: dx!, dgamma: dgamma! };
        const inputs = { x: make(x), dy: make(dy), gamma: make(gamma), rstd: rstd! };
        kernels.layerNormBackward({ ...inputs, ...gradients, mean: mean!, dbeta: dbeta! }, { columns, isa });
        const results = [y!, mean!, rstd!, dx!.slice(), dgamma!.slice(), dbeta!];
        kernels.rmsNorm({ x: make(x), gamma: make(gamma), y: y!, rstd: rstd! }, { columns, isa });
        kernels.rmsNormBackward({ ...inputs, ...gradients }, { columns, isa });
        return [...results, y!, rstd!, dx!, dgamma!];
      },
      2e-5,
    );
  });

  it("optimizer steps agree with float64", () => {
    const n = 301;
    const [p, g] = [normals(n), normals(n)];
    const common = { learningRate: 0.1, weightDecay: 0.01, scale: 0.5, isa };
    compare(
      isa,
      (make) => {
        const one = () => ({
          p: make(p),
          g: make(g),
          v: make(new Float32Array(n)),
          s: make(new Float32Array(n)),
          m: make(new Float32Array(n)),
        });
        const [sgd, adagrad, rmsprop, adam] = [one(), one(), one(), one()];
        for (let step = 1; step <= 3; step++) {
          const options = { ...common, step, isa: sgd.p instanceof Float32Array ? isa : undefined };
          kernels.sgdStep({ p: sgd.p, g: sgd.g, v: sgd.v }, { ...options, momentum: 0.9, nesterov: true });
          kernels.adagradStep({ p: adagrad.p, g: adagrad.g, s: adagrad.s }, options);
          kernels.rmspropStep({ p: rmsprop.p, g: rmsprop.g, s: rmsprop.s }, options);
          kernels.adamStep({ p: adam.p, g: adam.g, m: adam.m, v: adam.v }, { ...options, decoupled: true });
        }
        return [sgd.p, adagrad.p, rmsprop.p, adam.p, adam.m];
      },
      1e-5,
    );
  });

  it("random numbers are the same bits as on scalar, whatever is computed beside them", () => {
    const [here, scalar] = [new Float32Array(1001), new Float32Array(1001)];
    kernels.uniform(here, { seed: 5, stream: 2 ** 33 + 1, step: 9, isa });
    kernels.uniform(scalar, { seed: 5, stream: 2 ** 33 + 1, step: 9, isa: "scalar" });
    expect(here).toEqual(scalar);
    kernels.normal(here, { seed: 5, isa });
    expect(Math.abs(here.reduce((a, b) => a + b) / 1001)).toBeLessThan(4 / Math.sqrt(1001)); // four standard errors
    const [x, y] = [normals(1001).fill(1), new Float32Array(1001)];
    kernels.dropout(x, y, { seed: 1, rate: 0.25, isa });
    expect(new Set(y)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
  });
});

describe("moving rows", () => {
  it("gathers, adds back, picks, copies transposed and fills", () => {
    const table = Float32Array.of(1, 2, 3, 4, 5, 6);
    const gathered = new Float32Array(4);
    kernels.gatherRows(table, Int32Array.of(2, 0), gathered, { columns: 2 });
    expect([...gathered]).toEqual([5, 6, 1, 2]);
    const bytes = new Uint8Array(2);
    kernels.gatherRows(Uint8Array.of(7, 8, 9), Int32Array.of(2, 1), bytes, { columns: 1 });
    expect([...bytes]).toEqual([9, 8]);
    kernels.scatterAddRows(Float32Array.of(1, 1, 1, 1), Int32Array.of(1, 1), table, {
      columns: 2,
      accumulate: true,
    });
    expect([...table]).toEqual([1, 2, 5, 6, 5, 6]);
    const picked = new Float32Array(3);
    kernels.pick(table, Int32Array.of(0, 1, 0), picked, { columns: 2 });
    expect([...picked]).toEqual([1, 6, 5]);
    const back = new Float32Array(6).fill(9);
    kernels.pickBackward(Float32Array.of(1, 2, 3), Int32Array.of(0, 1, 0), back, { columns: 2 });
    expect([...back]).toEqual([1, 0, 0, 2, 3, 0]);
    const transposed = new Float32Array(6);
    kernels.copy(table, transposed, { shape: [2, 3], strides: [1, 2] });
    expect([...transposed]).toEqual([1, 5, 5, 2, 6, 6]);
    kernels.fill(transposed, -1);
    expect([...transposed]).toEqual([-1, -1, -1, -1, -1, -1]);
  });

  it("finds the first number that is not finite", () => {
    expect(kernels.firstNotFinite(Float32Array.of(1, 2, 3))).toBe(-1);
    expect(kernels.firstNotFinite(Float64Array.of(1, Number.NaN, Number.POSITIVE_INFINITY))).toBe(1);
  });
});

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
