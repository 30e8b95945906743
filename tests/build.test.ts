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

test("both builds read native/sources.txt", () => {
  for (const file of ["binding.gyp", "CMakeLists.txt"])
    expect(readFileSync(join(root, file), "utf8")).toContain("native/sources.txt");
});
