/** A program with forged words is refused by the verifier, or runs without touching what is not its own. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { programFor } from "../src/graph/evaluate.js";
import { compile, losses, nn, ones, ops, optim, rand, type Tensor, tensor } from "../src/index.js";

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nabla-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Small programs that together use every kernel of training and of interactive use. */
function realPrograms(): number[][] {
  const labels = tensor(Int32Array.of(0, 1, 2));
  const x = rand([3, 5]);
  const model = new nn.Sequential(
    new nn.Linear(5, 7),
    new nn.BatchNorm1d(7),
    new nn.ReLU(),
    new nn.Dropout(0.5),
    new nn.LayerNorm(7),
    new nn.Linear(7, 3),
  );
  const words = [
    new optim.SGD({ momentum: 0.9 }),
    new optim.Adam(),
    new optim.Adagrad(),
    new optim.RMSprop({ centered: true }),
  ].map((optimizer) => {
    const step = compile((x: Tensor, y: Tensor) => losses.crossEntropy(model.forward(x), y), {
      optimizer,
      clip: { norm: 1, value: 2 },
    });
    return step.program(x, labels).words;
  });
  const interactive = [
    ops.rmsNorm(x.matmul(rand([5, 4])), undefined, 1e-5).softmax(),
    x
      .gatherRows(labels)
      .transpose()
      .concat([rand([5, 2])], 1)
      .max(1),
    x.pick(labels).argmax(),
    x.greater(0.5).where(x.exp(), x.cast("int32")),
    x.cast("float64").logSoftmax().sum(0),
    rand([2, 3, 4])
      .matmul(rand([2, 4, 5]))
      .permute([2, 0, 1])
      .add(1),
    ones([3])
      .pad([[1, 2]])
      .prod(),
  ];
  for (const result of interactive) words.push(programFor([result.value]).words);
  return words.map((w) => [...w]);
}

/** Runs the mutations in a process of their own. */
function fuzz(programs: number[][], count: number, seed: number) {
  const [file, progress] = [join(folder, `programs-${seed}.json`), join(folder, `progress-${seed}`)];
  // As text: JSON has no NaN and no infinity.
  writeFileSync(
    file,
    JSON.stringify(programs.map((words) => words.map((w) => (Object.is(w, -0) ? "-0" : String(w))))),
  );
  const addon = join(here, "../build/Release/nabla.node");
  const script = join(here, "fuzz/mutate-programs.mjs");
  return new Promise<{ refused: number; run: number; skipped: number }>((resolve, reject) => {
    const child = spawn(process.execPath, [script, addon, file, String(count), String(seed), progress], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [output, errors] = ["", ""];
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      errors += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(JSON.parse(output));
      else
        reject(
          new Error(
            `seed ${seed}, mutation ${readFileSync(progress, "utf8").trim()}: ended by ${signal ?? code}\n${errors.slice(-2000)}`,
          ),
        );
    });
  });
}

describe("mutated programs", () => {
  const full = process.env.NABLA_TEST_FULL === "1";
  const count = full ? 1_000_000 : 20_000;

  it(
    `are refused or run, all ${count} of them`,
    async () => {
      const programs = realPrograms();
      const parts = await Promise.all([1, 2].map((seed) => fuzz(programs, count / 2, seed)));
      const total = parts.reduce((a, b) => ({
        refused: a.refused + b.refused,
        run: a.run + b.run,
        skipped: a.skipped + b.skipped,
      }));
      expect(total.refused + total.run + total.skipped).toBe(count);
      expect(total.refused).toBeGreaterThan(count / 4);
      expect(total.run).toBeGreaterThan(count / 50);
    },
    full ? 1_800_000 : 120_000,
  );
});
