// TensorFlow.js for `npm run bench:compare`: tfjs.mjs FOLDER wasm|cpu, the folder that has its
// node_modules.
//
// As its documentation says: production mode (no checks for NaN, no debug), the WebAssembly backend with
// SIMD. Its threaded binary starts workers from blobs, which Node refuses, so it has one thread however
// many are allowed. A step is an optimizer over fused operations inside a tidy, nothing is read but the
// loss at the end, which makes sure that all work is done; the layers API does the same with more around
// it.

import { createRequire } from "node:module";
import { join } from "node:path";
import { serve, stepOf } from "./protocol.mjs";

const [folder, backend] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const tf = require("@tensorflow/tfjs");
const { version } = require("@tensorflow/tfjs/package.json");

async function start() {
  tf.enableProdMode();
  if (backend === "wasm") require("@tensorflow/tfjs-backend-wasm");
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  if (backend !== "wasm") return "one thread";
  return (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) ? "one thread, SIMD" : "one thread, no SIMD";
}

const labels = (count) =>
  tf.oneHot(
    tf.tensor1d(
      Array.from({ length: count }, (_, i) => (i * 7) % 10),
      "int32",
    ),
    10,
  );
const dense = (size, out) => ({
  w: tf.variable(tf.randomUniform([size, out], -(size ** -0.5), size ** -0.5)),
  b: tf.variable(tf.zeros([out])),
});
const linear = ({ w, b }, x, activation = "linear") => tf.fused.matMul({ a: x, b: w, bias: b, activation });
const mlp = (...sizes) => sizes.slice(1).map((out, i) => dense(sizes[i], out));
const forward = (layers, x) =>
  layers.reduce((h, layer, i) => linear(layer, h, i < layers.length - 1 ? "relu" : "linear"), x);

/** A step whose loss is read; `clip` is the largest global norm of the gradient. */
function trainer(optimizer, loss, clip) {
  return () =>
    tf.tidy(() => {
      const { value, grads } = optimizer.computeGradients(loss);
      if (clip !== undefined) {
        const squares = Object.values(grads).map((g) => tf.sum(tf.square(g)));
        const norm = tf.sqrt(tf.addN(squares));
        const factor = tf.minimum(1, tf.div(clip, tf.add(norm, 1e-6)));
        for (const name of Object.keys(grads)) grads[name] = tf.mul(grads[name], factor);
      }
      optimizer.applyGradients(grads);
      return value.dataSync()[0];
    });
}

function classify(sizes, batch, optimizer) {
  const layers = mlp(...sizes);
  const [x, y] = [tf.randomUniform([batch, sizes[0]]), labels(batch)];
  return trainer(optimizer, () => tf.losses.softmaxCrossEntropy(y, forward(layers, x)));
}

function xor() {
  const [hidden, output] = mlp(2, 8, 1);
  const x = tf.tensor2d([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const y = tf.tensor2d([[0], [1], [1], [0]]);
  return trainer(tf.train.sgd(0.5), () => {
    const out = tf.sigmoid(linear(output, tf.tanh(linear(hidden, x))));
    return tf.mean(tf.squaredDifference(out, y));
  });
}

const scales = (size) => ({ gamma: tf.variable(tf.ones([size])), beta: tf.variable(tf.zeros([size])) });

/** With the statistics of the batch; `running` moves towards them. */
function batchNorm({ gamma, beta }, running, x) {
  const { mean, variance } = tf.moments(x, 0);
  tf.tidy(() => {
    running.mean.assign(tf.add(tf.mul(running.mean, 0.9), tf.mul(mean, 0.1)));
    running.variance.assign(tf.add(tf.mul(running.variance, 0.9), tf.mul(variance, 0.1)));
  });
  return tf.batchNorm2d(x, mean, variance, beta, gamma, 1e-5);
}

function bnDropout() {
  const blocks = [784, 512].map((size) => ({ ...dense(size, 512), ...scales(512) }));
  const running = blocks.map(() => ({
    mean: tf.variable(tf.zeros([512]), false),
    variance: tf.variable(tf.ones([512]), false),
  }));
  const head = dense(512, 10);
  const [x, y] = [tf.randomUniform([128, 784]), labels(128)];
  return trainer(tf.train.adam(1e-3), () => {
    const h = blocks.reduce(
      (input, block, i) => tf.dropout(tf.relu(batchNorm(block, running[i], linear(block, input))), 0.5),
      x,
    );
    return tf.losses.softmaxCrossEntropy(y, linear(head, h));
  });
}

function layerNorm({ gamma, beta }, x) {
  const { mean, variance } = tf.moments(x, 1, true);
  const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(normal, gamma), beta);
}

function deep() {
  const [stem, head] = [dense(64, 256), dense(256, 10)];
  const blocks = Array.from({ length: 20 }, () => ({ ...dense(256, 256), ...scales(256) }));
  const [x, y] = [tf.randomNormal([64, 64]), labels(64)];
  const loss = () => {
    const h = blocks.reduce(
      (input, block) => tf.add(input, tf.tanh(layerNorm(block, linear(block, input)))),
      linear(stem, x),
    );
    return tf.losses.softmaxCrossEntropy(y, linear(head, h));
  };
  return trainer(tf.train.rmsprop(1e-3, 0.99, 0, 1e-8), loss, 1);
}

function inference(batch) {
  const layers = mlp(784, 512, 256, 10);
  const x = tf.randomUniform([batch, 784]);
  return () => tf.tidy(() => forward(layers, x).dataSync());
}

const workloads = {
  xor_tiny: xor,
  mlp_small: () => classify([784, 128, 10], 32, tf.train.sgd(0.1)),
  mlp_mnist: () => classify([784, 512, 256, 10], 128, tf.train.adam(1e-3)),
  mlp_bn_dropout: bnDropout,
  mlp_deep: deep,
  infer_mlp_b1: () => inference(1),
  infer_mlp_b128: () => inference(128),
};

serve(async (request) => {
  const note = await start();
  return { peer: `TensorFlow.js ${backend}`, version, note, ...stepOf(workloads, request) };
});
