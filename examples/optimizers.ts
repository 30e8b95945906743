/** The paths of every optimizer on a ravine and on a saddle, as one picture. */

import { compile, nn, optim, type Tensor } from "nabla";
import { Plot, type Point, type Range, save, Svg } from "./svg.js";

interface Surface {
  readonly title: string;
  readonly formula: string;
  readonly start: Point;
  readonly steps: number;
  readonly horizontal: Range;
  readonly vertical: Range;
  readonly ticks: readonly [readonly number[], readonly number[]];
  readonly levels: readonly number[];
  readonly minima: readonly Point[];
  /** The same function for the engine and for the contour lines. */
  loss(x: Tensor, y: Tensor): Tensor;
  value(x: number, y: number): number;
}

const ravine: Surface = {
  title: "A ravine",
  formula: "f = x²/20 + y²: twenty times steeper across than along",
  start: [-9, 2.4],
  steps: 120,
  horizontal: [-10.5, 3.5],
  vertical: [-3.2, 3.2],
  ticks: [[-10, -8, -6, -4, -2, 0, 2], [-2, 0, 2]],
  levels: [0.02, 0.1, 0.3, 0.7, 1.3, 2.1, 3.1, 4.3, 5.7, 7.3, 9.1, 11.1, 13.3],
  minima: [[0, 0]],
  loss: (x, y) => x.square().div(20).add(y.square()),
  value: (x, y) => (x * x) / 20 + y * y,
};

const saddle: Surface = {
  title: "A saddle",
  formula: "f = x²/2 − y²/2 + y⁴/8: flat at (0, 0), minima at (0, ±√2)",
  start: [-2.4, 0.01],
  steps: 120,
  horizontal: [-3, 2],
  vertical: [-1, 2.2],
  ticks: [[-3, -2, -1, 0, 1, 2], [-1, 0, 1, 2]],
  levels: [-0.48, -0.42, -0.3, -0.15, -0.02, 0.02, 0.2, 0.5, 0.9, 1.4, 2, 2.7, 3.5],
  minima: [[0, Math.SQRT2], [0, -Math.SQRT2]],
  loss: (x, y) => x.square().div(2).sub(y.square().div(2)).add(y.square().square().div(8)),
  value: (x, y) => x ** 2 / 2 - y ** 2 / 2 + y ** 4 / 8,
};

interface Runner {
  readonly name: string;
  readonly colour: string;
  readonly dash?: string;
  make(): optim.Optimizer;
}

/** Rates are chosen for each optimizer so that its character shows; the same on both surfaces. */
const runners: readonly Runner[] = [
  { name: "SGD, η 0.9", colour: "#57606a", make: () => new optim.SGD({ learningRate: 0.9 }) },
  { name: "momentum 0.9 (PyTorch's form), η 0.05", colour: "#0b62c4", make: () => new optim.SGD({ learningRate: 0.05, momentum: 0.9 }) },
  { name: "momentum 0.9 (Keras' form), η 0.05", colour: "#7fb2ee", dash: "2 5", make: () => new optim.SGD({ learningRate: 0.05, momentum: 0.9, momentumForm: "velocity" }) },
  { name: "Nesterov 0.9, η 0.05", colour: "#12908e", make: () => new optim.SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true }) },
  { name: "Adagrad, η 0.9", colour: "#9a6700", make: () => new optim.Adagrad({ learningRate: 0.9 }) },
  { name: "RMSprop, η 0.1", colour: "#1a7f37", make: () => new optim.RMSprop({ learningRate: 0.1, alpha: 0.9 }) },
  { name: "RMSprop, centred, η 0.1", colour: "#8bd17c", make: () => new optim.RMSprop({ learningRate: 0.1, alpha: 0.9, centered: true }) },
  { name: "Adam, η 0.3", colour: "#cf222e", make: () => new optim.Adam({ learningRate: 0.3 }) },
  { name: "AMSGrad, η 0.3", colour: "#f08a5d", make: () => new optim.Adam({ learningRate: 0.3, amsgrad: true }) },
  { name: "AdamW, η 0.3, decay 0.05", colour: "#8250df", make: () => new optim.AdamW({ learningRate: 0.3, weightDecay: 0.05 }) },
];

/** Where the parameters are before the first step and after each. */
function pathOf(surface: Surface, { make }: Runner): Point[] {
  const position = new nn.Parameter(surface.start, [2], { dtype: "float64" });
  const step = compile(() => surface.loss(position.narrow(0, 0, 1), position.narrow(0, 1, 1)).sum(), { optimizer: make() });
  const path: Point[] = [surface.start];
  for (let i = 0; i < surface.steps; i++) {
    step();
    path.push([position.values[0]!, position.values[1]!]);
  }
  return path;
}

const distance = ([x, y]: Point, minima: readonly Point[]) => Math.min(...minima.map(([a, b]) => Math.hypot(x - a, y - b)));

/** The first step after which the path stays within 0.05 of a minimum. */
function arrival(path: readonly Point[], minima: readonly Point[]): number | null {
  const outside = path.findLastIndex((p) => distance(p, minima) > 0.05);
  return outside === path.length - 1 ? null : outside + 1;
}

const pale = ["#e9f1fb", "#eef4fb", "#f3f7fc", "#f8fafd", "#fcfdfe"];
const bandColour = (band: number) => pale[Math.min(pale.length - 1, Math.floor(band / 3))]!;

const PANEL = { width: 620, height: 400 };
const svg = new Svg(1400, 640);
svg.text(48, 34, "How optimizers go downhill", { "font-size": 19, "font-weight": "bold" });
svg.text(330, 34, "120 steps each from the ring; a dot every 5 steps; in brackets the step after which the path stays within 0.05 of a minimum", { fill: "#57606a" });

const arrivals: string[][] = runners.map(() => []);
[ravine, saddle].forEach((surface, k) => {
  const plot = new Plot(svg, { ...surface, ...PANEL, x: 48 + k * 682, y: 90, title: surface.title });
  svg.text(48 + k * 682 + 86, 81, surface.formula, { fill: "#57606a" });
  plot.bands(surface.value, surface.levels, bandColour);
  plot.contours(surface.value, surface.levels, { stroke: "#b6c2d0", "stroke-width": 0.8 });
  for (const minimum of surface.minima) {
    plot.dot(minimum, 9, { fill: "none", stroke: "#24292f", "stroke-width": 1.2 });
    plot.dot(minimum, 3, { fill: "#24292f" });
  }
  console.log(`${surface.title}: ${surface.formula}`);
  runners.forEach((runner, i) => {
    const path = pathOf(surface, runner);
    plot.line(path, { stroke: runner.colour, "stroke-width": 2.2, "stroke-opacity": 0.9, ...(runner.dash === undefined ? {} : { "stroke-dasharray": runner.dash }) });
    path.forEach((p, step) => {
      if (step % 5 === 0) plot.dot(p, 2.6, { fill: runner.colour, stroke: "#ffffff", "stroke-width": 0.6 });
    });
    const last = path[path.length - 1]!;
    const when = arrival(path, surface.minima);
    arrivals[i]!.push(when === null ? "–" : `${when}`);
    const end = `(${last.map((v) => v.toFixed(4)).join(", ")})`;
    console.log(`  ${runner.name.padEnd(40)} ends at ${end.padEnd(20)} f ${surface.value(...last).toFixed(6).padStart(9)}  arrived ${when ?? "never"}`);
  });
  plot.dot(surface.start, 7, { fill: "#ffffff", stroke: "#24292f", "stroke-width": 2 });
});

runners.forEach((runner, i) => {
  const [x, y] = [52 + (i % 4) * 338, 548 + Math.floor(i / 4) * 30];
  svg.line([[x, y - 4], [x + 30, y - 4]], { stroke: runner.colour, "stroke-width": 3, ...(runner.dash === undefined ? {} : { "stroke-dasharray": runner.dash }) });
  svg.text(x + 38, y, `${runner.name}  (${arrivals[i]!.join(" | ")})`, { "font-size": 12.5 });
});
save(svg, "optimizers.svg");
