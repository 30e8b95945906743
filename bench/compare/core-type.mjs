// OpenBLAS and BLIS choose kernels by the family of the processor, and take those of an old one, or portable
// ones, where they were released before it. Their documentation names a variable that chooses instead; which
// value is fastest here is measured once, with one product on one thread.

import { spawnSync } from "node:child_process";
import { program } from "./programs.mjs";
import { childEnvironment } from "./session.mjs";

/** Values worth a try: kernels for AVX-512. BLIS numbers its kinds, differently in every release; what the
 *  processor cannot do ends the child, and is not taken. */
const CORE_TYPES = {
  openblas: { variable: "OPENBLAS_CORETYPE", values: ["SkylakeX"] },
  blis: { variable: "BLIS_ARCH_TYPE", values: ["0", "1"] },
};
const PRODUCT = { workload: "sgemm_NN_512x512x512", threads: 1, blockMs: 20 };
const BLOCKS = 3;
const WORTH = 0.95; // of the time: what the library chooses itself is kept otherwise

/** Milliseconds with these variables, the best block; infinite where the child fails. */
function time(library, file, variables) {
  const { stdout } = spawnSync(program("gemm_library"), [library, file], {
    env: childEnvironment({ OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", ...variables }),
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

const known = new Map();

/** The variables with which this OpenBLAS or BLIS is fastest: none if it chooses well by itself. */
export function fastestCoreType(library, file) {
  const { variable, values } = CORE_TYPES[library];
  if (process.arch !== "x64") return {};
  if (known.has(file)) return known.get(file);
  let variables = {};
  try {
    let best = WORTH * time(library, file, {});
    for (const value of values) {
      const ms = time(library, file, { [variable]: value });
      if (ms < best) [best, variables] = [ms, { [variable]: value }];
    }
  } catch {
    // No compiler, no program to measure with: as the library has it.
  }
  known.set(file, variables);
  return variables;
}
