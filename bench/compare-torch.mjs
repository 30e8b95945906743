// node bench/compare-torch.mjs [--python PATH] [--workload a,b] [--pairs N] [--record]
// nabla and PyTorch on the same work, one thread each, block by block in turn, so that a change of the
// machine's speed meets both. Prints the ratio PyTorch / nabla: its median and its quartiles.

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { info, setThreads } from "../dist/esm/index.js";
import { machine, median, prepare } from "./protocol.mjs";
import { makeWorkload } from "./workloads.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    workload: { type: "string", default: "xor_tiny,mlp_small,mlp_mnist" },
    pairs: { type: "string", default: "15" },
    record: { type: "boolean", default: false },
  },
});
const BLOCK_MS = 120;
/** Debian's OpenBLAS for one thread pool with PyTorch (libopenblas0-openmp); without it PyTorch is ten times slower. */
const OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp";
const capability = info().isas.includes("avx512") ? "avx512" : "avx2";

/** A PyTorch process that answers questions line by line. */
async function startTorch(name) {
  const environment = {
    ...process.env,
    ...(existsSync(OPENBLAS) ? { LD_LIBRARY_PATH: OPENBLAS } : {}),
    OMP_NUM_THREADS: "1",
    OPENBLAS_NUM_THREADS: "1",
    ATEN_CPU_CAPABILITY: capability,
    // Blocks stay with the process: a fresh result is otherwise a page fault every 4 KB.
    MALLOC_MMAP_THRESHOLD_: "1073741824",
    MALLOC_TRIM_THRESHOLD_: "17179869184",
    MALLOC_TOP_PAD_: "268435456",
  };
  const child = spawn(values.python, [join(folder, "peers/pytorch.py")], {
    env: environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (line) => {
    child.stdin.write(`${line}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`Expected PyTorch under ${values.python} (--python PATH) but it ended`);
    return value;
  };
  const version = (await ask(`${name} ${BLOCK_MS}`)).split(" ")[1];
  return { version, block: async () => Number(await ask("")), stop: () => child.stdin.end() };
}

const quantile = (numbers, q) => [...numbers].sort((a, b) => a - b)[Math.round(q * (numbers.length - 1))];

async function compare(name) {
  const torch = await startTorch(name);
  const block = prepare(makeWorkload(name).step, { blockMs: BLOCK_MS });
  const pairs = [];
  for (let i = 0; i < Number(values.pairs); i++) pairs.push([block(), await torch.block()]);
  torch.stop();
  const ratios = pairs.map(([own, theirs]) => theirs / own);
  const [ratio, low, high] = [median(ratios), quantile(ratios, 0.25), quantile(ratios, 0.75)];
  const [own, theirs] = [0, 1].map((i) => median(pairs.map((p) => p[i])));
  console.log(
    `${name.padEnd(12)} nabla ${own.toPrecision(4)} ms   PyTorch ${torch.version} ${theirs.toPrecision(4)} ms   ratio ${ratio.toFixed(2)} (${low.toFixed(2)} .. ${high.toFixed(2)})`,
  );
  return {
    workload: name,
    threads: 1,
    nabla_ms: own,
    torch_ms: theirs,
    ratio,
    ratio_quartiles: [low, high],
    pairs: pairs.length,
    torch: torch.version,
  };
}

setThreads(1);
const results = [];
for (const name of values.workload.split(",")) results.push(await compare(name));
if (values.record) {
  const record = {
    command: "node bench/compare-torch.mjs --record",
    machine: await machine(),
    isa: info().isa,
    results,
  };
  writeFileSync(join(folder, "results/compare-torch.json"), `${JSON.stringify(record, null, 2)}\n`);
}
