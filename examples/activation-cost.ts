/** What each activation and its derivative cost: nanoseconds an element, one thread. */

import { fileURLToPath } from "node:url";
import { info, pointwise, setThreads } from "nabla/kernels";

/** Long enough that the cost of a call does not count; 256 KiB an array, in the L2 cache. */
const LENGTH = 65536;
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

const CALLS = 20;

/** Nanoseconds an element. */
function once(run: () => void): number {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) run();
  return ((performance.now() - start) * 1e6) / (CALLS * LENGTH);
}

/** The best of `rounds`, all functions in turn: what the machine can do when nothing disturbs it. */
export function measure(rounds = 40): { name: string; forward: number; backward: number }[] {
  setThreads(1);
  const results = Object.keys(functions).map((name) => ({
    name,
    forward: Number.POSITIVE_INFINITY,
    backward: Number.POSITIVE_INFINITY,
  }));
  for (let round = 0; round < rounds; round++) {
    for (const result of results) {
      const [forward, backward] = functions[result.name]!;
      result.forward = Math.min(result.forward, once(forward));
      result.backward = Math.min(result.backward, once(backward));
    }
  }
  return results;
}

export function main(): void {
  console.log(`${info().isa}, one thread, ${LENGTH} float32: nanoseconds an element\n`);
  console.log("| activation | forward | derivative |\n| --- | ---: | ---: |");
  for (const { name, forward, backward } of measure()) {
    console.log(`| ${name} | ${forward.toFixed(2)} | ${backward.toFixed(2)} |`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
