/** What each activation and its derivative cost: nanoseconds an element, one thread, arrays in L1. */

import { fileURLToPath } from "node:url";
import { info, pointwise, setThreads } from "nabla/kernels";

const LENGTH = 4096;
const x = Float32Array.from({ length: LENGTH }, (_, i) => 8 * (i / LENGTH) - 4);
const dy = new Float32Array(LENGTH).fill(1);
const out = new Float32Array(LENGTH);

const functions: Readonly<Record<string, readonly [forward: () => void, backward: () => void]>> = {
  relu: [() => pointwise.relu(x, out), () => pointwise.reluGrad(x, dy, out)],
  leakyRelu: [() => pointwise.leakyRelu(x, 0.01, out), () => pointwise.leakyReluGrad(x, dy, 0.01, out)],
  hardSwish: [() => pointwise.hardSwish(x, out), () => pointwise.hardSwishGrad(x, dy, out)],
  softsign: [() => pointwise.softsign(x, out), () => pointwise.softsignGrad(x, dy, out)],
  sigmoid: [() => pointwise.sigmoid(x, out), () => pointwise.sigmoidGrad(x, dy, out)],
  tanh: [() => pointwise.tanh(x, out), () => pointwise.tanhGrad(x, dy, out)],
  elu: [() => pointwise.elu(x, 1, out), () => pointwise.eluGrad(x, dy, 1, out)],
  selu: [() => pointwise.selu(x, out), () => pointwise.seluGrad(x, dy, out)],
  silu: [() => pointwise.silu(x, out), () => pointwise.siluGrad(x, dy, out)],
  softplus: [() => pointwise.softplus(x, out), () => pointwise.softplusGrad(x, dy, out)],
  gelu: [() => pointwise.gelu(x, out), () => pointwise.geluGrad(x, dy, out)],
  geluTanh: [() => pointwise.geluTanh(x, out), () => pointwise.geluTanhGrad(x, dy, out)],
  mish: [() => pointwise.mish(x, out), () => pointwise.mishGrad(x, dy, out)],
};

/** The best of several rounds: what the machine can do when nothing disturbs it. */
function nanoseconds(run: () => void, rounds: number): number {
  const calls = 200;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    best = Math.min(best, performance.now() - start);
  }
  return (best * 1e6) / (calls * LENGTH);
}

export function measure(rounds = 30): { name: string; forward: number; backward: number }[] {
  setThreads(1);
  return Object.entries(functions).map(([name, [forward, backward]]) => ({
    name,
    forward: nanoseconds(forward, rounds),
    backward: nanoseconds(backward, rounds),
  }));
}

export function main(): void {
  console.log(`${info().isa}, one thread, ${LENGTH} float32: nanoseconds an element\n`);
  console.log("| activation | forward | derivative |\n| --- | ---: | ---: |");
  for (const { name, forward, backward } of measure()) {
    console.log(`| ${name} | ${forward.toFixed(2)} | ${backward.toFixed(2)} |`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
