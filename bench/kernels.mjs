// npm run bench [-- --filter TEXT] [--threads N] [--json FILE]
// Every kernel alone (bench/kernel-cases.mjs), by benny: GFLOP/s of matrix products, GB/s of passes over memory,
// and what part that is of what this machine can do (bench/native/limits.cpp, run just before).

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import benny from "benny";
import * as k from "../dist/esm/kernels.js";
import { kernelCases } from "./kernel-cases.mjs";
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

const cases = kernelCases(k);

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
    const part = fraction === undefined ? "" : `  ${(100 * fraction).toFixed(0).padStart(3)} % of limit`;
    const ms = (median * 1e3).toPrecision(4).padStart(9);
    return `${result.name.padEnd(32)} ${ms} ms  ${rate.toFixed(1).padStart(6)} ${unit.padEnd(7)}${part}`;
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
