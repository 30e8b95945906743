// node bench/event-loop.mjs [--seconds N] [--record]
// An HTTP server that trains in the background of its own process: delay of its event loop and latency
// of its answers while training runs.

import { writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import { dirname, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compile, losses, nn, optim, rand, tensor } from "../dist/esm/index.js";
import { machine } from "./protocol.mjs";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, record: { type: "boolean", default: false } },
});

const model = new nn.Sequential(
  new nn.Linear(784, 512),
  new nn.ReLU(),
  new nn.Linear(512, 256),
  new nn.ReLU(),
  new nn.Linear(256, 10),
);
const step = compile((x, y) => losses.crossEntropy(model.forward(x), y), { optimizer: new optim.Adam() });
const STEPS = 50;
const x = tensor(rand([STEPS, 128, 784]).dataSync(), { shape: [STEPS, 128, 784] });
const y = tensor(
  Int32Array.from({ length: STEPS * 128 }, (_, i) => (i * 7) % 10),
  { shape: [STEPS, 128] },
);

const server = createServer((_request, response) => response.end("still here\n")).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const ask = () =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    get({ host: "127.0.0.1", port: server.address().port }, (response) => {
      response.resume();
      response.on("end", () => resolve(performance.now() - start));
    }).on("error", reject);
  });

for (let i = 0; i < 20; i++) await ask();
await step.manyAsync(STEPS, [x, y]);

let stop = false;
let trained = 0;
const training = (async () => {
  while (!stop) trained += (await step.manyAsync(STEPS, [x, y])).completed;
})();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const latencies = [];
const end = performance.now() + 1000 * Number(values.seconds);
while (performance.now() < end) {
  latencies.push(await ask());
  await new Promise((resolve) => setTimeout(resolve, 2));
}
delay.disable();
stop = true;
await training;
server.close();

latencies.sort((a, b) => a - b);
const quantile = (q) => latencies[Math.floor(q * (latencies.length - 1))];
const result = {
  seconds: Number(values.seconds),
  steps_trained: trained,
  requests: latencies.length,
  // The monitor's own timer fires every millisecond; what is above that is delay.
  event_loop_delay_p99_ms: delay.percentile(99) / 1e6,
  event_loop_delay_max_ms: delay.max / 1e6,
  latency_median_ms: quantile(0.5),
  latency_p99_ms: quantile(0.99),
};
console.log(JSON.stringify(result, null, 2));
if (values.record) {
  const file = join(dirname(fileURLToPath(import.meta.url)), "results/event-loop.json");
  writeFileSync(
    file,
    `${JSON.stringify({ command: "node bench/event-loop.mjs --record", machine: await machine(), ...result }, null, 2)}\n`,
  );
}
