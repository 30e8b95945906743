// npm run bench [-- --filter TEXT] [--threads N] [--json FILE]
// Every kernel family alone, by benny: GFLOP/s of matrix products, GB/s of passes over memory, and
// what part that is of what this machine can do (bench/native/limits.cpp, run just before).

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import benny from "benny";
import * as k from "../dist/esm/kernels.js";
import { measureLimits } from "./limits.mjs";
import { machine } from "./protocol.mjs";

const { values } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    threads: { type: "string", default: "1" },
    json: { type: "string" },
  },
});
k.setThreads(Number(values.threads));

const MILLION = 1_000_000;
const filled = (n, scale = 1) => Float32Array.from({ length: n }, (_, i) => scale * Math.sin(i));
/** One array for everything of ten millions: they are read, or written, and never looked at. */
const pool = new Map();
const ten = (name, scale) => {
  if (!pool.has(name)) pool.set(name, filled(10 * MILLION, scale));
  return pool.get(name);
};

/**
 * Name, what to run (made when its turn comes), and the work: floating-point operations, or bytes, those of
 * the largest array, and which limit they meet: "read", "copy" (into another array) or "update" (in place).
 */
const cases = [];

function product(transposeA, transposeB, m, n, depth) {
  const kind = `${transposeA ? "T" : "N"}${transposeB ? "T" : "N"}`;
  cases.push({
    name: `gemm_${kind}_${m}x${n}x${depth}`,
    flops: 2 * m * n * depth,
    make() {
      const [a, b, c] = [filled(m * depth), filled(depth * n), new Float32Array(m * n)];
      return () => k.gemm(a, b, c, { m, n, k: depth, transposeA, transposeB });
    },
  });
}
for (const n of [64, 256, 512, 1024]) product(false, false, n, n, n);
// Batch, out, in of dense layers: forward, input gradient, weight gradient.
for (const [batch, out, input] of [
  [32, 512, 784],
  [128, 512, 784],
  [128, 10, 512],
  [1, 1024, 1024],
]) {
  product(false, true, batch, out, input);
  product(false, false, batch, input, out);
  product(true, false, out, input, batch);
}

const pass = (name, bytesPerElement, make, limit = "copy") =>
  cases.push({ name, bytes: 10 * MILLION * bytesPerElement, array: 40 * MILLION, limit, make });
for (const name of ["exp", "tanh", "sigmoid", "relu", "gelu"]) {
  pass(`${name}_10M`, 8, () => {
    const [x, y] = [ten("x"), ten("y")];
    return () => k.pointwise[name](x, y);
  });
}
pass("add_10M", 12, () => {
  const [x, g, y] = [ten("x"), ten("g"), ten("y")];
  return () => k.pointwise.add(x, g, y);
});
pass(
  "sum_10M",
  4,
  () => {
    const [x, y] = [ten("x"), new Float32Array(1)];
    return () => k.reduce("sum", x, y);
  },
  "read",
);
const arrays = () => ({ p: ten("p"), g: ten("g", 1e-2) });
const update = (name, bytesPerElement, step) => pass(name, bytesPerElement, () => step, "update");
update("sgd_10M", 12, () => k.sgdStep(arrays(), { learningRate: 1e-3 }));
update("sgd_momentum_10M", 20, () =>
  k.sgdStep({ ...arrays(), v: ten("v") }, { learningRate: 1e-3, momentum: 0.9, step: 2 }),
);
update("adagrad_10M", 20, () => k.adagradStep({ ...arrays(), s: ten("s", 0) }, { learningRate: 1e-3 }));
update("rmsprop_10M", 20, () =>
  k.rmspropStep({ ...arrays(), s: ten("s", 0) }, { learningRate: 1e-3, alpha: 0.99 }),
);
update("adam_10M", 28, () =>
  k.adamStep({ ...arrays(), m: ten("v"), v: ten("s", 0) }, { learningRate: 1e-3, step: 2 }),
);

const matrixPass = (name, rows, columns, make) =>
  cases.push({
    name: `${name}_${rows}x${columns}`,
    bytes: 8 * rows * columns,
    array: 4 * rows * columns,
    limit: "copy",
    make,
  });
matrixPass("softmax", 1024, 1000, () => {
  const [x, y] = [filled(1024 * 1000), new Float32Array(1024 * 1000)];
  return () => k.softmax(x, y, { columns: 1000 });
});
const vector = () => new Float32Array(1024).fill(1);
matrixPass("layer_norm", 1024, 1024, () => {
  const a = {
    x: filled(1024 * 1024),
    y: new Float32Array(1024 * 1024),
    gamma: vector(),
    beta: vector(),
    mean: vector(),
    rstd: vector(),
  };
  return () => k.layerNorm(a, { columns: 1024 });
});
matrixPass("batch_norm", 1024, 1024, () => {
  const statistics = { mean: vector(), variance: vector(), rstd: vector() };
  const a = {
    x: filled(1024 * 1024),
    y: new Float32Array(1024 * 1024),
    gamma: vector(),
    beta: vector(),
    ...statistics,
  };
  return () => k.batchNorm(a, { columns: 1024 });
});

/** Work a second, and its part of the limit where that is known. */
function rated({ flops, bytes, array, limit }, seconds, limits) {
  const [rate, unit] =
    flops === undefined ? [bytes / seconds / 1e9, "GB/s"] : [flops / seconds / 1e9, "GFLOP/s"];
  const nearest = limits?.memory.reduce((a, b) =>
    Math.abs(b.bytes - array) < Math.abs(a.bytes - array) ? b : a,
  );
  const most = flops === undefined ? nearest?.[limit] : limits?.gflops;
  return { rate, unit, ...(most > 0 ? { fraction: rate / most } : {}) };
}

const chosen = cases.filter(({ name }) => name.includes(values.filter));
const limits = measureLimits(k.info().isa, Number(values.threads));
const results = [];
await benny.suite(
  `kernels (${k.info().isa}, ${values.threads} thread${values.threads === "1" ? "" : "s"})`,
  ...chosen.map(({ name, make }) => benny.add(name, make, { minSamples: 5, maxTime: 0.5 })),
  benny.cycle((result) => {
    const { median, min, max } = result.details;
    const { rate, unit, fraction } = rated(
      chosen.find((c) => c.name === result.name),
      median,
      limits,
    );
    results.push({
      name: result.name,
      ms_median: median * 1e3,
      ms_min: min * 1e3,
      ms_max: max * 1e3,
      samples: result.samples,
      rate: `${rate.toFixed(1)} ${unit}`,
      ...(fraction === undefined ? {} : { of_limit: Number(fraction.toFixed(3)) }),
    });
    const part = fraction === undefined ? "" : `  ${(100 * fraction).toFixed(0).padStart(3)} % of the limit`;
    const ms = (median * 1e3).toPrecision(4).padStart(9);
    return `${result.name.padEnd(28)} ${ms} ms  ${rate.toFixed(1).padStart(6)} ${unit.padEnd(7)}${part}`;
  }),
);
if (values.json !== undefined) {
  const record = {
    command: "npm run bench",
    machine: await machine(),
    isa: k.info().isa,
    threads: Number(values.threads),
    limits,
    results,
  };
  writeFileSync(values.json, `${JSON.stringify(record, null, 2)}\n`);
}
