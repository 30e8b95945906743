// The rows as text: for the terminal with every interval, for README as Markdown.

import { quantile } from "./measure.mjs";

/** Milliseconds and ratios with as many digits as mean something. */
export function short(x) {
  if (x >= 1000) return Math.round(x).toLocaleString("en-US");
  if (x >= 100) return x.toFixed(0);
  if (x >= 10) return x.toFixed(1);
  if (x >= 0.1) return x.toFixed(2);
  return x.toPrecision(2);
}
const interval = ([low, high], dash) => `${short(low)}${dash}${short(high)}`;
export const threadsTitle = (threads) => (threads === 1 ? "1 thread" : `${threads} threads`);

/** How many blocks a figure is of. (Records from before rows in doubt went on have no most_rounds.) */
export const blocksTitle = ({ rounds, most_rounds: most }) =>
  `${rounds}${most === undefined ? "" : ` to ${most}`} paired blocks`;

export const isProduct = (row) => row.workload.startsWith("sgemm_");
export const geometricMean = (numbers) =>
  Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
const gflops = (flops, ms) => flops / ms / 1e6;

/** A network of the terminal's table: nabla, then every peer on a line of its own. */
function networkLines(row, labels) {
  const head = `${row.workload}, ${threadsTitle(row.threads)}`;
  const figures = (one) => `${short(one.ms_median).padStart(9)} ms  ${short(one.peak_mb).padStart(6)} MB  `;
  return [
    `${head.padEnd(34)}${figures(row.nabla)}`.trimEnd(),
    ...Object.entries(row.peers).map(
      ([id, one]) =>
        `  ${`${labels.get(id)} ${one.version}`.padEnd(32)}${figures(one)}` +
        `${short(one.ratio.median).padStart(7)}  (${interval(one.ratio.quartiles, " .. ")})`,
    ),
    "",
  ];
}

/** A product of the terminal's table: one line, GFLOP/s of nabla, then the ratios. */
function productLine(row, flops) {
  const ratios = Object.entries(row.peers).map(
    ([id, { ratio }]) => `${id} ${ratio.median.toFixed(2)} (${interval(ratio.quartiles, " .. ")})`,
  );
  return [
    row.workload.padEnd(26),
    `${String(row.threads).padStart(2)}t`,
    `${gflops(flops.get(row.workload), row.nabla.ms_median).toFixed(1).padStart(6)} GFLOP/s `,
    ...ratios.map((text) => text.padEnd(26)),
  ]
    .join(" ")
    .trimEnd();
}

/** Everything measured, as text; a ratio is the peer's time over nabla's, with its quartiles. */
export function textTable({ rows }, { peers, flops }) {
  const labels = new Map(peers.map(({ id, label }) => [id, label]));
  const networks = rows.filter((row) => !isProduct(row));
  const products = rows.filter(isProduct);
  return [
    ...(networks.length > 0 ? ["time of a step, peak memory, ratio peer / nabla (quartiles)", ""] : []),
    ...networks.flatMap((row) => networkLines(row, labels)),
    ...(products.length > 0 ? ["matrix products: nabla, ratios peer / nabla (quartiles)", ""] : []),
    ...products.map((row) => productLine(row, flops)),
  ].join("\n");
}

const markdownRow = (cells) => `| ${cells.join(" | ")} |`;
const markdownTable = (head, rows) =>
  [markdownRow(head), markdownRow(head.map(() => "---")), ...rows.map(markdownRow)].join("\n");

export const milliseconds = (ms) => (ms < 0.1 ? `${short(1000 * ms)} µs` : `${short(ms)} ms`);
const ratioCell = (one) =>
  one === undefined ? "" : `${short(one.ratio.median)}<br><sub>${interval(one.ratio.quartiles, "–")}</sub>`;

/** Ratios of the networks at one number of threads. */
function networkTable(rows, peers, titles) {
  return markdownTable(
    ["work", "nabla", ...peers.map(({ label }) => label)],
    rows.map((row) => [
      titles.get(row.workload),
      milliseconds(row.nabla.ms_median),
      ...peers.map(({ id }) => ratioCell(row.peers[id])),
    ]),
  );
}

/** Ratios of all products to one library, in short. */
function productTable(rows, libraries, threadCounts) {
  return markdownTable(
    ["all matrix products", ...threadCounts.map(threadsTitle)],
    libraries.map(({ id, label }) => [
      label,
      ...threadCounts.map((threads) => {
        const ratios = rows
          .filter((row) => row.threads === threads && row.peers[id] !== undefined)
          .map((row) => row.peers[id].ratio.median);
        if (ratios.length === 0) return "";
        const [low, high] = [0.1, 0.9].map((q) => quantile(ratios, q));
        return `${short(geometricMean(ratios))} <sub>${short(low)}–${short(high)}</sub>`;
      }),
    ]),
  );
}

/** How many products that are large enough come near the limit, and which comes least. */
function limitSentence(rows) {
  const [SIDE, NEAR] = [128, 0.92];
  const shares = rows
    .filter(({ workload }) => workload.match(/\d+/g).every((side) => Number(side) >= SIDE))
    .map(({ workload, peers }) => ({ workload, share: peers.limit?.ratio.median }))
    .filter(({ share }) => share !== undefined)
    .sort((a, b) => a.share - b.share);
  if (shares.length === 0) return [];
  const [{ workload, share }] = shares;
  const [, operation, sizes] = workload.split("_");
  return [
    wrapped(
      `Of the ${shares.length} whose every side is ${SIDE} or more, at one thread, ` +
        `${shares.filter(({ share }) => share >= NEAR).length} reach ${100 * NEAR} % of what the processor ` +
        `does in multiply-adds on registers alone; least ${operation} ${sizes}, ${(100 * share).toFixed(1)} %.`,
    ),
  ];
}

function memoryTable(rows, titles) {
  const cell = (one) => (one === undefined ? "" : short(one.peak_mb));
  return markdownTable(
    ["peak resident memory, MB", "nabla", "PyTorch", "PyTorch (Debian)", "JAX"],
    rows.map((row) => [
      titles.get(row.workload),
      cell(row.nabla),
      ...["pytorch", "pytorch-debian", "jax"].map((id) => cell(row.peers[id])),
    ]),
  );
}

/** Lines of at most 108 characters. */
const wrapped = (text) => text.replace(/(.{1,108})(?: |$)/g, "$1\n").trimEnd();

/** README's part: who, when, where, and the tables. */
export function markdown({ machine, versions, settings, rows }, { peers, titles }) {
  const networks = rows.filter((row) => !isProduct(row));
  const products = rows.filter(isProduct);
  const threadCounts = [...new Set(rows.map((row) => row.threads))];
  const met = (some) => peers.filter(({ id }) => some.some((row) => row.peers[id] !== undefined));
  const named = met(rows)
    .filter(({ group }) => group !== "limit")
    .map(({ id, label }) => `${label} ${versions[id]}`);
  const parts = [
    wrapped(
      `${machine.processor}, ${machine.cores} cores, ${machine.memory_gb} GB, ${machine.system}, Node ` +
        `${machine.node}, ${machine.date}; nabla ${versions.nabla} (${machine.isa}). Every cell is the ` +
        "peer's time divided by nabla's: over one, nabla is faster. " +
        `Medians of ${blocksTitle(settings)}, quartiles below them. ${named.join(", ")}.`,
    ),
    "![Time of every peer relative to nabla, by workload](docs/images/compare.svg)",
  ];
  for (const threads of networks.length > 0 ? threadCounts : []) {
    const some = networks.filter((row) => row.threads === threads);
    parts.push(`**${threadsTitle(threads)}**`, networkTable(some, met(some), titles));
  }
  if (products.length > 0) {
    parts.push(
      wrapped(
        `Matrix products, ${products.length / threadCounts.length} of them, square and of dense layers, ` +
          "neither factor or one of them transposed; geometric mean of the ratios, " +
          "tenth to ninetieth percentile:",
      ),
      productTable(products, met(products), threadCounts),
      ...limitSentence(products.filter(({ threads }) => threads === 1)),
    );
  }
  if (networks.length > 0) {
    const some = networks.filter((row) => row.threads === threadCounts[0]);
    parts.push(memoryTable(some, titles));
  }
  return parts.join("\n\n");
}
