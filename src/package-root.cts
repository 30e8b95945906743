import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

// CommonJS in both builds: `__dirname` is the one way to find the package's files that works
// from dist/esm, dist/cjs and src alike.

/** The folder of this package's own package.json. */
export const packageRoot = findRoot(__dirname);

function findRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    // dist/cjs holds a package.json of its own, without a name.
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === "nabla") return folder;
    if (folder === dirname(folder)) throw new Error(`No package.json of nabla above ${start}`);
  }
}
