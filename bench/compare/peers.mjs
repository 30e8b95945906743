// Who is compared, how each is found on this machine, and in which environment it is as fast as its
// documentation says. Peers are never installed by this project.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { info } from "../../dist/esm/index.js";
import { blisKernels } from "./blis-kernels.mjs";
import { peersFolder, root } from "./places.mjs";

const script = (name) => join(root, "bench/peers", name);
const firstOf = (files) => files.find((file) => existsSync(file));

/** Files like `lib/python3.13/site-packages/x`, whatever the version in between. */
function inPython(environment, ...path) {
  const lib = join(peersFolder, environment, "lib");
  const versions = existsSync(lib) ? readdirSync(lib).filter((name) => name.startsWith("python3")) : [];
  return versions.map((version) => join(lib, version, "site-packages", ...path));
}

/** Where the system's loader finds a library; macOS and others have no such list. */
let loaderCache;
function systemLibrary(name) {
  loaderCache ??= spawnSync("ldconfig", ["-p"], { encoding: "utf8" }).stdout ?? "";
  const line = loaderCache.split("\n").find((entry) => entry.trim().startsWith(`${name} `));
  return line === undefined ? [] : [line.split("=>")[1].trim()];
}

const home = process.env.NABLA_PEERS ?? ".peers";
const venv = (name, packages) =>
  `python3 -m venv ${home}/${name} && ${home}/${name}/bin/pip install ${packages}`;
const npm = (name, packages) => `npm install --prefix ${home}/${name} ${packages}`;
const deb = (name, file) =>
  `mkdir -p ${home} && (cd ${home} && apt-get download ${file} && dpkg -x ${file}_*.deb ${name})`;

const threadVariables = (threads) =>
  Object.fromEntries(
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"].map((name) => [
      name,
      String(threads),
    ]),
  );

/** glibc keeps what is freed: otherwise a fresh result is a page fault every 4 KB. */
const keepMemory = {
  MALLOC_MMAP_THRESHOLD_: "1073741824",
  MALLOC_TRIM_THRESHOLD_: "17179869184",
  MALLOC_TOP_PAD_: "268435456",
};

/** A Python peer in an environment of its own. */
const python = (environment, file, ...args) => ({
  group: "python",
  find() {
    const command = firstOf([
      join(peersFolder, environment, "bin/python"),
      join(peersFolder, environment, "Scripts/python.exe"),
    ]);
    return command === undefined ? undefined : { command, args: [script(file), ...args] };
  },
});

/** A JavaScript peer: its script is told the folder that has its node_modules. */
const node = (environment, file, ...args) => ({
  group: "javascript",
  find() {
    const folder = join(peersFolder, environment);
    return existsSync(join(folder, "node_modules"))
      ? { command: process.execPath, args: [script(file), folder, ...args] }
      : undefined;
  },
});

/** A library with sgemm; `files` in the order of preference. */
const sgemm = (name, files) => ({
  group: "products",
  kinds: ["gemm"],
  find() {
    const file = firstOf(files());
    return file === undefined ? undefined : { program: "gemm_library", args: [name, file] };
  },
});

const NETWORKS = ["training", "inference"];

/**
 * id, label for tables, `group` in the chart, what it can do (`kinds`, or `only` these workloads), `find`
 * (undefined: absent),
 * `environment(threads, found)`, and how to get it, with the gigabytes that takes on disk.
 */
export const peers = [
  {
    id: "pytorch",
    label: "PyTorch",
    kinds: NETWORKS,
    ...python("torch", "pytorch.py", "eager"),
    environment: (threads) => ({ ...threadVariables(threads), ...keepMemory }),
    install: venv("torch", "torch"),
    gigabytes: 5.3,
  },
  {
    id: "pytorch-compile",
    label: "torch.compile",
    kinds: NETWORKS,
    ...python("torch", "pytorch.py", "compile"),
    environment: (threads) => ({
      ...threadVariables(threads),
      ...keepMemory,
      // Compiles in the process itself, so that its memory is all that counts; keeps what it compiled.
      TORCHINDUCTOR_COMPILE_THREADS: "1",
      TORCHINDUCTOR_CACHE_DIR: join(peersFolder, "cache", "inductor"),
      TORCHINDUCTOR_FREEZING: "1", // inference: weights packed beforehand
    }),
    install: venv("torch", "torch"),
    gigabytes: 5.3,
  },
  {
    id: "pytorch-debian",
    label: "PyTorch (Debian)",
    group: "python",
    kinds: NETWORKS,
    find: () =>
      existsSync("/usr/lib/python3/dist-packages/torch")
        ? { command: "/usr/bin/python3", args: [script("pytorch.py"), "eager"] }
        : undefined,
    environment(threads) {
      // One pool of threads for OpenBLAS and PyTorch; with two of them it is ten times slower.
      const folders = systemLibrary("libopenblas.so.0").map((file) => join(dirname(file), "openblas-openmp"));
      const openmp = firstOf(folders);
      return {
        ...threadVariables(threads),
        ...keepMemory,
        // It takes AVX2 by itself; asked for AVX-512, it does not look whether the processor has it.
        ...(info().isas.includes("avx512") ? { ATEN_CPU_CAPABILITY: "avx512" } : {}),
        ...(openmp === undefined ? {} : { LD_LIBRARY_PATH: openmp }),
      };
    },
    install: "apt-get install --no-install-recommends python3-torch libopenblas0-openmp",
  },
  {
    id: "jax",
    label: "JAX",
    kinds: NETWORKS,
    ...python("jax", "jax_jit.py"),
    // NPROC is what XLA's CPU client makes its pool from; without it, one thread a core.
    environment: (threads) => ({ ...keepMemory, NPROC: String(threads), JAX_PLATFORMS: "cpu" }),
    install: venv("jax", "jax"),
  },
  {
    id: "tensorflow",
    label: "TensorFlow",
    kinds: NETWORKS,
    ...python("tensorflow", "tensorflow_cpu.py"),
    environment: (threads) => ({
      ...threadVariables(threads),
      ...keepMemory,
      TF_ENABLE_ONEDNN_OPTS: "1",
      TF_CPP_MIN_LOG_LEVEL: "3",
    }),
    install: venv("tensorflow", "tensorflow-cpu"),
    gigabytes: 1.5,
  },
  {
    id: "onnxruntime",
    label: "ONNX Runtime",
    kinds: ["inference"],
    ...python("onnxruntime", "onnxruntime_cpu.py"),
    environment: () => keepMemory,
    install: venv("onnxruntime", "onnxruntime onnx"),
  },
  {
    id: "jax-js",
    label: "jax-js",
    kinds: NETWORKS,
    ...node("jax-js", "jax-js.mjs"),
    install: npm("jax-js", "@jax-js/jax"),
  },
  {
    id: "tfjs-wasm",
    label: "TF.js wasm",
    kinds: NETWORKS,
    ...node("tfjs", "tfjs.mjs", "wasm"),
    install: npm("tfjs", "@tensorflow/tfjs @tensorflow/tfjs-backend-wasm"),
  },
  {
    id: "tfjs-cpu",
    label: "TF.js cpu",
    kinds: NETWORKS,
    ...node("tfjs", "tfjs.mjs", "cpu"),
    install: npm("tfjs", "@tensorflow/tfjs @tensorflow/tfjs-backend-wasm"),
  },
  {
    id: "brain.js",
    label: "brain.js",
    only: { workloads: ["xor_tiny"], reason: "xor_tiny only: no batches, no cross-entropy" },
    ...node("brain.js", "brain.mjs"),
    install: npm("brain.js", "brain.js@1"),
  },
  {
    id: "openblas",
    label: "OpenBLAS",
    ...sgemm("openblas", () => [
      ...inPython("openblas", "scipy_openblas32/lib/libscipy_openblas.so"),
      ...systemLibrary("libopenblas.so.0"),
    ]),
    install: venv("openblas", "scipy-openblas32"),
  },
  {
    id: "blis",
    label: "BLIS",
    ...sgemm("blis", () => [
      join(peersFolder, "blis/usr/lib/x86_64-linux-gnu/blis-pthread/libblis.so.4"),
      ...systemLibrary("libblis.so.4"),
    ]),
    environment: (threads, { args: [, file] }) => ({ ...threadVariables(threads), ...blisKernels(file) }),
    install: deb("blis", "libblis4-pthread"),
  },
  {
    id: "onednn",
    label: "oneDNN",
    // The newer package of its makers is for SYCL and finds no CPU without a driver; this one is OpenMP.
    ...sgemm("onednn", () => [
      join(peersFolder, "onednn/lib/libdnnl.so.3"),
      ...systemLibrary("libdnnl.so.3"),
      ...systemLibrary("libdnnl.so.2"),
    ]),
    install: venv("onednn", "onednn-cpu-gomp"),
  },
  {
    id: "mkl",
    label: "MKL",
    ...sgemm("mkl", () => [join(peersFolder, "mkl/lib/libmkl_rt.so.3"), ...systemLibrary("libmkl_rt.so.2")]),
    environment: (threads) => ({
      ...threadVariables(threads),
      MKL_DYNAMIC: "FALSE", // as many threads as asked for
      LD_LIBRARY_PATH: join(peersFolder, "mkl/lib"), // its parts and Intel's OpenMP
    }),
    install: venv("mkl", "mkl"),
    gigabytes: 1,
  },
  {
    // No peer but what bounds all of them: its ratio is the share of the limit that nabla reaches.
    id: "limit",
    label: "the limit: multiply-adds alone",
    group: "limit",
    kinds: ["gemm"],
    find: () => ({ program: "gemm_limit", args: [] }),
  },
];

/** Why the peer is not asked for this workload; undefined when it is. */
export function reasonAgainst(peer, workload) {
  if (peer.only !== undefined)
    return peer.only.workloads.includes(workload.id) ? undefined : peer.only.reason;
  if (peer.kinds.includes(workload.kind)) return undefined;
  if (workload.kind === "gemm") return "whole networks, no products alone";
  return peer.kinds.includes("inference") ? "inference only" : "matrix products only";
}

export function choosePeers(list) {
  if (list === undefined) return peers;
  return list.split(",").map((name) => {
    const peer = peers.find(({ id }) => id === name);
    if (peer !== undefined) return peer;
    const known = peers.map(({ id }) => id).join(", ");
    throw new RangeError(`Expected peers of ${known} for --peer but received ${name}`);
  });
}

/** How to start a peer; the environment of libraries is their threads unless they want more. */
export const launch = (peer, found, threads) => ({
  id: peer.id,
  ...found,
  environment: (peer.environment ?? threadVariables)(threads, found),
});

/** nabla beside its peers: a network in Node, a matrix product as a program of its own. */
export const launchNabla = (workload) =>
  workload.kind === "gemm"
    ? { id: "nabla", program: "gemm_nabla", args: [] }
    : { id: "nabla", command: process.execPath, args: [script("nabla.mjs")] };
