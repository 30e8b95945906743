// `npm test`: builds, runs the TypeScript tests and the native test programs, and ends with the
// line `N passed, N failed`. Arguments are filters for the TypeScript tests and leave the native
// ones out. `--full` adds what takes long: exhaustive searches, fuzzing, sanitizers.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const full = process.argv.includes("--full");
const filters = process.argv.slice(2).filter((argument) => argument !== "--full");
const environment = { ...process.env, ...(full ? { NABLA_TEST_FULL: "1" } : {}) };

/** Runs a program, showing its output. Resolves with its exit status and what it printed. */
function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
}

/** The counts of the TypeScript tests. A file that cannot be loaded is one failure. */
async function typescriptTests() {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const report = join(root, "build/vitest.json");
  mkdirSync(dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const args = [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { code } = await run(process.execPath, [...args, ...filters]);
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failed = numFailedTests + broken;
  // An error outside any test makes vitest fail without a failed test.
  return { passed: numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
}

/**
 * The counts a program ends with. One failure when it fails without saying so, and when it runs
 * nothing, unless it `maySkip`: what it needs may not be on this machine.
 */
async function countedBy(program, args, name, maySkip = false) {
  console.log(`\n${name}`);
  const { code, signal, output } = await run(program, args);
  const match = /(\d+) passed, (\d+) failed\s*$/.exec(output);
  if (!match) {
    console.log(`${name} ended ${signal ? `by ${signal}` : `with ${code}`} and without a result`);
    return { passed: 0, failed: 1 };
  }
  const [passed, failed] = [Number(match[1]), Number(match[2])];
  return { passed, failed: failed === 0 && (code !== 0 || (passed === 0 && !maySkip)) ? 1 : failed };
}

/** The native test programs, where scripts/build-native.mjs --tests leaves them. */
function nativeTests() {
  const suffix = process.platform === "win32" ? ".exe" : "";
  return readdirSync(join(root, "tests/native"))
    .filter((file) => file.endsWith("_test.cpp"))
    .map((file) => join(root, "build/Release", file.replace(".cpp", suffix)));
}

/** What `--full` runs in addition. */
const longer = { math_test: ["--exhaustive"], program_fuzz_test: ["--programs", "1000000"] };

/** One of our scripts; a failure counts as one. */
async function step(script, args = []) {
  const { code } = await run(process.execPath, [join("scripts", script), ...args]);
  return { passed: 0, failed: code === 0 ? 0 : 1 };
}

async function main() {
  const total = { passed: 0, failed: 0 };
  const count = ({ passed, failed }) => {
    total.passed += passed;
    total.failed += failed;
    return failed === 0;
  };
  const withNative = filters.length === 0;
  const haveNative = withNative && count(await step("build-native.mjs", ["--tests"]));
  if (count(await step("build.mjs"))) count(await typescriptTests());
  if (haveNative) {
    for (const program of nativeTests()) {
      const name = basename(program, ".exe");
      count(await countedBy(program, [], name));
      if (full && longer[name])
        count(await countedBy(program, longer[name], [name, ...longer[name]].join(" ")));
    }
  }
  if (withNative) {
    // These need tools that a user may not have; they say so, and pass nothing, where they are missing.
    for (const script of ["test-cmake.mjs", "test-arm64.mjs", ...(full ? ["sanitize.mjs"] : [])]) {
      count(await countedBy(process.execPath, [join("scripts", script)], script, script !== "sanitize.mjs"));
    }
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

await main();
