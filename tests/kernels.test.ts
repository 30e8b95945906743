import { describe, expect, it } from "vitest";
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
