// The native tests for arm64 (NEON): cross-compiled and run under user-mode emulation. Needs CMake,
// Debian's g++-aarch64-linux-gnu and qemu-user; where one is missing it says so and passes nothing.
// Ends with the line `N passed, N failed`.

import { spawn, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = "build/arm64";
const compiler = "aarch64-linux-gnu-g++";
const emulator = ["qemu-aarch64", "qemu-aarch64-static"].find(available);
/** The emulator is some thirty times slower than the machine: fewer cases where a test lets us say so, and of gemm NEON's
 * alone, since the scalar kernels run natively as well; `npm run test:full` runs all of gemm's. */
const smaller = {
  kernels_test: ["--cases", "12"],
  gemm_test: process.env.NABLA_TEST_FULL === "1" ? [] : ["--isa", "neon", "--cases", "1000"],
};

function available(command) {
  return spawnSync(command, ["--version"]).status === 0;
}

/** Runs a command in the project's folder; true when it succeeds. */
function run(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: "inherit" }).status === 0;
}

/** Runs one test; its output and the counts of its closing line. A test that fails without one is one failure. */
function runTest(name) {
  const args = ["-L", "/usr/aarch64-linux-gnu", join(root, folder, name), ...(smaller[name] ?? [])];
  const child = spawn(emulator, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  return new Promise((resolve) => {
    child.on("close", (code) => {
      const match = /(\d+) passed, (\d+) failed\s*$/.exec(output);
      const [passed, failed] = match === null ? [0, 1] : [Number(match[1]), Number(match[2])];
      resolve({ name, output, passed, failed: failed === 0 && code !== 0 ? 1 : failed });
    });
  });
}

/** All tests, as many at a time as there are cores. */
async function runTests(names) {
  const waiting = [...names];
  const total = { passed: 0, failed: 0 };
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { output, passed, failed } = await runTest(name);
      console.log(`\n${name} (arm64)\n${output.trimEnd()}`);
      total.passed += passed;
      total.failed += failed;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return total;
}

async function main() {
  const missing = [
    ...[compiler, "cmake"].filter((c) => !available(c)),
    ...(emulator === undefined ? ["qemu-aarch64"] : []),
  ];
  if (missing.length > 0) {
    console.log(
      `arm64 tests skipped: ${missing.join(", ")} not found (Debian: g++-aarch64-linux-gnu, cmake, qemu-user)`,
    );
    console.log("0 passed, 0 failed");
    return;
  }
  const cross = [
    "-DCMAKE_SYSTEM_NAME=Linux",
    "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
    `-DCMAKE_CXX_COMPILER=${compiler}`,
  ];
  const configured = run("cmake", ["-S", ".", "-B", folder, "-DNABLA_TESTS=ON", ...cross]);
  const built = configured && run("cmake", ["--build", folder, "--parallel", `${availableParallelism()}`]);
  const tests = readdirSync(join(root, "tests/native")).filter((name) => name.endsWith("_test.cpp"));
  const total = built
    ? await runTests(tests.map((file) => file.replace(".cpp", "")))
    : { passed: 0, failed: 1 };
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

await main();
