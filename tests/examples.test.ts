/** The examples and the code in the documentation run as they stand there, and print what they say. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples = join(root, "build/examples");
const scratch = mkdtempSync(join(tmpdir(), "nabla-examples-"));
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });

// Against the build that `npm test` has made.
beforeAll(() => {
  node("examples/run.mjs", "--build");
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What the compiled example's exports give: `expression` sees them as `e`, nabla as `n`. Run by Node itself, against the build. */
function ask<T>(example: string, expression: string): T {
  const code = `import * as n from "nabla"; import * as e from "./${example}.js"; process.stdout.write(JSON.stringify(${expression}));`;
  const args = ["--input-type=module", "-e", code];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: examples, encoding: "utf8" })) as T;
}

const numbersOf = (value: unknown): number[] => [value].flat(3) as number[];

describe("backprop-by-hand", () => {
  test("the engine's values and gradients are those of the formulas", () => {
    type Values = Record<string, unknown>;
    const read = "Object.fromEntries(Object.entries(e.byEngine()).map(([k, v]) => [k, [...v.dataSync()]]))";
    const engine = ask<Values>("backprop-by-hand", read);
    const hand = ask<Values>("backprop-by-hand", "e.byHand()");
    expect(Object.keys(engine)).toEqual(Object.keys(hand));
    for (const [name, values] of Object.entries(hand)) {
      // Both in float64, through the same few operations: a handful of roundings.
      numbersOf(values).forEach((value, i) =>
        expect(numbersOf(engine[name])[i], name).toBeCloseTo(value, 14),
      );
    }
  });

  test("the gradient lowers the loss, its negative raises it", () => {
    const [before, right, wrong] = ask<[number, number, number]>(
      "backprop-by-hand",
      "(({ loss, dw2, dw1 }) => [loss, e.lossAfter(1, dw2, dw1), e.lossAfter(-1, dw2, dw1)])(e.byHand())",
    );
    expect(right).toBeLessThan(before);
    expect(wrong).toBeGreaterThan(before);
  });
});

describe("initialisation", () => {
  interface Training {
    readonly moved: string[];
    readonly units: number;
    readonly wrong: number;
    readonly last: number;
  }
  const train = (name: string, zero: boolean, task: string, steps: number) =>
    ask<Training>("initialisation", `e.train("${name}", ${zero}, "${task}", ${steps})`);

  test("sigmoid from zeros: every activation ½, first the last layer alone, later one effective unit", () => {
    const { hiddenValues, gradients } = ask<{ hiddenValues: number[]; gradients: number[] }>(
      "initialisation",
      'e.firstStep("sigmoid")',
    );
    expect(hiddenValues).toEqual([0.5]);
    expect(gradients.map((g) => g > 0)).toEqual([false, false, true, true]);
    expect(train("sigmoid", true, "OR", 1).moved).toEqual(["output.weight", "output.bias"]);
    const later = train("sigmoid", true, "OR", 500);
    expect(later.moved).toHaveLength(4);
    expect(later.units).toBe(1);
  });

  test.each(["tanh", "relu"])("%s from zeros: only the output bias ever moves", (name) => {
    expect(train(name, true, "OR", 500).moved).toEqual(["output.bias"]);
    expect(train(name, true, "XOR", 500).last).toBeCloseTo(0.25, 5);
  });

  test.each(["sigmoid", "tanh", "relu"])("%s by default learns XOR", (name) => {
    const { units, wrong, last } = train(name, false, "XOR", 2000);
    expect({ units, wrong }).toEqual({ units: 8, wrong: 0 });
    expect(last).toBeLessThan(0.001);
  });
});

describe("optimizers", () => {
  type Path = [number, number][];
  const paths = (surface: string) => {
    const read = `Object.fromEntries(e.runners.map((r) => [r.name, e.pathOf(e.${surface}, r)]))`;
    return ask<Record<string, Path>>("optimizers", read);
  };

  test("every class of optim is there", () => {
    const drawn = ask<string[]>(
      "optimizers",
      "[...new Set(e.runners.map((r) => r.make().constructor.name))]",
    );
    const exported = ask<string[]>(
      "optimizers",
      "Object.keys(n.optim).filter((k) => n.optim[k].prototype instanceof n.optim.Optimizer)",
    );
    expect(drawn.sort()).toEqual(exported.sort());
  });

  test("on the ravine gradient descent is w_t = (1 − ηλ)ᵗ·w_0 along each axis", () => {
    const all = paths("ravine");
    all.SGD!.forEach(([x, y], t) => {
      expect(x).toBeCloseTo(-9 * (1 - 0.9 / 10) ** t, 10);
      expect(y).toBeCloseTo(2.4 * (1 - 0.9 * 2) ** t, 10);
    });
  });

  test("the two forms of momentum walk the same path at a constant rate", () => {
    for (const surface of ["ravine", "saddle"]) {
      const all = paths(surface);
      all.Momentum!.forEach(([x, y], t) => {
        const [kx, ky] = all["Momentum, Keras"]![t]!;
        expect(kx).toBeCloseTo(x, 10);
        expect(ky).toBeCloseTo(y, 10);
      });
    }
  });

  test("all leave the saddle for a minimum, and go down the ravine", () => {
    for (const [name, path] of Object.entries(paths("saddle"))) {
      const [x, y] = path.at(-1)!;
      expect(Math.hypot(x, Math.abs(y) - Math.SQRT2), name).toBeLessThan(0.1);
    }
    for (const [name, path] of Object.entries(paths("ravine"))) {
      expect(Math.hypot(...path.at(-1)!), name).toBeLessThan(0.2);
    }
  });
});

test("activations: each derivative is the slope of its function", () => {
  const names = ask<string[]>("activations", "e.names");
  const defined = ask<string[]>("activations", "Object.keys(n.ops.activations)");
  expect([...names].sort()).toEqual([...defined, "prelu"].sort());
  const [xs, samples] = ask<[number[], { y: number[]; slope: number[] }[]]>(
    "activations",
    "[[...e.xs], e.names.map((n) => { const { y, slope } = e.sample(n); return { y: [...y], slope: [...slope] }; })]",
  );
  const corners = [-3, -1, 0, 1, 3, 6];
  samples.forEach(({ y, slope }, k) => {
    for (let i = 1; i + 1 < xs.length; i++) {
      if (corners.some((corner) => Math.abs(xs[i]! - corner) < 0.06)) continue;
      const measured = (y[i + 1]! - y[i - 1]!) / (xs[i + 1]! - xs[i - 1]!);
      // The error of a central difference is h²·f‴/6 with h = 0.05, and f‴ is below 3 in all of them.
      expect(Math.abs(slope[i]! - measured), `${names[k]} at ${xs[i]}`).toBeLessThan(2e-3);
    }
  });
});

test.each(["optimizers", "activations"])(
  "the picture %s.svg in the documentation is what the example draws",
  (name) => {
    node("examples/run.mjs", name, "--out", scratch);
    const drawn = readFileSync(join(scratch, `${name}.svg`), "utf8");
    const kept = readFileSync(join(root, "docs/images", `${name}.svg`), "utf8");
    const words = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map((match) => match[1]);
    expect(words(drawn)).toEqual(words(kept));
    // The last digits of a path may differ from one instruction set to another, the elements may not.
    const shape = (svg: string) => svg.match(/<\w+/g)!.length;
    expect(shape(drawn)).toBe(shape(kept));
  },
);

// ---- code in the documentation ------------------------------------------------------------------------

interface Block {
  readonly name: string;
  readonly code: string;
}

/** Every ```ts block of a page. */
function blocksOf(file: string): Block[] {
  const page = readFileSync(join(root, file), "utf8");
  return [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map((match, i) => ({
    name: `${basename(file, ".md")}-${i + 1}`,
    code: match[1]!,
  }));
}

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((f) => f.endsWith(".md"))
    .map((f) => `docs/${f}`),
];

describe("code in the documentation", () => {
  const blocks = pages.flatMap(blocksOf);
  const folder = join(root, "build/documentation");

  beforeAll(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const { name, code } of blocks) writeFileSync(join(folder, `${name}.ts`), `${code}\nexport {};\n`);
    const compilerOptions = {
      noEmit: false,
      declaration: false,
      paths: {},
      noUnusedLocals: false,
      rootDir: ".",
      outDir: "out",
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"] }),
    );
    const tsc = createRequire(import.meta.url)
      .resolve("typescript/package.json")
      .replace(/package\.json$/, "bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  test("there is some on every page of docs", () => {
    for (const page of pages) expect(blocksOf(page).length, page).toBeGreaterThan(0);
  });

  test.each(blocks)("$name", ({ name, code }) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "out", `${name}.js`)], {
      cwd: scratch,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    // A block that says what it prints ("// → …") prints exactly that.
    const promised = [...code.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]!);
    if (promised.length > 0) expect(stdout.trimEnd().split("\n")).toEqual(promised);
  });
});
