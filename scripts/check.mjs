// Everything that can be said about the source without running it: formatter and linter, types,
// the layout of C++. `--fix` rewrites what the formatters can mend.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "./generate-kernels.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const fix = process.argv.includes("--fix");
const packageFolder = (name) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

/** C++ files below the folder; lists (.inc) keep one row a line and are left alone. */
function cppFiles(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((path) => /\.(h|cpp)$/.test(path))
    .map((path) => join(folder, path));
}

const clangFormat = [join(packageFolder("clang-format"), "index.js")];
const checks = {
  "format and lint": [
    join(packageFolder("@biomejs/biome"), "bin/biome"),
    "check",
    ...(fix ? ["--write"] : []),
  ],
  types: [join(packageFolder("typescript"), "bin/tsc"), "-p", "tsconfig.json"],
  "C++ layout": [
    ...clangFormat,
    ...(fix ? ["-i"] : ["--dry-run", "--Werror"]),
    ...["native", "tests", "bench"].flatMap(cppFiles),
  ],
};

generate();
let failed = false;
for (const [name, args] of Object.entries(checks)) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  console.log(`${name}: ${status === 0 ? "ok" : "failed"}`);
  if (status !== 0) failed = true;
}
process.exitCode = failed ? 1 : 0;
