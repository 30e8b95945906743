import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { data, io, nn, tensor } from "../../src/index.js";

const program = fileURLToPath(new URL("../../dist/esm/cli/main.js", import.meta.url));
/** Data that may not be part of the project lies beside it, where it is there at all. */
const shared = fileURLToPath(new URL("../../../shared/data", import.meta.url));

let folder: string;
beforeAll(async () => {
  if (!existsSync(program)) throw new Error("dist/ is missing: run `npm run build` first (`npm test` does)");
  folder = await mkdtemp(join(tmpdir(), "nabla-cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

interface Outcome {
  code: number | null;
  lines: string[];
  error: string;
}

function start(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, ...args],
      { cwd: folder },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, lines: stdout.trimEnd().split("\n"), error: stderr });
      },
    );
  });
}

const last = ({ lines }: Outcome): string => lines[lines.length - 1]!;

function accuracyOf(outcome: Outcome): number {
  const [, accuracy] = /^test accuracy (\d+\.\d) %$/.exec(last(outcome)) ?? [];
  if (accuracy === undefined)
    throw new Error(`no accuracy in the last line: ${last(outcome)} ${outcome.error}`);
  return Number(accuracy);
}

test("digits: learns, saves, reads back", async () => {
  const outcome = await start();
  expect(outcome.code).toBe(0);
  expect(outcome.error).toBe("");
  expect(accuracyOf(outcome)).toBeGreaterThanOrEqual(97.5);
  expect(
    outcome.lines.filter((line) => /^epoch +\d+\/40 {2}loss \d\.\d+ {2}accuracy \d+\.\d %/.test(line)),
  ).toHaveLength(40);
  expect(outcome.lines).toContain("read again, it gives the same 359 predictions, bit for bit");
  const history = JSON.parse(await readFile(join(folder, "runs/digits/history.json"), "utf8"));
  expect(history).toMatchObject({ task: "digits", seed: 42, ended: "complete" });
  expect(history.epochs).toHaveLength(40);
  expect(history.epochs[39].validation.accuracy).toBeCloseTo(accuracyOf(outcome) / 100, 2);

  const { tensors, metadata } = await io.loadSafetensors(join(folder, "runs/digits/model.safetensors"));
  expect([...tensors.keys()]).toContain("6.weight");
  const { features, shape } = data.Preprocessor.fromJSON(metadata.preprocessor).transformFeatures(
    await data.digits(),
  );
  const model = new nn.Sequential(
    new nn.Flatten(),
    new nn.Dropout(0),
    new nn.Linear(64, 256),
    new nn.BatchNorm1d(256),
    new nn.ReLU(),
    new nn.Dropout(0),
    new nn.Linear(256, 10),
  );
  await model.load(join(folder, "runs/digits/model.safetensors"));
  model.evaluate();
  const own = model
    .forward(tensor(features, { shape: [1797, ...shape] }))
    .argmax()
    .dataSync();
  const { targets } = await data.digits();
  expect(targets.filter((label, i) => label === own[i]).length / 1797).toBeGreaterThan(0.98);
});

test("digits: the mean of ten seeds is at least 97 %, and a seed gives the same again", {
  timeout: 240_000,
}, async () => {
  const results: number[] = [];
  const run = async (seed: number) =>
    accuracyOf(await start("--seed", String(seed), "--out", join(folder, `seed-${seed}`)));
  for (let seed = 0; seed < 10; seed += 2) results.push(...(await Promise.all([run(seed), run(seed + 1)])));
  expect(results.reduce((a, b) => a + b) / 10).toBeGreaterThanOrEqual(97);
  const model = (name: string) => readFile(join(folder, name, "model.safetensors"));
  await start("--seed", "3", "--out", join(folder, "again"));
  expect(await model("again")).toEqual(await model("seed-3"));
});

/** A table with numbers, categories and missing values. */
function table(target: (x: number, colour: string) => string): string {
  const colours = ["red", "green", "blue"];
  const rows = Array.from({ length: 300 }, (_, i) => {
    const x = Math.sin(i * i) * 3;
    const colour = colours[(i * 7) % 3]!;
    const shown = i % 11 === 0 ? "?" : x.toFixed(3);
    return `${shown},${i % 13 === 0 ? "" : colour},row${i},${target(x, colour)}`;
  });
  return ["size,colour,name,outcome", ...rows].join("\n");
}

test("a table: classification by numbers and categories, some missing", async () => {
  const file = join(folder, "shapes.csv");
  await writeFile(
    file,
    table((x, colour) => ((colour === "red" ? x > 0 : x > 1) ? "yes" : "no")),
  );
  const outcome = await start("--data", file, "--target", "outcome");
  expect(outcome.code).toBe(0);
  expect(outcome.lines[1]).toMatch(
    /classification into 2 classes of outcome by 4 features \(left out.*: name\); 204 rows/,
  );
  expect(accuracyOf(outcome)).toBeGreaterThan(85);
  const figures = outcome.lines[outcome.lines.length - 2]!;
  const [, f1, auc] = /^test F1 (0\.\d+|1\.000) \(of yes\), AUC (0\.\d+|1\.000)$/.exec(figures) ?? [];
  expect(Number(f1)).toBeGreaterThan(0.8);
  expect(Number(auc)).toBeGreaterThan(0.9);
  expect(existsSync(join(folder, "runs/shapes/model.safetensors"))).toBe(true);
});

test("a table: regression in the target's own units", async () => {
  const file = join(folder, "sizes.csv");
  await writeFile(
    file,
    table((x, colour) => (1000 + 100 * x + (colour === "red" ? 200 : 0)).toFixed(1)),
  );
  const outcome = await start("--data", file, "--target", "3");
  expect(outcome.code).toBe(0);
  const [, mae, r2] = /^test MAE (\S+), R² (\S+)$/.exec(last(outcome)) ?? [];
  expect(Number(mae)).toBeLessThan(100);
  expect(Number(r2)).toBeGreaterThan(0.7);
});

test("mistakes: one line, and an exit code that tells whose", async () => {
  const unknown = await start("--sed", "1");
  expect([unknown.code, unknown.error]).toEqual([
    2,
    "nabla: Unknown option --sed (did you mean --seed?); --help lists them\n",
  ]);
  const missing = await start("--data", "none.csv", "--target", "x");
  expect(missing.code).toBe(1);
  expect(missing.error).toMatch(/^nabla: ENOENT.*none\.csv'\n$/);
  const file = join(folder, "ragged.csv");
  await writeFile(file, "a,b\n1,2\n3\n");
  const ragged = await start("--data", file, "--target", "b");
  expect(ragged.code).toBe(1);
  expect(ragged.error).toMatch(/^nabla: Expected 2 values.*line 3.*\n$/);
  const help = await start("--help");
  expect([help.code, help.lines[0]]).toEqual([
    0,
    "Trains a neural network and says how good it is on data it has not seen.",
  ]);
});

const withShared = (file: string) => {
  const there = existsSync(join(shared, file));
  if (!there) console.log(`SKIPPED: ${file} is not in ${shared}`);
  return test.skipIf(!there);
};

withShared("mnist-t10k-images-idx3-ubyte.gz")(
  "MNIST: 2,000 images after 8,000",
  { timeout: 240_000 },
  async () => {
    const outcome = await start("--data", "mnist", "--dir", shared);
    expect(outcome.lines[1]).toBe("MNIST: 8000 images to train on, 2000 held out");
    expect(accuracyOf(outcome)).toBeGreaterThanOrEqual(96.5);
  },
);

withShared("pima-indians-diabetes.csv")(
  "pima-indians-diabetes.csv: without a header, two classes",
  async () => {
    const outcome = await start("--data", join(shared, "pima-indians-diabetes.csv"), "--target", "-1");
    expect(accuracyOf(outcome)).toBeGreaterThan(70);
  },
);

withShared("winequality-white.csv")("winequality-white.csv: seven classes", async () => {
  const outcome = await start("--data", join(shared, "winequality-white.csv"), "--target", "c11");
  expect(accuracyOf(outcome)).toBeGreaterThan(50);
});

withShared("daily-min-temperatures.csv")("daily-min-temperatures.csv: a date becomes numbers", async () => {
  const outcome = await start("--data", join(shared, "daily-min-temperatures.csv"), "--target", "Temp");
  const [, r2] = /R² (\S+)$/.exec(last(outcome)) ?? [];
  expect(Number(r2)).toBeGreaterThan(0.45);
});
