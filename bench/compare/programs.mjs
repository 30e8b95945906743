// The programs that time matrix products, compiled when first needed.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { peersFolder, root } from "./places.mjs";

const folder = join(root, "bench/peers");
const engine = join(root, "build/Release/engine.a");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** With the engine: nabla itself, and what runs on its threads. */
const withEngine = { links: [`-DNABLA_VERSION="${version}"`, engine, "-lpthread", "-ldl"], needs: [engine] };
const programs = {
  gemm_library: { links: ["-ldl"], needs: [] },
  gemm_nabla: withEngine,
  gemm_limit: { ...withEngine, needs: [engine, join(root, "bench/native/peak.h")] },
};

const changed = (file) => statSync(file).mtimeMs;
const made = new Map();

/** Path of the program; throws with what the compiler said. */
export function program(name) {
  if (made.has(name)) return made.get(name);
  const { links, needs } = programs[name];
  const [source, header] = [join(folder, `${name}.cpp`), join(folder, "gemm_session.h")];
  const output = join(peersFolder, "programs", name);
  const newest = Math.max(...[source, header, ...needs].map(changed));
  if (!existsSync(output) || changed(output) < newest) {
    mkdirSync(join(peersFolder, "programs"), { recursive: true });
    const { status, stderr, error } = spawnSync(
      process.env.CXX ?? "c++",
      ["-O2", "-std=c++17", source, ...links, "-o", output],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`${name} does not compile: ${stderr || error.message}`);
  }
  made.set(name, output);
  return output;
}
