// The native tests for arm64 (NEON): cross-compiled and run under user-mode emulation. Needs CMake,
// Debian's g++-aarch64-linux-gnu and qemu-user; where one is missing it says so and passes nothing.
// Ends with the line `N passed, N failed`.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = "build/arm64";
const compiler = "aarch64-linux-gnu-g++";
const emulator = ["qemu-aarch64", "qemu-aarch64-static"].find(available);
/** The emulator is some thirty times slower than the machine: fewer cases where a test lets us say so. */
const smaller = { kernels_test: ["--cases", "12"] };

function available(command) {
  return spawnSync(command, ["--version"]).status === 0;
}

/** Runs a command in the project's folder; true when it succeeds. */
function run(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: "inherit" }).status === 0;
}

/** Counts from the closing line of a test; a test that fails without one is one failure. */
function runTest(name) {
  console.log(`\n${name} (arm64)`);
  const sysroot = ["-L", "/usr/aarch64-linux-gnu"];
  const { status, stdout } = spawnSync(emulator, [...sysroot, join(root, folder, name), ...(smaller[name] ?? [])], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  process.stdout.write(stdout);
  const match = /(\d+) passed, (\d+) failed\s*$/.exec(stdout);
  if (match === null) return { passed: 0, failed: 1 };
  const [passed, failed] = [Number(match[1]), Number(match[2])];
  return { passed, failed: failed === 0 && status !== 0 ? 1 : failed };
}

function main() {
  const missing = [...[compiler, "cmake"].filter((c) => !available(c)), ...(emulator === undefined ? ["qemu-aarch64"] : [])];
  if (missing.length > 0) {
    console.log(`arm64 tests skipped: ${missing.join(", ")} not found (Debian: g++-aarch64-linux-gnu, cmake, qemu-user)`);
    console.log("0 passed, 0 failed");
    return;
  }
  const cross = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", `-DCMAKE_CXX_COMPILER=${compiler}`];
  const configured = run("cmake", ["-S", ".", "-B", folder, "-DNABLA_TESTS=ON", ...cross]);
  const built = configured && run("cmake", ["--build", folder, "--parallel", `${availableParallelism()}`]);
  const total = { passed: 0, failed: built ? 0 : 1 };
  if (built) {
    for (const file of readdirSync(join(root, "tests/native")).filter((name) => name.endsWith("_test.cpp"))) {
      const { passed, failed } = runTest(file.replace(".cpp", ""));
      total.passed += passed;
      total.failed += failed;
    }
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

main();
