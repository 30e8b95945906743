// Builds everything: the addon, the generated encoder, the ESM and the CommonJS package. What is up
// to date is left alone, so that `npm start` costs nothing when nothing has changed.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "./generate-kernels.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = join(root, "dist/.built");

/** Runs a Node script; resolves with what it printed when it succeeds. */
function runNode(args, { show = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: show ? "inherit" : "pipe" });
    let output = "";
    child.stdout?.on("data", (text) => {
      output += text;
    });
    child.stderr?.on("data", (text) => {
      output += text;
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new BuildError(output))));
  });
}

/** A step that failed; the message is what the step printed. */
class BuildError extends Error {}

/** Names and modification times of everything the TypeScript build reads. */
function inputs() {
  const files = ["tsconfig.json", "tsconfig.esm.json", "tsconfig.cjs.json", "package-lock.json"];
  const walk = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (/\.[cm]?ts$/.test(entry.name)) files.push(path);
    }
  };
  walk("src");
  return files
    .sort()
    .map((file) => `${file} ${statSync(join(root, file)).mtimeMs}`)
    .join("\n");
}

async function buildTypeScript() {
  const now = inputs();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now) return;
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  rmSync(join(root, "dist"), { recursive: true, force: true });
  mkdirSync(join(root, "dist/cjs"), { recursive: true });
  writeFileSync(join(root, "dist/cjs/package.json"), '{ "type": "commonjs" }\n');
  await Promise.all(["esm", "cjs"].map((kind) => runNode([tsc, "-p", `tsconfig.${kind}.json`])));
  writeFileSync(stamp, now);
}

async function buildNative() {
  const script = "scripts/build-native.mjs";
  if (existsSync(join(root, script))) await runNode([script], { show: true });
}

try {
  generate();
  await buildNative();
  await buildTypeScript();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`${error.message}\nThe build failed.\n`);
  process.exitCode = 1;
}
