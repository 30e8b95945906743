/** Every activation and its derivative as one picture; the values and derivatives are the engine's own. */

import { fileURLToPath } from "node:url";
import { grad, ops, type Tensor, tensor } from "nabla";
import { Plot, Svg, save } from "./svg.js";

const SAMPLES = 161;
const [LOW, HIGH] = [-4, 4];
export const xs = Float32Array.from({ length: SAMPLES }, (_, i) => LOW + ((HIGH - LOW) * i) / (SAMPLES - 1));

/** In the order of the picture: what saturates, what is made of straight pieces, what is smooth. */
const notes: Readonly<Record<string, string>> = {
  sigmoid: "(0, 1), slope at most 1/4",
  tanh: "(−1, 1), slope at most 1",
  softsign: "x/(1+|x|), saturates slowly",
  hardSigmoid: "clip(x/6 + ½, 0, 1)",
  hardTanh: "clip(x, −1, 1)",
  logSigmoid: "ln σ(x), never overflows",
  relu: "max(x, 0): units can die",
  leakyRelu: "slope 0.01 below 0",
  prelu: "learned slope, here ¼",
  relu6: "clip(x, 0, 6)",
  elu: "eˣ−1 below 0",
  selu: "keeps mean 0, variance 1",
  softplus: "ln(1+eˣ)",
  gelu: "x·Φ(x)",
  geluTanh: "x·Φ(x), by tanh",
  silu: "x·σ(x), swish",
  mish: "x·tanh(ln(1+eˣ))",
  hardSwish: "x·hardSigmoid(x)",
};

const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  ...ops.activations,
  prelu: (x) => ops.prelu(x, tensor(0.25)),
};

export const names = Object.keys(functions).sort((a, b) => order(a) - order(b));
function order(name: string): number {
  const at = Object.keys(notes).indexOf(name);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

/** The function and its derivative at xs. */
export function sample(name: string) {
  const x = tensor(xs, { requiresGrad: true });
  const y = functions[name]!(x);
  return { y: y.dataSync(), slope: grad(y.sum(), [x])[0]!.dataSync() };
}

const COLUMNS = 6;
const [CELL_WIDTH, CELL_HEIGHT, TOP] = [228, 232, 66];
const blue = { stroke: "#0b62c4", "stroke-width": 2.6 };
const orange = { stroke: "#d1480f", "stroke-width": 1.9, "stroke-dasharray": "6 4" };

export function draw(): Svg {
  const rows = Math.ceil(names.length / COLUMNS);
  const svg = new Svg(COLUMNS * CELL_WIDTH + 28, TOP + rows * CELL_HEIGHT + 4);
  svg.text(34, 34, "Activation functions and their derivatives", { "font-size": 20, "font-weight": "bold" });
  svg.line(
    [
      [600, 28],
      [632, 28],
    ],
    blue,
  );
  svg.text(640, 33, "f(x)", { "font-size": 14 });
  svg.line(
    [
      [700, 28],
      [732, 28],
    ],
    orange,
  );
  svg.text(740, 33, "f′(x)", { "font-size": 14 });
  names.forEach((name, i) => {
    const { y, slope } = sample(name);
    const [left, top] = [34 + (i % COLUMNS) * CELL_WIDTH, TOP + 36 + Math.floor(i / COLUMNS) * CELL_HEIGHT];
    const plot = new Plot(svg, {
      x: left,
      y: top,
      width: CELL_WIDTH - 34,
      height: CELL_HEIGHT - 72,
      horizontal: [LOW, HIGH],
      vertical: [-2.2, 4.2],
      title: "",
      ticks: [
        [-4, -2, 0, 2, 4],
        [-2, 0, 2, 4],
      ],
    });
    svg.text(left, top - 21, name, { "font-weight": "bold", "font-size": 14.5 });
    svg.text(left, top - 6, notes[name] ?? "", { fill: "#57606a", "font-size": 12 });
    const points = (values: ArrayLike<number>) => Array.from(xs, (x, k) => [x, values[k]!] as const);
    plot.line(points(y), blue);
    plot.line(points(slope), orange);
  });
  return svg;
}

export function main(): void {
  console.log(
    `${"activation".padEnd(14)}${"smallest".padStart(10)}${"largest".padStart(10)}${"steepest".padStart(10)}${"f(−4)".padStart(12)}${"f′(−4)".padStart(10)}   on [−4, 4]`,
  );
  for (const name of names) {
    const { y, slope } = sample(name);
    const columns = [Math.min(...y), Math.max(...y), Math.max(...Array.from(slope, Math.abs))].map((v) =>
      v.toFixed(4).padStart(10),
    );
    console.log(
      name.padEnd(14) + columns.join("") + y[0]!.toFixed(4).padStart(12) + slope[0]!.toFixed(4).padStart(10),
    );
  }
  save(draw(), "activations.svg");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
