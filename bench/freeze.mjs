// node bench/freeze.mjs
// What freeze() gains: mlp_mnist's forward for few and many rows, on one thread, by a model that is frozen and
// by its twin that is not, block by block in turn; in a call and awaited. Microseconds, medians of nine blocks.

import { compile, manualSeed, nn, noGrad, rand, setThreads, tensor } from "../dist/esm/index.js";
import { median, prepare } from "./protocol.mjs";

setThreads(1);

function predictor(frozen) {
  manualSeed(0);
  const layers = [new nn.Linear(784, 512), new nn.ReLU(), new nn.Linear(512, 256), new nn.ReLU()];
  const model = new nn.Sequential(...layers, new nn.Linear(256, 10)).evaluate();
  if (frozen) model.freeze();
  return compile((x) => noGrad(() => model.forward(x)));
}

/** Microseconds a prediction, awaited one after the other. */
async function awaited(predict, x) {
  const count = 300;
  const start = performance.now();
  for (let i = 0; i < count; i++) (await predict.async(x)).dataSync();
  return ((performance.now() - start) / count) * 1000;
}

const predictors = [predictor(false), predictor(true)];
console.log("rows   not frozen   frozen   ratio   awaited: not frozen   frozen");
for (const rows of [1, 2, 4, 8, 16, 32, 128]) {
  const x = tensor(rand([rows, 784]).dataSync(), { shape: [rows, 784] });
  const blocks = predictors.map((predict) => prepare(() => predict(x).dataSync(), { blockMs: 60 }));
  const [sync, later] = [[], []];
  for (let i = 0; i < 9; i++) {
    sync.push(blocks.map((block) => 1000 * block()));
    later.push([await awaited(predictors[0], x), await awaited(predictors[1], x)]);
  }
  const of = (pairs, i) => median(pairs.map((pair) => pair[i]));
  const ratio = median(sync.map(([plain, frozen]) => frozen / plain));
  const cells = [of(sync, 0).toFixed(0), of(sync, 1).toFixed(0), ratio.toFixed(2)];
  console.log(
    `${String(rows).padStart(4)} ${cells[0].padStart(12)} ${cells[1].padStart(8)} ${cells[2].padStart(7)} ` +
      `${of(later, 0).toFixed(0).padStart(20)} ${of(later, 1).toFixed(0).padStart(8)}`,
  );
}
