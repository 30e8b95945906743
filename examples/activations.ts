/** Every activation and its derivative as one picture; the values and derivatives are the engine's own. */

import { grad, ops, tensor } from "nabla";
import { Plot, save, Svg } from "./svg.js";

const SAMPLES = 321;
const [LOW, HIGH] = [-4, 4];
const xs = Float32Array.from({ length: SAMPLES }, (_, i) => LOW + ((HIGH - LOW) * i) / (SAMPLES - 1));

const notes: Readonly<Record<string, string>> = {
  sigmoid: "(0, 1), slope at most 1/4",
  logSigmoid: "ln σ(x), never overflows",
  tanh: "(−1, 1), slope at most 1",
  relu: "cheap; slope 0 below 0",
  relu6: "held within [0, 6]",
  softplus: "a smooth ReLU",
  softsign: "saturates slowly",
  silu: "x·σ(x), also swish",
  mish: "x·tanh(softplus x)",
  gelu: "x·Φ(x), exact",
  geluTanh: "GELU, approximated by tanh",
  selu: "keeps mean 0, variance 1",
  hardSigmoid: "straight pieces",
  hardSwish: "x·hardSigmoid(x)",
  hardTanh: "held within [−1, 1]",
  leakyRelu: "slope 0.01 below 0",
  elu: "to −1 below 0",
};

/** The function and its derivative at xs. */
function sample(name: string) {
  const x = tensor(xs, { requiresGrad: true });
  const y = ops.activations[name]!(x);
  return { y: y.dataSync(), slope: grad(y.sum(), [x])[0]!.dataSync() };
}

const names = Object.keys(ops.activations);
const COLUMNS = 4;
const [CELL_WIDTH, CELL_HEIGHT, TOP] = [270, 226, 62];
const rows = Math.ceil(names.length / COLUMNS);
const svg = new Svg(COLUMNS * CELL_WIDTH + 40, TOP + rows * CELL_HEIGHT + 6);
svg.text(38, 30, "Activation functions and their derivatives", { "font-size": 18, "font-weight": "bold" });
svg.line([[600, 25], [630, 25]], { stroke: "#0b62c4", "stroke-width": 3 });
svg.text(638, 30, "f(x)");
svg.line([[700, 25], [730, 25]], { stroke: "#d1480f", "stroke-width": 2, "stroke-dasharray": "6 4" });
svg.text(738, 30, "f′(x)");

console.log(`${"activation".padEnd(14)}${"smallest".padStart(10)}${"largest".padStart(10)}${"steepest".padStart(10)}${"at -4: f".padStart(12)}${"f′".padStart(10)}   on [−4, 4]`);
names.forEach((name, i) => {
  const { y, slope } = sample(name);
  const plot = new Plot(svg, {
    x: 38 + (i % COLUMNS) * CELL_WIDTH,
    y: TOP + 22 + Math.floor(i / COLUMNS) * CELL_HEIGHT,
    width: CELL_WIDTH - 42,
    height: CELL_HEIGHT - 66,
    horizontal: [LOW, HIGH],
    vertical: [-2.2, 4.2],
    title: name,
    ticks: [[-4, -2, 0, 2, 4], [-2, 0, 2, 4]],
  });
  svg.text(38 + (i % COLUMNS) * CELL_WIDTH + CELL_WIDTH - 42, plot.options.y - 9, notes[name] ?? "", { "text-anchor": "end", fill: "#57606a", "font-size": 11 });
  const points = (values: ArrayLike<number>) => Array.from(xs, (x, k) => [x, values[k]!] as const);
  plot.line(points(y), { stroke: "#0b62c4", "stroke-width": 2.6 });
  plot.line(points(slope), { stroke: "#d1480f", "stroke-width": 1.8, "stroke-dasharray": "6 4" });
  const columns = [Math.min(...y), Math.max(...y), Math.max(...Array.from(slope, Math.abs))].map((v) => v.toFixed(4).padStart(10));
  console.log(name.padEnd(14) + columns.join("") + y[0]!.toFixed(4).padStart(12) + slope[0]!.toFixed(4).padStart(10));
});
save(svg, "activations.svg");
