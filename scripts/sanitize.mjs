// The native tests under AddressSanitizer with UndefinedBehaviorSanitizer, and under
// ThreadSanitizer. Needs CMake. Ends with the line `N passed, N failed`.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = (program, args, env = {}) =>
  spawnSync(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } }).status === 0;

/** Reports end the program with an error, so that its exit status tells. */
const options = {
  ASAN_OPTIONS: "detect_leaks=1:strict_string_checks=1",
  UBSAN_OPTIONS: "print_stacktrace=1",
  TSAN_OPTIONS: "halt_on_error=1:second_deadlock_stack=1",
};
const tests = readdirSync(join(root, "tests/native"))
  .filter((file) => file.endsWith("_test.cpp"))
  .map((file) => file.replace(".cpp", ""));

/** Races show only in cases of several threads, and there are as many of those whatever the number of others. */
const fewer = { thread: { kernels_test: ["--cases", "6"] } };

let passed = 0;
let failed = 0;
for (const sanitizer of ["address,undefined", "thread"]) {
  const folder = `build/sanitize-${sanitizer.replace(",", "-")}`;
  const configured = run("cmake", [
    "-S",
    ".",
    "-B",
    folder,
    "-DNABLA_TESTS=ON",
    `-DNABLA_SANITIZE=${sanitizer}`,
  ]);
  const built = configured && run("cmake", ["--build", folder, "--parallel", `${availableParallelism()}`]);
  if (!built) {
    console.error(
      `Expected the tests to build under ${sanitizer} sanitizers but they did not (it takes CMake).`,
    );
    failed++;
    continue;
  }
  for (const test of tests) {
    console.log(`\n${test} (${sanitizer})`);
    if (run(join(root, folder, test), fewer[sanitizer]?.[test] ?? [], options)) passed++;
    else failed++;
  }
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
