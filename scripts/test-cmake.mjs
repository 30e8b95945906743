// Builds the addon the other way, by cmake-js from CMakeLists.txt, and checks that it has the same
// kernels as the one of node-gyp. Needs CMake. Ends with the line `N passed, N failed`.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const cmakeJs = join(dirname(require.resolve("cmake-js/package.json")), "bin/cmake-js");
// package.json's `binary.napi_versions` makes cmake-js take its headers from node-api-headers.
const args = [cmakeJs, "build", "--out", "build/cmake"];

function sameKernels() {
  const [gyp, cmake] = ["build/Release", "build/cmake/Release"].map((folder) =>
    require(join(root, folder, "nabla.node")),
  );
  const rows = (addon) => JSON.stringify([addon.kernelRows(), addon.pointwiseRows(), addon.info().isas]);
  return rows(gyp) === rows(cmake);
}

if (spawnSync("cmake", ["--version"]).status !== 0) {
  console.log("cmake-js build skipped: cmake not found\n0 passed, 0 failed");
} else {
  const built = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status === 0;
  const passed = built && sameKernels();
  if (built && !passed) console.error("Expected the same kernels from CMake as from node-gyp.");
  console.log(passed ? "1 passed, 0 failed" : "0 passed, 1 failed");
  process.exitCode = passed ? 0 : 1;
}
