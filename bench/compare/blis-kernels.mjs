// BLIS chooses kernels by the family of the processor, and takes portable ones where it was released before it.
// Its documentation names a variable that chooses instead; which value is fastest here is measured once, with
// one product on one thread.

import { spawnSync } from "node:child_process";
import { program } from "./programs.mjs";
import { childEnvironment } from "./session.mjs";

/** Kernels for AVX-512 are one of these: kinds have numbers, other ones in every release. What the processor
 *  cannot do ends the child, and is not taken. */
const KINDS = ["0", "1"];
const PRODUCT = { workload: "sgemm_NN_512x512x512", threads: 1, blockMs: 20 };
const BLOCKS = 3;
const WORTH = 0.95; // of the time: what the library chooses itself is kept otherwise

/** Milliseconds with these variables, the best block; infinite where the child fails. */
function time(file, variables) {
  const { stdout } = spawnSync(program("gemm_library"), ["blis", file], {
    env: childEnvironment({ BLIS_NUM_THREADS: "1", ...variables }),
    input: [JSON.stringify(PRODUCT), ...Array(BLOCKS).fill("block"), "end", ""].join("\n"),
    encoding: "utf8",
    timeout: 60_000,
  });
  const times = (stdout ?? "")
    .split("\n")
    .slice(1, 1 + BLOCKS)
    .map(Number);
  return times.length === BLOCKS && times.every((ms) => ms > 0) ? Math.min(...times) : Infinity;
}

function measure(file) {
  if (process.arch !== "x64") return {};
  let [best, variables] = [WORTH * time(file, {}), {}];
  for (const kind of KINDS) {
    const ms = time(file, { BLIS_ARCH_TYPE: kind });
    if (ms < best) [best, variables] = [ms, { BLIS_ARCH_TYPE: kind }];
  }
  return variables;
}

let known;

/** The variables with which this BLIS is fastest: none if it chooses well by itself. */
export function blisKernels(file) {
  known ??= measure(file);
  return known;
}
