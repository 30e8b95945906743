/**
 * The only place that loads the native addon. CommonJS, so that the ESM and the CommonJS build of
 * the package share one copy of it and both may use `__dirname`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

const file = "nabla.node";

/** Candidate folders: the package root is two or three levels up, for sources and for both builds. */
function candidates(): string[] {
  const platform = `${process.platform}-${process.arch}`;
  return ["../..", "../../.."].flatMap((up) => {
    const root = join(__dirname, up);
    return [join(root, "build", "Release", file), join(root, "prebuilds", platform, file)];
  });
}

export function loadAddon(): unknown {
  const found = candidates().find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(
      `Expected a native binary for ${process.platform}-${process.arch} but found none; ` +
        "build it with `npm run build` in the package's folder (needs a C++17 compiler, make and python3)",
    );
  }
  return require(found);
}
