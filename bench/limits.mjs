// The limits of the machine the benchmarks run on, measured by a small program that is compiled here.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const source = join(dirname(fileURLToPath(import.meta.url)), "native/limits.cpp");

/** What bench/native/limits.cpp prints, or null where there is no compiler (which is said). */
export function measureLimits(isa, threads) {
  const folder = mkdtempSync(join(tmpdir(), "nabla-limits-"));
  try {
    const program = join(folder, "limits");
    const run = (command, args) => {
      const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
      if (status !== 0) throw new Error(stderr || `${error?.message ?? status}`);
      return stdout;
    };
    run(process.env.CXX ?? "c++", ["-O3", "-std=c++17", "-pthread", source, "-o", program]);
    return JSON.parse(run(program, [isa, `${threads}`]));
  } catch (error) {
    console.error(`The limits of this machine are not known: ${error.message}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
