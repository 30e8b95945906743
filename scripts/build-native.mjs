// Builds build/Release/nabla.node with node-gyp, when a native source is newer than it.
//   --tests     the native tests, too: build/Release/<name>_test for every tests/native/<name>_test.cpp
//   --verbose   the build log as it comes (otherwise only after a failure)
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const options = new Set(process.argv.slice(2));
for (const option of options) {
  if (option !== "--tests" && option !== "--verbose") {
    console.error(`Expected --tests or --verbose for an option but received ${option}`);
    process.exit(2);
  }
}
const withTests = options.has("--tests");
const verbose = options.has("--verbose");
const executable = process.platform === "win32" ? ".exe" : "";

function filesBelow(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

function timeOf(file) {
  const path = join(root, file);
  return existsSync(path) ? statSync(path).mtimeMs : Number.NEGATIVE_INFINITY;
}

const testSources = withTests ? filesBelow("tests/native").filter((file) => file.endsWith("_test.cpp")) : [];
const products = [
  "build/Release/nabla.node",
  ...testSources.map(
    (file) => `build/Release/${file.replace(/^.*[\\/]/, "").replace(/\.cpp$/, "")}${executable}`,
  ),
];
const sources = ["binding.gyp", ...filesBelow("native"), ...(withTests ? filesBelow("tests/native") : [])];

function upToDate() {
  const oldest = Math.min(...products.map(timeOf));
  return Math.max(...sources.map(timeOf)) < oldest;
}

/** Node's headers beside the running node, so that nothing is fetched where they are installed. */
function headers() {
  const prefix = join(dirname(process.execPath), "..");
  return existsSync(join(prefix, "include", "node", "node_api.h")) ? [`--nodedir=${prefix}`] : [];
}

function showProgress(done, total, file) {
  if (!process.stdout.isTTY || verbose) return;
  process.stdout.write(`\r\x1b[Kbuilding native code ${done}/${total} ${file}`);
}

/** One node-gyp command; resolves to its exit status. */
function nodeGyp(parameters, log, onFile) {
  const gyp = join(dirname(require.resolve("node-gyp/package.json")), "bin", "node-gyp.js");
  // npm's own settings must not choose other headers than those of this node.
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_config_(nodedir|devdir|target)$/i.test(name)),
  );
  const child = spawn(process.execPath, [gyp, ...parameters], {
    cwd: root,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const take = (chunk) => {
    log.push(chunk);
    if (verbose) process.stdout.write(chunk);
    for (const [, file] of String(chunk).matchAll(/^\s+CXX\(target\) \S*\/(\S+)\.o/gm)) onFile(file);
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      log.push(Buffer.from(`${error.message}\n`));
      resolve(1);
    });
    child.on("close", resolve);
  });
}

async function build() {
  const total =
    readFileSync(join(root, "native/sources.txt"), "utf8").trim().split(/\s+/).length + testSources.length;
  const log = [];
  let done = 0;
  const onFile = (file) => showProgress(Math.min(++done, total), total, file);
  if (!process.stdout.isTTY && !verbose) console.log("building native code");
  const configure = ["configure", "--release", ...headers(), "--", `-Dnabla_tests=${withTests ? 1 : 0}`];
  let status = await nodeGyp(configure, log, onFile);
  if (status === 0)
    status = await nodeGyp(["build", "--release", `--jobs=${availableParallelism()}`], log, onFile);
  if (process.stdout.isTTY && !verbose) process.stdout.write("\r\x1b[K");
  if (status !== 0 && !verbose) process.stderr.write(Buffer.concat(log));
  return status;
}

if (!upToDate()) {
  const status = await build();
  if (status !== 0) {
    console.error("Expected the native code to build but the compiler failed (log above).");
    console.error("It needs a C++17 compiler (g++ or clang++), make and python3.");
    process.exit(1);
  }
  const missing = products.filter((file) => !existsSync(join(root, file)));
  if (missing.length > 0) {
    console.error(`Expected ${missing.join(", ")} from the build: is there a target in binding.gyp?`);
    process.exit(1);
  }
}
