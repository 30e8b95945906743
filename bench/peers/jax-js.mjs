// jax-js for `npm run bench:compare`: jax-js.mjs FOLDER, the folder that has its node_modules.
//
// As its documentation says: the default device outside browsers, WebAssembly with SIMD; the whole step,
// gradient, clipping and update, in one jit; every array is passed on exactly once (.ref where it is needed
// again), so that memory is used anew; a step ends with blockUntilReady. Its pool of threads needs the
// Worker of browsers, which Node does not have: one thread however many are allowed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { serve, stepOf } from "./protocol.mjs";

const home = join(process.argv[2], "node_modules/@jax-js/jax");
const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
const {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  nn,
  numpy: np,
  random,
  tree,
  valueAndGrad,
} = await import(pathToFileURL(join(home, "dist/index.js")).href);

let seed = 0;
const key = () => random.key(seed++);
const uniform = (...shape) => random.uniform(key(), shape);
const normal = (...shape) => random.normal(key(), shape);
const labels = (count) =>
  nn.oneHot(np.array(Array.from({ length: count }, (_, i) => (i * 7) % 10)).astype(np.int32), 10);

const dense = (size, out) => ({
  w: uniform(size, out)
    .mul(2)
    .sub(1)
    .mul(size ** -0.5),
  b: np.zeros([out]),
});
const linear = ({ w, b }, x) => np.matmul(x, w).add(b);
const mlp = (...sizes) => sizes.slice(1).map((out, i) => dense(sizes[i], out));
const forward = (layers, x) =>
  layers.reduce((h, layer, i) => (i < layers.length - 1 ? nn.relu(linear(layer, h)) : linear(layer, h)), x);
/** y is one-hot. */
const entropy = (logits, y) => {
  const [rows] = y.shape;
  return nn
    .logSoftmax(logits)
    .mul(y)
    .sum()
    .mul(-1 / rows);
};

/** Optimizers: their state to begin with, and (parameters, gradients, state) => [parameters, state]. */
const zerosLike = (parameters) => tree.map((p) => np.zeros(p.shape), parameters);

const sgd = (rate) => ({
  start: () => [],
  update: (parameters, gradients) => [tree.map((p, g) => p.sub(g.mul(rate)), parameters, gradients), []],
});

function adam() {
  const [rate, beta1, beta2, epsilon] = [1e-3, 0.9, 0.999, 1e-8];
  return {
    start: (parameters) => [zerosLike(parameters), zerosLike(parameters), np.array([1]), np.array([1])],
    update(parameters, gradients, [m, v, power1, power2]) {
      const newM = tree.map((a, g) => a.mul(beta1).add(g.mul(1 - beta1)), m, tree.ref(gradients));
      const newV = tree.map((a, g) => a.mul(beta2).add(np.square(g).mul(1 - beta2)), v, gradients);
      const [p1, p2] = [power1.mul(beta1), power2.mul(beta2)];
      const size = np.array([rate]).div(np.array([1]).sub(p1.ref));
      const root = np.sqrt(np.array([1]).sub(p2.ref));
      const next = tree.map(
        (p, a, b) => p.sub(size.ref.mul(a).div(np.sqrt(b).div(root.ref).add(epsilon))),
        parameters,
        tree.ref(newM),
        tree.ref(newV),
      );
      size.dispose();
      root.dispose();
      return [next, [newM, newV, p1, p2]];
    },
  };
}

function rmsprop() {
  const [rate, alpha, epsilon] = [1e-3, 0.99, 1e-8];
  return {
    start: (parameters) => [zerosLike(parameters)],
    update(parameters, gradients, [v]) {
      const newV = tree.map((a, g) => a.mul(alpha).add(np.square(g).mul(1 - alpha)), v, tree.ref(gradients));
      const next = tree.map(
        (p, g, a) => p.sub(g.mul(rate).div(np.sqrt(a).add(epsilon))),
        parameters,
        gradients,
        tree.ref(newV),
      );
      return [next, [newV]];
    },
  };
}

/** Gradients scaled so that their global norm is at most `limit`. */
function clipped(gradients, limit) {
  const squares = tree.leaves(tree.ref(gradients)).map((g) => np.square(g).sum());
  const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
  const factor = np.minimum(np.array(limit).div(norm.add(1e-6)), np.array(1));
  const result = tree.map((g) => g.mul(factor.ref), gradients);
  factor.dispose();
  return result;
}

/** `loss(parameters, x, y, key)`; with `draws` every step has a key of its own. */
function trainer(start, optimizer, x, y, loss, { clip, draws = false } = {}) {
  const run = jit((parameters, state, input, target, ...keys) => {
    const objective = (p, a, b, ...rest) => loss(p, a, b, ...rest);
    const [value, found] = valueAndGrad(objective)(tree.ref(parameters), input, target, ...keys);
    const gradients = clip === undefined ? found : clipped(found, clip);
    return [...optimizer.update(parameters, gradients, state), value];
  });
  let [parameters, state, value] = [start, optimizer.start(start), undefined];
  return async () => {
    value?.dispose();
    [parameters, state, value] = run(parameters, state, x.ref, y.ref, ...(draws ? [key()] : []));
    await blockUntilReady([parameters, value]);
  };
}

const classify = (sizes, batch, optimizer) =>
  trainer(mlp(...sizes), optimizer, uniform(batch, sizes[0]), labels(batch), (p, x, y) =>
    entropy(forward(p, x), y),
  );

function xor() {
  const x = np.array([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const y = np.array([[0], [1], [1], [0]]);
  return trainer(mlp(2, 8, 1), sgd(0.5), x, y, ([hidden, output], input, target) => {
    const out = nn.sigmoid(linear(output, np.tanh(linear(hidden, input))));
    return np.square(out.sub(target)).mean();
  });
}

const scales = (size) => ({ gamma: np.ones([size]), beta: np.zeros([size]) });

/** Of a batch's columns (axis 0, batch norm) or of every row (axis 1, layer norm). */
function normalised({ gamma, beta }, x, axis) {
  const centred = x.ref.sub(np.mean(x, axis, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), axis, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(gamma)
    .add(beta);
}

/** Without running statistics, which nothing here reads: a little less than the others do. */
function bnDropout() {
  const start = [...[784, 512].map((size) => ({ ...dense(size, 512), ...scales(512) })), dense(512, 10)];
  const loss = ([first, second, head], x, y, draw) => {
    const [draw1, draw2] = random.split(draw, 2);
    const block = ({ w, b, gamma, beta }, input, k) =>
      nn
        .relu(normalised({ gamma, beta }, linear({ w, b }, input), 0))
        .mul(random.bernoulli(k, 0.5, [128, 512]).astype(np.float32))
        .mul(2);
    return entropy(linear(head, block(second, block(first, x, draw1), draw2)), y);
  };
  return trainer(start, adam(), uniform(128, 784), labels(128), loss, { draws: true });
}

function deep() {
  const blocks = Array.from({ length: 20 }, () => ({ ...dense(256, 256), ...scales(256) }));
  const start = { stem: dense(64, 256), blocks, head: dense(256, 10) };
  const loss = (p, x, y) => {
    const h = p.blocks.reduce(
      (input, { w, b, ...scale }) => {
        const change = np.tanh(normalised(scale, linear({ w, b }, input.ref), 1));
        return input.add(change);
      },
      linear(p.stem, x),
    );
    return entropy(linear(p.head, h), y);
  };
  return trainer(start, rmsprop(), normal(64, 64), labels(64), loss, { clip: 1 });
}

function inference(batch) {
  const layers = mlp(784, 512, 256, 10);
  const x = uniform(batch, 784);
  const predict = jit(forward);
  return async () => {
    const y = predict(tree.ref(layers), x.ref);
    await y.data();
  };
}

const workloads = {
  xor_tiny: xor,
  mlp_small: () => classify([784, 128, 10], 32, sgd(0.1)),
  mlp_mnist: () => classify([784, 512, 256, 10], 128, adam()),
  mlp_bn_dropout: bnDropout,
  mlp_deep: deep,
  infer_mlp_b1: () => inference(1),
  infer_mlp_b128: () => inference(128),
};

serve(async (request) => {
  await init("wasm");
  defaultDevice("wasm");
  return { peer: "jax-js", version, note: "one thread", ...stepOf(workloads, request) };
});
