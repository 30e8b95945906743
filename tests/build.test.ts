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

/** Functions with such a name in an object, and what they call. */
function callsIn(object: string, name: string): { functions: number; calls: string[] } {
  const lines = execFileSync("objdump", ["--disassemble", "--no-show-raw-insn", object], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  }).split("\n");
  const found = { functions: 0, calls: [] as string[] };
  let inside = false;
  for (const line of lines) {
    if (/^[0-9a-f]+ <.*>:$/.test(line)) {
      inside = line.includes(name);
      if (inside) found.functions++;
    } else if (inside && /\s(callq?|blr?)\s/.test(line)) {
      found.calls.push(line.trim());
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

// One that does has its sums in memory, at half the speed and with the same results.
describe.skipIf(!has("objdump"))("gemm's micro-kernels", () => {
  test.each(units)("of %s call nothing", (unit) => {
    const { functions, calls } = callsIn(join(objects, `${unit}.o`), "gemm_micro");
    expect(calls).toEqual([]);
    if (process.arch === "x64" && unit !== "neon") expect(functions).toBeGreaterThan(10);
  });
});

test("both builds read native/sources.txt", () => {
  for (const file of ["binding.gyp", "CMakeLists.txt"])
    expect(readFileSync(join(root, file), "utf8")).toContain("native/sources.txt");
});
