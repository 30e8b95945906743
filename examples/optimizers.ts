/** The paths of every optimizer on a ravine and on a saddle, as one picture. */

import { fileURLToPath } from "node:url";
import { compile, nn, optim, type Tensor } from "nabla";
import { Plot, type Point, type Range, Svg, save } from "./svg.js";

interface Surface {
  readonly title: string;
  readonly formula: string;
  readonly start: Point;
  readonly steps: number;
  readonly horizontal: Range;
  readonly vertical: Range;
  readonly levels: readonly number[];
  readonly minima: readonly Point[];
  /** The same function for the engine and for the contour lines. */
  loss(x: Tensor, y: Tensor): Tensor;
  value(x: number, y: number): number;
}

export const ravine: Surface = {
  title: "A ravine",
  formula: "f = x²/20 + y²: twenty times steeper across than along",
  start: [-9, 2.4],
  steps: 120,
  horizontal: [-10.5, 3.5],
  vertical: [-3.2, 3.2],
  levels: [0.02, 0.1, 0.3, 0.7, 1.3, 2.1, 3.1, 4.3, 5.7, 7.3, 9.1, 11.1, 13.3],
  minima: [[0, 0]],
  loss: (x, y) => x.square().div(20).add(y.square()),
  value: (x, y) => (x * x) / 20 + y * y,
};

export const saddle: Surface = {
  title: "A saddle",
  formula: "f = x²/2 − y²/2 + y⁴/8: flat at (0, 0), minima at (0, ±√2)",
  start: [-2.4, 0.01],
  steps: 120,
  horizontal: [-3, 2],
  vertical: [-1, 2.2],
  levels: [-0.48, -0.42, -0.3, -0.15, -0.02, 0.02, 0.2, 0.5, 0.9, 1.4, 2, 2.7, 3.5],
  minima: [
    [0, Math.SQRT2],
    [0, -Math.SQRT2],
  ],
  loss: (x, y) => x.square().div(2).sub(y.square().div(2)).add(y.square().square().div(8)),
  value: (x, y) => x ** 2 / 2 - y ** 2 / 2 + y ** 4 / 8,
};

interface Runner {
  readonly name: string;
  readonly setting: string;
  readonly colour: string;
  make(): optim.Optimizer;
}

const momentum = { learningRate: 0.05, momentum: 0.9 };
const averaged = { learningRate: 0.1, alpha: 0.9 };

/** Rates are chosen for each optimizer so that its character shows; the same on both surfaces. */
export const runners: readonly Runner[] = [
  { name: "SGD", setting: "η 0.9", colour: "#24292f", make: () => new optim.SGD({ learningRate: 0.9 }) },
  {
    name: "Momentum",
    setting: "v ← 0.9v + g, η 0.05",
    colour: "#0b62c4",
    make: () => new optim.SGD(momentum),
  },
  {
    name: "Momentum, Keras",
    setting: "v ← 0.9v + ηg",
    colour: "#0b62c4",
    make: () => new optim.SGD({ ...momentum, momentumForm: "velocity" }),
  },
  {
    name: "Nesterov",
    setting: "0.9, η 0.05",
    colour: "#12908e",
    make: () => new optim.SGD({ ...momentum, nesterov: true }),
  },
  {
    name: "Adagrad",
    setting: "η 0.9",
    colour: "#9a6700",
    make: () => new optim.Adagrad({ learningRate: 0.9 }),
  },
  { name: "RMSprop", setting: "ρ 0.9, η 0.1", colour: "#1a7f37", make: () => new optim.RMSprop(averaged) },
  {
    name: "RMSprop, centred",
    setting: "ρ 0.9, η 0.1",
    colour: "#1a7f37",
    make: () => new optim.RMSprop({ ...averaged, centered: true }),
  },
  { name: "Adam", setting: "η 0.3", colour: "#cf222e", make: () => new optim.Adam({ learningRate: 0.3 }) },
  {
    name: "AMSGrad",
    setting: "η 0.3",
    colour: "#cf222e",
    make: () => new optim.Adam({ learningRate: 0.3, amsgrad: true }),
  },
  {
    name: "AdamW",
    setting: "η 0.3, decay 0.05",
    colour: "#8250df",
    make: () => new optim.AdamW({ learningRate: 0.3, weightDecay: 0.05 }),
  },
];

/** Where the parameters are before the first step and after each. */
export function pathOf(surface: Surface, { make }: Runner): Point[] {
  const position = new nn.Parameter(surface.start, [2], { dtype: "float64" });
  const step = compile(() => surface.loss(position.narrow(0, 0, 1), position.narrow(0, 1, 1)).sum(), {
    optimizer: make(),
  });
  const path: Point[] = [surface.start];
  for (let i = 0; i < surface.steps; i++) {
    step();
    path.push([position.values[0]!, position.values[1]!]);
  }
  return path;
}

const distance = ([x, y]: Point, minima: readonly Point[]) =>
  Math.min(...minima.map(([a, b]) => Math.hypot(x - a, y - b)));

/** The first step after which the path stays within 0.05 of a minimum. */
export function arrival(path: readonly Point[], minima: readonly Point[]): number | null {
  const outside = path.findLastIndex((p) => distance(p, minima) > 0.05);
  return outside === path.length - 1 ? null : outside + 1;
}

const pale = ["#dfeaf8", "#e7effa", "#eff5fb", "#f6f9fd", "#fcfdfe"];
const bandColour = (band: number) => pale[Math.min(pale.length - 1, Math.floor(band / 3))]!;

const COLUMNS = 5;
const TILE = { width: 258, height: 150 };
const [LEFT, GAP_X, GAP_Y, BLOCK] = [24, 14, 46, 448];

type Paths = readonly (readonly Point[])[];

/** The surface with all paths in grey, once, at the origin, for every tile to use. */
function drawSurface(svg: Svg, surface: Surface, id: string, paths: Paths): void {
  svg.within("defs", {}, () =>
    svg.within("g", { id }, () => {
      const plot = new Plot(svg, { ...surface, ...TILE, x: 0, y: 0, title: "" });
      plot.bands(surface.value, surface.levels, bandColour, 64);
      plot.contours(surface.value, surface.levels, { stroke: "#b6c2d0", "stroke-width": 0.7 }, 64);
      for (const minimum of surface.minima) {
        plot.dot(minimum, 6, { fill: "none", stroke: "#24292f" });
        plot.dot(minimum, 2, { fill: "#24292f" });
      }
      for (const path of paths) plot.line(path, { stroke: "#8c98a5", "stroke-opacity": 0.35 });
    }),
  );
}

/** One optimizer's path over those of all others, which are pale. */
function drawTile(svg: Svg, surface: Surface, id: string, paths: Paths, i: number, top: number): void {
  const { name, setting, colour } = runners[i]!;
  const x = LEFT + (i % COLUMNS) * (TILE.width + GAP_X);
  const y = top + Math.floor(i / COLUMNS) * (TILE.height + GAP_Y);
  svg.add("use", { href: `#${id}`, x, y });
  const plot = new Plot(svg, { ...surface, ...TILE, x, y, title: "", ground: "none" });
  plot.line(paths[i]!, { stroke: colour, "stroke-width": 2.2 });
  paths[i]!.forEach((p, step) => {
    if (step % 5 === 0) plot.dot(p, 2.8, { fill: colour, stroke: "#ffffff", "stroke-width": 0.7 });
  });
  plot.dot(surface.start, 5, { fill: "#ffffff", stroke: "#24292f", "stroke-width": 1.6 });
  const when = arrival(paths[i]!, surface.minima);
  const right = { "text-anchor": "end", "font-size": 11.5 };
  svg.text(x, y - 20, name, { "font-weight": "bold", "font-size": 13.5, fill: colour });
  svg.text(x, y - 6, setting, { "font-size": 11.5, fill: "#57606a" });
  svg.text(x + TILE.width, y - 6, when === null ? "not within 120 steps" : `there after ${when} steps`, {
    ...right,
    fill: "#24292f",
  });
}

export function draw(): Svg {
  const svg = new Svg(2 * LEFT + COLUMNS * TILE.width + (COLUMNS - 1) * GAP_X, 70 + 2 * BLOCK);
  svg.text(LEFT, 34, "How optimizers go downhill", { "font-size": 20, "font-weight": "bold" });
  svg.text(
    LEFT,
    54,
    "120 steps from the ring, a dot every 5 steps, the other paths in grey; “there”: from then on within 0.05 of a minimum",
    { fill: "#57606a" },
  );
  [ravine, saddle].forEach((surface, k) => {
    const top = 70 + k * BLOCK + 74;
    svg.text(LEFT, top - 46, surface.title, { "font-size": 16, "font-weight": "bold" });
    svg.text(LEFT + 90, top - 46, surface.formula, { fill: "#57606a" });
    const paths = runners.map((runner) => pathOf(surface, runner));
    drawSurface(svg, surface, `surface${k}`, paths);
    runners.forEach((_, i) => drawTile(svg, surface, `surface${k}`, paths, i, top));
  });
  return svg;
}

export function main(): void {
  for (const surface of [ravine, saddle]) {
    console.log(`${surface.title}: ${surface.formula}`);
    for (const runner of runners) {
      const path = pathOf(surface, runner);
      const last = path.at(-1)!;
      const end = `(${last.map((v) => v.toFixed(4)).join(", ")})`;
      const when = arrival(path, surface.minima) ?? "never";
      console.log(
        `  ${runner.name.padEnd(18)}${runner.setting.padEnd(26)} ends at ${end.padEnd(20)} f ${surface
          .value(...last)
          .toFixed(6)
          .padStart(9)}  there after ${when}`,
      );
    }
  }
  save(draw(), "optimizers.svg");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
