/** What the two builds must be: one list of sources, no instruction of one set in the code of another. */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const objects = join(root, "build/Release/obj.target/engine/native/isa");
const units = ["scalar", "scalar64", "avx2", "avx512", "avx512bf16", "neon"].filter((unit) =>
  existsSync(join(objects, `${unit}.o`)),
);
const has = (command: string) => spawnSync(command, ["--version"]).status === 0;

/** Functions with such a name in an object: what they are called, and their instructions. */
function functionsIn(object: string, name: string): { signature: string; instructions: string[] }[] {
  const lines = execFileSync("objdump", ["--disassemble", "--demangle", "--no-show-raw-insn", object], {
    encoding: "utf8",
    maxBuffer: 2 ** 29,
  }).split("\n");
  const found: ReturnType<typeof functionsIn> = [];
  let inside = false;
  for (const line of lines) {
    const [, signature] = /^[0-9a-f]+ <(.*)>:$/.exec(line) ?? [];
    if (signature !== undefined) {
      inside = signature.includes(name);
      if (inside) found.push({ signature, instructions: [] });
    } else if (inside && line !== "") {
      found.at(-1)!.instructions.push(line.trim());
    }
  }
  return found;
}

/** [type letter, name] of what an object defines and other objects can see. */
function visibleSymbols(object: string): [string, string][] {
  const lines = execFileSync("nm", ["--demangle", "--defined-only", "--extern-only", object], {
    encoding: "utf8",
  }).split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => [line.split(" ")[1]!, line.split(" ").slice(2).join(" ")]);
}

describe.skipIf(!has("nm"))("instruction-set units", () => {
  test("there are units to look at", () =>
    expect(units.length).toBeGreaterThanOrEqual(process.platform === "linux" ? 3 : 0));

  test.each(units)("%s shows its kernel table and nothing else", (unit) => {
    const symbols = visibleSymbols(join(objects, `${unit}.o`));
    const foreign = process.arch === "x64" ? "neon" : "avx";
    if (symbols.length === 0) expect(unit).toContain(foreign);
    else expect(symbols.map(([, name]) => name)).toEqual([`nabla::${unit}::table`]);
  });

  test.each(units)("%s defines no weak symbol, which the linker might pick for the other units", (unit) => {
    const symbols = visibleSymbols(join(objects, `${unit}.o`));
    expect(symbols.filter(([kind]) => "WVu".includes(kind))).toEqual([]);
  });
});

describe.skipIf(!has("objdump"))("gemm's micro-kernels", () => {
  describe.each(units)("of %s", (unit) => {
    const elsewhere = process.arch !== "x64" || unit === "neon"; // other registers, or another processor's unit
    const kernels = has("objdump") ? functionsIn(join(objects, `${unit}.o`), "gemm_micro<") : [];
    test.skipIf(elsewhere)("are there", () => expect(kernels.length).toBeGreaterThan(10));

    // One that does has its sums in memory, at half the speed and with the same results.
    test("call nothing", () => {
      const calls = kernels.flatMap(({ instructions }) =>
        instructions.filter((line) => /\s(callq?|blr?)\s/.test(line)),
      );
      expect(calls).toEqual([]);
    });

    // All are set twice to the zero in one of them. A compiler that runs short of registers behind the
    // innermost loop moves them to others there and back: 5 % of the time of a product. (Not looked for in
    // pairs of bfloat16: in panels of five vectors they are moved.)
    test.skipIf(elsewhere)("keep each sum in one register", () => {
      for (const { signature, instructions } of kernels) {
        if (!signature.includes("GemmPlain")) continue;
        const [, rows, vectors] = /gemm_micro<[^,]*, (\d), (\d),/.exec(signature)!;
        const sums = Number(rows) * Number(vectors);
        const moves = instructions.filter((line) => /\svmov[au]p[sd]\s+%([xyz])mm\d+,%\1mm\d+$/.test(line));
        if (sums >= 10) expect(moves.length, signature).toBeLessThan(3.5 * sums);
      }
    });
  });
});

test("both builds read native/sources.txt", () => {
  for (const file of ["binding.gyp", "CMakeLists.txt"])
    expect(readFileSync(join(root, file), "utf8")).toContain("native/sources.txt");
});
