// The child's side of bench/compare/session.mjs, for nabla and every peer written in JavaScript; what the
// lines mean is said there. A step may return a promise: then it is done when that is.

import { readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

// Libraries print what they like; only answers may go to the pipe.
console.log = console.error;
console.info = console.error;
const answer = (value) => writeSync(1, `${JSON.stringify(value)}\n`);

const WARM_UP_MS = 400;
/** A peer whose step takes longer is warm after two. */
const SLOW_STEP_MS = 2000;

/** Milliseconds of `count` steps. */
function timer(step, waits) {
  if (waits) {
    return async (count) => {
      const start = performance.now();
      for (let i = 0; i < count; i++) await step();
      return performance.now() - start;
    };
  }
  return (count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) step();
    return performance.now() - start;
  };
}

/** Runs until the speed has settled; milliseconds a step. */
async function warmUp(time) {
  let once = await time(1);
  if (once > SLOW_STEP_MS) return once;
  let count = 1;
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) {
    const took = await time(count);
    once = took / count;
    if (took < WARM_UP_MS / 8) count *= 2;
  }
  return once;
}

/** Bytes. The system's own peak where it tells: getrusage also counts the process that forked this one. */
function peakMemory() {
  try {
    return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  } catch {
    return 1024 * process.resourceUsage().maxRSS;
  }
}

/**
 * Answers the driver until it says "end". `prepare(request)` returns {peer, version, note, step,
 * stepsPerCall} or {unable}.
 */
export async function serve(prepare) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const request = JSON.parse((await lines.next()).value);
  const { unable, peer, version, note = "", step, stepsPerCall = 1 } = await prepare(request);
  if (unable !== undefined) {
    answer({ unable });
    process.exit(0);
  }
  const first = step(); // compiles, allocates
  await first;
  const time = timer(step, first instanceof Promise);
  const count = Math.max(1, Math.round(request.blockMs / (await warmUp(time))));
  const leadIn = count === 1 ? 0 : Math.ceil(count / 8); // wakes workers, fills the caches again
  answer({ peer, version, note });
  for await (const line of lines) {
    if (line === "end") break;
    await time(leadIn);
    answer((await time(count)) / count / stepsPerCall);
  }
  answer(peakMemory());
  process.exit(0);
}

/** For a table of functions that make a step: the entry of the workload asked for. */
export const stepOf = (workloads, request) =>
  workloads[request.workload] === undefined
    ? { unable: "not written for this peer" }
    : { step: workloads[request.workload]() };
