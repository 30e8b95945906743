// What is compared. A new network is one line here, its model in bench/workloads.mjs, and one function in
// every script of bench/peers that can do it; the others answer that they cannot.

/** Id, how readers know it, and what it asks of a peer: "training" or "inference". */
const networks = [
  { id: "xor_tiny", kind: "training", title: "2-8-1, batch 4, SGD" },
  { id: "mlp_small", kind: "training", title: "784-128-10, batch 32, SGD" },
  { id: "mlp_mnist", kind: "training", title: "784-512-256-10, batch 128, Adam" },
  {
    id: "mlp_bn_dropout",
    kind: "training",
    title: "784-512-512-10, batch norm, dropout, batch 128, Adam",
  },
  { id: "mlp_deep", kind: "training", title: "20 residual blocks of 256, batch 64, RMSprop, clipping" },
  { id: "infer_mlp_b1", kind: "inference", title: "784-512-256-10 forward, one row" },
  { id: "infer_mlp_b128", kind: "inference", title: "784-512-256-10 forward, 128 rows" },
];

/** Batch, out, in of dense layers; then sizes that are multiples of nothing. */
const products = [
  ...[64, 128, 256, 512, 1024, 2048].map((n) => [n, n, n]),
  [32, 512, 784],
  [128, 512, 784],
  [128, 10, 512],
  [256, 1024, 1024],
  [512, 4096, 1024],
  [64, 3072, 768],
  [1, 1024, 1024],
  [128, 256, 64],
  [8192, 64, 576],
  [25088, 32, 288],
  [61, 67, 71],
  [127, 509, 773],
  [333, 997, 211],
];

/** Forward, gradient of the input, gradient of the weight: weights are stored (in, out), all is row-major. */
const productRows = products.flatMap((sizes) =>
  ["NN", "NT", "TN"].map((operation) => ({
    id: `sgemm_${operation}_${sizes.join("x")}`,
    kind: "gemm",
    title: `${operation} ${sizes.join(" x ")}`,
    flops: 2 * sizes[0] * sizes[1] * sizes[2],
  })),
);

export const workloads = [...networks, ...productRows];

/** Those whose ids are given, or begin with what is given: "sgemm" and "sgemm_NN" are all such products. */
export function chooseWorkloads(list) {
  if (list === undefined) return workloads;
  return list.split(",").flatMap((name) => {
    const found = workloads.filter(({ id }) => id === name || id.startsWith(`${name}_`));
    if (found.length > 0) return found;
    const known = [...networks.map(({ id }) => id), "sgemm"].join(", ");
    throw new RangeError(`Expected workloads of ${known} for --workload but received ${name}`);
  });
}
