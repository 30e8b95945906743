/** Pictures as text: a canvas, plots with axes on it, and a file at the end. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export type Point = readonly [x: number, y: number];
export type Range = readonly [low: number, high: number];
export type Attributes = Readonly<Record<string, string | number>>;

const escape = (text: string) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
/** Two decimals are a hundredth of a pixel. */
const short = (x: number) => String(Math.round(x * 100) / 100);

const minus = (x: number) => `${x}`.replace("-", "−");

function tag(name: string, attributes: Attributes, content?: string): string {
  const list = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === "number" ? short(value) : escape(value)}"`,
  );
  return content === undefined
    ? `<${name}${list.join("")}/>`
    : `<${name}${list.join("")}>${content}</${name}>`;
}

export class Svg {
  private readonly parts: string[] = [];

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.add("rect", { width, height, rx: 10, fill: "#ffffff" });
  }

  add(name: string, attributes: Attributes, content?: string): void {
    this.parts.push(tag(name, attributes, content));
  }

  /** An element around everything that `draw` adds. */
  within(name: string, attributes: Attributes, draw: () => void): void {
    const outer = this.parts.splice(0);
    draw();
    const inner = this.parts.splice(0);
    this.parts.push(...outer, tag(name, attributes, inner.join("\n")));
  }

  text(x: number, y: number, text: string, attributes: Attributes = {}): void {
    this.add("text", { x, y, fill: "#24292f", "font-size": 13, ...attributes }, escape(text));
  }

  line(points: readonly Point[], attributes: Attributes): void {
    const path = points.map(([x, y]) => `${short(x)},${short(y)}`).join(" ");
    this.add("polyline", {
      points: path,
      fill: "none",
      "stroke-linejoin": "round",
      "stroke-linecap": "round",
      ...attributes,
    });
  }

  toString(): string {
    const font = "Helvetica, Arial, DejaVu Sans, sans-serif";
    const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${this.width} ${this.height}" width="${this.width}" height="${this.height}" font-family="${font}">`;
    return `${head}\n${this.parts.join("\n")}\n</svg>\n`;
  }
}

export interface PlotOptions {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly horizontal: Range;
  readonly vertical: Range;
  readonly title: string;
  /** Default a very light grey. */
  readonly ground?: string;
  /** Values to mark on the axes. */
  readonly ticks?: readonly [horizontal: readonly number[], vertical: readonly number[]];
}

let clips = 0;

/** A rectangle of the canvas with coordinates of its own. */
export class Plot {
  private readonly clip = `clip${++clips}`;

  constructor(
    readonly svg: Svg,
    readonly options: PlotOptions,
  ) {
    const { x, y, width, height, title, ground = "#fbfcfd", ticks = [[], []] } = options;
    svg.add("clipPath", { id: this.clip }, tag("rect", { x, y, width, height }));
    svg.add("rect", { x, y, width, height, fill: ground, stroke: "#d0d7de" });
    if (title !== "") svg.text(x, y - 9, title, { "font-weight": "bold", "font-size": 14 });
    const label = { fill: "#6e7781", "font-size": 11 };
    for (const at of ticks[0]) {
      const [px] = this.place([at, 0]);
      svg.line(
        [
          [px, y],
          [px, y + height],
        ],
        { stroke: "#e6eaee" },
      );
      svg.text(px, y + height + 15, minus(at), { ...label, "text-anchor": "middle" });
    }
    for (const at of ticks[1]) {
      const [, py] = this.place([0, at]);
      svg.line(
        [
          [x, py],
          [x + width, py],
        ],
        { stroke: "#e6eaee" },
      );
      svg.text(x - 6, py + 4, minus(at), { ...label, "text-anchor": "end" });
    }
  }

  /** From the plot's coordinates to the canvas. */
  place([a, b]: Point): Point {
    const { x, y, width, height, horizontal, vertical } = this.options;
    return [
      x + ((a - horizontal[0]) / (horizontal[1] - horizontal[0])) * width,
      y + height - ((b - vertical[0]) / (vertical[1] - vertical[0])) * height,
    ];
  }

  line(points: readonly Point[], attributes: Attributes): void {
    this.svg.line(
      points.map((p) => this.place(p)),
      { ...attributes, "clip-path": `url(#${this.clip})` },
    );
  }

  dot(point: Point, radius: number, attributes: Attributes): void {
    const [cx, cy] = this.place(point);
    this.svg.add("circle", { cx, cy, r: radius, ...attributes, "clip-path": `url(#${this.clip})` });
  }

  /** y = f(x) over the whole width. */
  curve(f: (x: number) => number, attributes: Attributes, samples = 240): void {
    const [low, high] = this.options.horizontal;
    const points = Array.from({ length: samples + 1 }, (_, i): Point => {
      const x = low + ((high - low) * i) / samples;
      return [x, f(x)];
    });
    this.line(points, attributes);
  }

  /** The surface as bands of colour between `levels`, one colour a cell. */
  bands(
    f: (x: number, y: number) => number,
    levels: readonly number[],
    colour: (band: number) => string,
    cells = 90,
  ): void {
    const { horizontal, vertical, width, height } = this.options;
    const rows = Math.round((cells * height) / width);
    const [dx, dy] = [(horizontal[1] - horizontal[0]) / cells, (vertical[1] - vertical[0]) / rows];
    const bandOf = (column: number, row: number) => {
      const value = f(horizontal[0] + (column + 0.5) * dx, vertical[0] + (row + 0.5) * dy);
      return levels.filter((level) => level < value).length;
    };
    for (let row = 0; row < rows; row++) {
      // Neighbouring cells of one band are one rectangle.
      for (let column = 0; column < cells; ) {
        const band = bandOf(column, row);
        const start = column;
        while (column < cells && bandOf(column, row) === band) column++;
        const [x, y] = this.place([horizontal[0] + start * dx, vertical[0] + (row + 1) * dy]);
        const w = ((column - start) * width) / cells;
        this.svg.add("rect", { x, y, width: w + 0.4, height: height / rows + 0.4, fill: colour(band) });
      }
    }
  }

  /** Lines f = level, by marching squares. */
  contours(
    f: (x: number, y: number) => number,
    levels: readonly number[],
    attributes: Attributes,
    cells = 140,
  ): void {
    const { horizontal, vertical } = this.options;
    const at = (i: number, j: number): Point => [
      horizontal[0] + ((horizontal[1] - horizontal[0]) * i) / cells,
      vertical[0] + ((vertical[1] - vertical[0]) * j) / cells,
    ];
    const values = Array.from({ length: cells + 1 }, (_, i) =>
      Array.from({ length: cells + 1 }, (_, j) => f(...at(i, j))),
    );
    for (const level of levels) {
      const segments: string[] = [];
      for (let i = 0; i < cells; i++) {
        for (let j = 0; j < cells; j++) segments.push(...this.crossings(i, j, level, values, at));
      }
      this.svg.add("path", {
        d: segments.join(""),
        fill: "none",
        ...attributes,
        "clip-path": `url(#${this.clip})`,
      });
    }
  }

  /** Pieces of the level line within one cell: the points where it crosses the cell's sides, in pairs. */
  private crossings(
    i: number,
    j: number,
    level: number,
    values: readonly (readonly number[])[],
    at: (i: number, j: number) => Point,
  ): string[] {
    const corners = [
      [i, j],
      [i + 1, j],
      [i + 1, j + 1],
      [i, j + 1],
    ] as const;
    const points: Point[] = [];
    corners.forEach(([a, b], k) => {
      const [c, d] = corners[(k + 1) % 4]!;
      const [u, v] = [values[a]![b]! - level, values[c]![d]! - level];
      if (u < 0 === v < 0) return;
      const share = u / (u - v);
      const [from, to] = [at(a, b), at(c, d)];
      points.push([from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]);
    });
    const segments: string[] = [];
    for (let k = 0; k + 1 < points.length; k += 2) {
      const [p, q] = [this.place(points[k]!), this.place(points[k + 1]!)];
      segments.push(`M${short(p[0])} ${short(p[1])}L${short(q[0])} ${short(q[1])}`);
    }
    return segments;
  }
}

/** Writes the picture to the folder after `--out` (default `runs`) and says where. */
export function save(svg: Svg, name: string): void {
  const option = process.argv.indexOf("--out");
  const path = join(option < 0 ? "runs" : process.argv[option + 1]!, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, svg.toString());
  console.log(`wrote ${path}`);
}
