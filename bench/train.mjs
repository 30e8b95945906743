// npm run bench:train -- [--workload a,b] [--threads N] [--blocks N] [--json] [--profile]
// One line a workload: a training step (or a forward pass) of nabla, in milliseconds.

import { parseArgs } from "node:util";
import { setThreads } from "../dist/esm/index.js";
import { prepare, summary } from "./protocol.mjs";
import { makeWorkload, workloads, workloadsNamed } from "./workloads.mjs";

const { values } = parseArgs({
  options: {
    workload: { type: "string", default: Object.keys(workloads).join() },
    threads: { type: "string", default: "1" },
    blocks: { type: "string", default: "9" },
    json: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
  },
});
const names = workloadsNamed(values.workload);
const threads = Number(values.threads);
setThreads(threads);

for (const name of names) {
  const workload = makeWorkload(name);
  const block = prepare(workload.step, workload);
  const times = Array.from({ length: Number(values.blocks) }, block);
  const result = summary(name, threads, times, workload);
  if (values.json) console.log(JSON.stringify(result));
  else {
    const rate = result.gflops === undefined ? "" : `${result.gflops.toFixed(1)} GFLOP/s`;
    console.log(
      `${name.padEnd(16)} ${result.ms_median.toPrecision(4).padStart(9)} ms  (${result.ms_min.toPrecision(3)} .. ${result.ms_max.toPrecision(3)})  ${rate}`,
    );
  }
  if (values.profile) console.table(workload.program().profile(200));
}
