// npm run bench:neighbours [-- --workload a,b] [--threads N] [--blocks N] [--pause MICROSECONDS]
// One thread against several while somebody else uses a CPU: nobody, somebody all the time, somebody who
// works and sleeps in turn. Milliseconds a step, blocks of both in turn, the median of each.
// pause: before every step so much code of a user's own, which is not counted.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { setThreads } from "../dist/esm/index.js";
import { median, prepare } from "./protocol.mjs";
import { makeWorkload, workloadsNamed } from "./workloads.mjs";

const { values } = parseArgs({
  options: {
    workload: { type: "string", default: "mlp_small,mlp_mnist,mlp_bn_dropout,mlp_deep,infer_mlp_b1" },
    threads: { type: "string", default: String(availableParallelism()) },
    blocks: { type: "string", default: "9" },
    pause: { type: "string", default: "0" },
  },
});
const threads = Number(values.threads);
const pause = Number(values.pause) / 1000;

const afterPause = (step) => () => {
  const end = performance.now() + pause;
  while (performance.now() < end);
  step();
};

/** Milliseconds that the neighbour works and sleeps. */
const neighbours = {
  nobody: undefined,
  "busy all the time": [1, 0],
  "0.05 ms in turn": [0.05, 0.05],
  "1 ms in turn": [1, 1],
  "4 ms in turn": [4, 4],
};

const works = `
const [work, sleep] = process.argv.slice(1).map(Number);
const never = new Int32Array(new SharedArrayBuffer(4));
const parent = process.ppid;
console.log("at work");
while (process.ppid === parent) {
  const end = performance.now() + work;
  while (performance.now() < end);
  if (sleep > 0) Atomics.wait(never, 0, 0, sleep);
}`;

async function start(turn) {
  if (turn === undefined) return undefined;
  const child = spawn(process.execPath, ["-e", works, ...turn.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

for (const name of workloadsNamed(values.workload)) {
  const workload = makeWorkload(name);
  const step = pause > 0 ? afterPause(workload.step) : workload.step;
  const blocks = [1, threads].map((count) => {
    setThreads(count);
    return { count, measure: prepare(step, workload), times: [] };
  });
  for (const [title, turn] of Object.entries(neighbours)) {
    const child = await start(turn);
    try {
      for (const block of blocks) block.times = [];
      for (let i = 0; i < Number(values.blocks); i++) {
        for (const block of blocks) {
          setThreads(block.count);
          block.times.push(block.measure() - pause);
        }
      }
    } finally {
      child?.kill();
    }
    const [alone, together] = blocks.map(({ times }) => median(times));
    const figures = [alone, together].map((ms) => ms.toPrecision(3).padStart(8)).join(" ms, ");
    console.log(
      `${name.padEnd(16)} ${title.padEnd(18)} 1 and ${threads} threads: ${figures} ms, ratio ${(together / alone).toFixed(2)}`,
    );
  }
}
