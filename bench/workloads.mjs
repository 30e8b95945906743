// The workloads of dense networks. One step: forward, loss, backward, (clip), update, done when the
// loss can be read. Data are made once; the same batch every step. `flops`: multiply-adds of the matrix
// products twice, without the input gradient of the first layer.

import { compile, losses, manualSeed, nn, noGrad, optim, rand, randn, tensor } from "../dist/esm/index.js";

const labels = (n) => tensor(Int32Array.from({ length: n }, (_, i) => (i * 7) % 10));
const fixed = (t) => tensor(t.dataSync(), { shape: t.shape });

/** A training step as a function without arguments. */
function trainingStep(model, x, y, loss, options) {
  const step = compile((input, target) => loss(model.forward(input), target), options);
  return { step: () => step(x, y), program: () => step.program(x, y) };
}

const classify = (model, x, y, options) => trainingStep(model, x, y, losses.crossEntropy, options);
const mlp = (...sizes) =>
  new nn.Sequential(
    ...sizes.slice(1).flatMap((out, i) => {
      const linear = new nn.Linear(sizes[i], out);
      return i < sizes.length - 2 ? [linear, new nn.ReLU()] : [linear];
    }),
  );

const forwardFlops = (batch, ...sizes) =>
  sizes.slice(1).reduce((sum, out, i) => sum + 2 * batch * sizes[i] * out, 0);
const trainingFlops = (batch, ...sizes) =>
  3 * forwardFlops(batch, ...sizes) - forwardFlops(batch, sizes[0], sizes[1]);

function xor() {
  const x = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const y = tensor([[0], [1], [1], [0]]);
  const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1), new nn.Sigmoid());
  const options = { optimizer: new optim.SGD({ learningRate: 0.5 }) };
  const step = compile((input, target) => losses.mse(model.forward(input), target), options);
  return { x, y, step };
}

/** mlp_deep: a stem, 20 residual blocks h + tanh(LayerNorm(Linear(h))), a head. */
class Deep extends nn.Module {
  constructor() {
    super();
    this.stem = new nn.Linear(64, 256);
    this.l = new nn.ModuleList(Array.from({ length: 20 }, () => new nn.Linear(256, 256)));
    this.n = new nn.ModuleList(Array.from({ length: 20 }, () => new nn.LayerNorm(256)));
    this.head = new nn.Linear(256, 10);
  }
  forward(x) {
    let h = this.stem.forward(x);
    for (let i = 0; i < 20; i++) h = h.add(this.n.at(i).forward(this.l.at(i).forward(h)).tanh());
    return this.head.forward(h);
  }
}

function inference(batch) {
  const model = mlp(784, 512, 256, 10).freeze();
  const x = fixed(rand([batch, 784]));
  const predict = compile((input) => noGrad(() => model.forward(input)));
  return { step: () => predict(x).dataSync(), program: () => predict.program(x) };
}

export const workloads = {
  xor_tiny: {
    make() {
      const { x, y, step } = xor();
      return { step: () => step(x, y), program: () => step.program(x, y) };
    },
  },
  /** The same in calls of 1,000 steps. */
  xor_tiny_many: {
    stepsPerCall: 1000,
    make() {
      const { x, y, step } = xor();
      const repeat = (t) =>
        tensor(
          Float32Array.from({ length: 1000 * t.size }, (_, i) => t.dataSync()[i % t.size]),
          { shape: [1000, ...t.shape] },
        );
      const [xs, ys] = [repeat(x), repeat(y)];
      return { step: () => step.many(1000, xs, ys), program: () => step.program(x, y) };
    },
  },
  mlp_small: {
    flops: trainingFlops(32, 784, 128, 10),
    make: () =>
      classify(mlp(784, 128, 10), fixed(rand([32, 784])), labels(32), {
        optimizer: new optim.SGD({ learningRate: 0.1 }),
      }),
  },
  mlp_mnist: {
    flops: trainingFlops(128, 784, 512, 256, 10),
    make: () =>
      classify(mlp(784, 512, 256, 10), fixed(rand([128, 784])), labels(128), { optimizer: new optim.Adam() }),
  },
  mlp_bn_dropout: {
    flops: trainingFlops(128, 784, 512, 512, 10),
    make() {
      const block = (from) => [
        new nn.Linear(from, 512),
        new nn.BatchNorm1d(512),
        new nn.ReLU(),
        new nn.Dropout(0.5),
      ];
      const model = new nn.Sequential(...block(784), ...block(512), new nn.Linear(512, 10));
      return classify(model, fixed(rand([128, 784])), labels(128), { optimizer: new optim.Adam() });
    },
  },
  mlp_deep: {
    flops: trainingFlops(64, 64, ...Array(21).fill(256), 10),
    make: () =>
      classify(new Deep(), fixed(randn([64, 64])), labels(64), {
        optimizer: new optim.RMSprop({ learningRate: 1e-3 }),
        clip: { norm: 1 },
      }),
  },
  infer_mlp_b1: {
    flops: forwardFlops(1, 784, 512, 256, 10),
    bytes: 4 * (784 * 512 + 512 * 256 + 2560),
    make: () => inference(1),
  },
  infer_mlp_b128: { flops: forwardFlops(128, 784, 512, 256, 10), make: () => inference(128) },
};

/** The names of a list like "a,b"; one that is not known ends the process. */
export function workloadsNamed(list) {
  const names = list.split(",");
  for (const name of names) {
    if (workloads[name] !== undefined) continue;
    console.error(`Expected a workload of ${Object.keys(workloads).join(", ")} but received ${name}`);
    process.exit(2);
  }
  return names;
}

/** The workload by name, its data and model made from a fixed seed. */
export function makeWorkload(name) {
  manualSeed(0);
  return { ...workloads[name], ...workloads[name].make() };
}
