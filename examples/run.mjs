// Compiles the examples and runs one:   npm run example -- NAME [--out FOLDER]
//   --build   compile only
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const root = join(folder, "..");
const [name, ...rest] = process.argv.slice(2);
const names = readdirSync(folder).flatMap((file) =>
  file.endsWith(".ts") && file !== "svg.ts" ? [file.slice(0, -3)] : [],
);

if (name !== "--build" && !names.includes(name)) {
  console.error(`Expected one of ${names.join(", ")} for the example but received ${name ?? "nothing"}`);
  process.exit(2);
}
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", join(folder, "tsconfig.json")], {
  stdio: "inherit",
});
if (compiled.status !== 0) process.exit(1);
if (name !== "--build") {
  const script = join(root, "build/examples", `${name}.js`);
  process.exitCode = spawnSync(process.execPath, [script, ...rest], { stdio: "inherit" }).status ?? 1;
}
