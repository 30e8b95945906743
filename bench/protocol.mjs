// How everything is timed: three steps and 100 ms of warm-up, then blocks of as many steps as fit in
// `blockMs`; the median over the blocks is the figure, the extremes show how quiet the machine was.

export const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/** Runs `step` until `ms` milliseconds are over; returns milliseconds a step. */
function during(step, ms) {
  const start = performance.now();
  let count = 0;
  do {
    step();
    count++;
  } while (performance.now() - start < ms);
  return (performance.now() - start) / count;
}

/** Warms up and returns a function that measures one block, in milliseconds a step. */
export function prepare(step, { blockMs = 120, stepsPerCall = 1 } = {}) {
  for (let i = 0; i < 3; i++) step();
  const calls = Math.max(1, Math.floor(blockMs / during(step, 100)));
  return () => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) step();
    return (performance.now() - start) / calls / stepsPerCall;
  };
}

const rounded = (x) => Number(x.toPrecision(6));

/** The JSON line of one workload. */
export function summary(workload, threads, blocks, { flops = 0, bytes = 0 } = {}) {
  const ms = median(blocks);
  return {
    workload,
    peer: "nabla",
    threads,
    ms_median: rounded(ms),
    ms_min: rounded(Math.min(...blocks)),
    ms_max: rounded(Math.max(...blocks)),
    blocks: blocks.length,
    steps_per_s: rounded(1000 / ms),
    ...(flops > 0 ? { gflops: rounded(flops / ms / 1e6) } : {}),
    ...(bytes > 0 ? { gbs: rounded(bytes / ms / 1e6) } : {}),
  };
}

/** The processor's name; with its family and model where Linux tells, since a virtual machine's name may not say
 * which generation it is (AMD: 25 with model 16 and up is Zen 4, 26 Zen 5). */
async function processor(os) {
  const name = os.cpus()[0].model;
  const { readFileSync, existsSync } = await import("node:fs");
  const info = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  const [family, model] = ["cpu family", "model"].map(
    (key) => info.match(new RegExp(`^${key}\\s*: (\\d+)$`, "m"))?.[1],
  );
  return family === undefined || model === undefined ? name : `${name} (family ${family}, model ${model})`;
}

/** The machine, for records. */
export async function machine() {
  const os = await import("node:os");
  return {
    processor: await processor(os),
    cores: os.availableParallelism(),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}
