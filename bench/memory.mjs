// node --expose-gc bench/memory.mjs [--steps N] [--record]
// Resident memory over a million training steps, as single calls: the slope of a straight line through
// the second half of the readings, in bytes a step.

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { machine } from "./protocol.mjs";
import { makeWorkload } from "./workloads.mjs";

const { values } = parseArgs({
  options: { steps: { type: "string", default: "1000000" }, record: { type: "boolean", default: false } },
});
const steps = Number(values.steps);
const READINGS = 50;

const { step } = makeWorkload("xor_tiny");
const readings = [];
for (let i = 1; i <= READINGS; i++) {
  for (let k = 0; k < steps / READINGS; k++) step();
  globalThis.gc?.();
  readings.push([(i * steps) / READINGS, process.memoryUsage.rss()]);
}

/** Least squares. */
function slope(points) {
  const n = points.length;
  const [mx, my] = [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / n);
  return (
    points.reduce((s, [x, y]) => s + (x - mx) * (y - my), 0) / points.reduce((s, [x]) => s + (x - mx) ** 2, 0)
  );
}

const result = {
  steps,
  first_mb: readings[0][1] / 2 ** 20,
  last_mb: readings[READINGS - 1][1] / 2 ** 20,
  slope_bytes_per_step: slope(readings.slice(READINGS / 2)),
};
console.log(
  `resident memory over ${steps} steps: ${result.first_mb.toFixed(1)} -> ${result.last_mb.toFixed(1)} MB, slope ${result.slope_bytes_per_step.toFixed(4)} bytes a step`,
);
if (values.record) {
  const file = join(dirname(fileURLToPath(import.meta.url)), "results/memory.json");
  writeFileSync(
    file,
    `${JSON.stringify({ command: "node --expose-gc bench/memory.mjs --record", machine: await machine(), ...result }, null, 2)}\n`,
  );
}
