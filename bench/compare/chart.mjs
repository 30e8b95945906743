// The picture of a comparison: a panel a workload, a lane a peer, the time relative to nabla's on a
// logarithmic scale. Drawn in classes, so that it follows the reader's light or dark theme; no text lies
// over other text, since every number has a column of its own.

import { blocksTitle, geometricMean, isProduct, milliseconds, short, threadsTitle } from "./table.mjs";

const COLUMNS = 2;
const PANEL = { width: 620, label: 132, plot: 350, value: 62, head: 44, foot: 30, gap: 30 };
/** Heights of a lane: of one ratio a number of threads, of a cloud of them. */
const LANE = { network: 24, products: 40 };
const MARGIN = { side: 28, top: 112, bottom: 26 };
/** What lies beyond stands at the edge as an arrow; its number says how far. */
const WIDEST = 1000;

const GROUPS = [
  { id: "python", title: "through Python" },
  { id: "javascript", title: "JavaScript and WebAssembly" },
  { id: "products", title: "libraries for matrix products" },
];

const STYLE = `
text { font-family: Helvetica, Arial, "DejaVu Sans", sans-serif; }
.page { fill: #ffffff; } .panel { fill: #f6f8fa; } .faster { fill: #cf222e; fill-opacity: .07; }
.ink { fill: #1f2328; } .soft { fill: #59636e; }
.grid { stroke: #d1d9e0; } .nabla { stroke: #1a7f37; stroke-width: 2; } .nabla-ink { fill: #1a7f37; }
.python { fill: #0969da; stroke: #0969da; } .javascript { fill: #bc4c00; stroke: #bc4c00; }
.products { fill: #8250df; stroke: #8250df; } .legend { fill: #59636e; stroke: #59636e; }
.ring { fill: #f6f8fa; stroke-width: 1.8; } .dot { stroke: none; }
.faint { fill-opacity: .5; stroke-opacity: .5; }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117; } .panel { fill: #161b22; } .faster { fill: #f85149; fill-opacity: .12; }
.ink { fill: #e6edf3; } .soft { fill: #9198a1; }
.grid { stroke: #30363d; } .nabla { stroke: #3fb950; } .nabla-ink { fill: #3fb950; }
.python { fill: #58a6ff; stroke: #58a6ff; } .javascript { fill: #f0883e; stroke: #f0883e; }
.products { fill: #bc8cff; stroke: #bc8cff; } .legend { fill: #9198a1; stroke: #9198a1; }
.ring { fill: #161b22; } .dot { stroke: none; }
}`;

const at = (x) => Number(x.toFixed(1));
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
const text = (x, y, content, { size = 12, kind = "ink", anchor = "start", bold = false } = {}) =>
  `<text x="${at(x)}" y="${at(y)}" class="${kind}" font-size="${size}" text-anchor="${anchor}"` +
  `${bold ? ' font-weight="bold"' : ""}>${escaped(content)}</text>`;
const line = (x1, y1, x2, y2, kind) =>
  `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" class="${kind}"/>`;
const times = (ratio) => `${short(ratio)}×`;

/** A filled dot for the first number of threads, a ring for the second; an arrow when it is off the scale. */
function mark(x, y, { group, ring, radius = 4.5, faint = false, off = false }) {
  const kind = `${group} ${ring ? "ring" : "dot"}${faint ? " faint" : ""}`;
  if (off) return `<path d="M${at(x - 7)} ${at(y - 3)}l7 3l-7 3z" class="${kind}"/>`;
  return `<circle cx="${at(x)}" cy="${at(y)}" r="${radius}" class="${kind}"/>`;
}

/** Ratios of one workload as lanes: who, and per number of threads what to draw and what to write. */
function networkLanes(workload, rows, threadCounts, peers) {
  const mine = threadCounts.map((threads) =>
    rows.find((row) => row.workload === workload && row.threads === threads),
  );
  return peers
    .map(({ id, label, group }) => ({
      label,
      group,
      series: mine.map((row) => row?.peers[id]?.ratio).map((ratio) => ratio && { points: [ratio], ...ratio }),
    }))
    .filter(({ series }) => series.some((one) => one !== undefined));
}

/** All products as one panel: a dot a shape, their geometric mean in figures. */
function productLanes(rows, threadCounts, peers) {
  const lane = ({ id, label, group }) => ({
    label,
    group,
    series: threadCounts.map((threads) => {
      const points = rows
        .filter((row) => row.threads === threads && row.peers[id] !== undefined)
        .map((row) => ({ median: row.peers[id].ratio.median }));
      if (points.length === 0) return undefined;
      return { points, median: geometricMean(points.map(({ median }) => median)) };
    }),
  });
  // What no group has is no peer.
  const drawn = peers.filter(({ group }) => GROUPS.some(({ id }) => id === group));
  return drawn.map(lane).filter(({ series }) => series.some((one) => one !== undefined));
}

function panels({ rows }, { peers, titles }) {
  const threadCounts = [...new Set(rows.map((row) => row.threads))];
  const networks = [...new Set(rows.filter((row) => !isProduct(row)).map((row) => row.workload))];
  const products = rows.filter(isProduct);
  const fastestFirst = (lanes) =>
    lanes.sort((a, b) => (a.series[0]?.median ?? 0) - (b.series[0]?.median ?? 0));
  const made = networks.map((id) => ({
    title: titles.get(id),
    subtitle: `nabla: ${rows
      .filter((row) => row.workload === id)
      .map(({ threads, nabla }) => `${threadsTitle(threads)} ${milliseconds(nabla.ms_median)}`)
      .join(", ")}`,
    height: LANE.network,
    lanes: fastestFirst(networkLanes(id, rows, threadCounts, peers)),
  }));
  if (products.length > 0) {
    made.push({
      title: "Matrix products",
      subtitle:
        `${products.length / threadCounts.length} shapes, a dot each; ` +
        "figures: geometric mean; a scale of its own",
      height: LANE.products,
      lanes: fastestFirst(productLanes(products, threadCounts, peers)),
    });
  }
  return { made, threadCounts };
}

/** Positions on the axis that some panels share. */
function scaleOf(made) {
  const ratios = made.flatMap(({ lanes }) =>
    lanes.flatMap(({ series }) => series.flatMap((one) => one?.points.map(({ median }) => median) ?? [])),
  );
  const low = Math.min(0.8, ...ratios) / 1.1;
  const high = Math.min(WIDEST, Math.max(2, ...ratios)) * 1.15;
  const ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].filter((t) => t > low && t < high);
  const x = (ratio) => {
    const within = Math.min(high, Math.max(low, ratio));
    return (PANEL.plot * Math.log(within / low)) / Math.log(high / low);
  };
  return { x, ticks, isOff: (ratio) => ratio > high };
}

function drawLane({ label, group, series }, y, left, scale) {
  const parts = [text(left + PANEL.label - 12, y + 4, label, { anchor: "end" })];
  const plot = left + PANEL.label;
  series.forEach((one, k) => {
    if (one === undefined) return;
    const many = one.points.length > 1;
    for (const { median, quartiles } of one.points) {
      const height = y + (many ? 14 * k - 7 : 8 * k - 4);
      if (quartiles !== undefined) {
        const [from, to] = quartiles.map((ratio) => plot + scale.x(ratio));
        parts.push(line(from, height, to, height, group));
      }
      parts.push(
        mark(plot + scale.x(median), height, {
          group,
          ring: k > 0,
          faint: many,
          radius: many ? 3.4 : k > 0 ? 4 : 4.4,
          off: scale.isOff(median),
        }),
      );
    }
    parts.push(
      text(plot + PANEL.plot + PANEL.value * (k + 1), y + 4, times(one.median), {
        anchor: "end",
        kind: one.median < 0.97 ? "ink" : "soft",
        bold: one.median < 0.97,
      }),
    );
  });
  return parts;
}

function drawPanel({ title, subtitle, lanes, height }, left, top, scale, threadCounts) {
  const plot = left + PANEL.label;
  const [begin, end] = [top + PANEL.head, top + PANEL.head + lanes.length * height];
  const parts = [
    text(left, top + 16, title, { size: 15, bold: true }),
    text(left, top + 34, subtitle, { kind: "nabla-ink" }),
    `<rect x="${plot}" y="${begin}" width="${PANEL.plot}" height="${end - begin}" class="panel"/>`,
    `<rect x="${plot}" y="${begin}" width="${at(scale.x(1))}" height="${end - begin}" class="faster"/>`,
    ...threadCounts.map((threads, k) =>
      text(plot + PANEL.plot + PANEL.value * (k + 1), begin - 6, threadsTitle(threads), {
        size: 11,
        kind: "soft",
        anchor: "end",
      }),
    ),
  ];
  let free = Number.NEGATIVE_INFINITY;
  for (const tick of scale.ticks) {
    const x = plot + scale.x(tick);
    parts.push(line(x, begin, x, end, tick === 1 ? "nabla" : "grid"));
    // A label only where the one before has ended; 1 has the word beside it that says what it is.
    if (x < free) continue;
    parts.push(
      text(x, end + 15, tick === 1 ? "1" : `${tick}`, {
        size: 11,
        kind: tick === 1 ? "nabla-ink" : "soft",
        anchor: "middle",
        bold: tick === 1,
      }),
    );
    free = x + 26;
  }
  lanes.forEach((lane, i) => parts.push(...drawLane(lane, begin + (i + 0.5) * height, left, scale)));
  return parts;
}

function drawHead({ machine, versions, settings }, threadCounts, groups, width) {
  const parts = [
    text(MARGIN.side, 38, "Time relative to nabla: how many times as long a peer takes", {
      size: 21,
      bold: true,
    }),
    text(
      MARGIN.side,
      60,
      `${machine.processor}, ${machine.cores} cores, ${machine.date}, ` +
        `nabla ${versions.nabla} (${machine.isa}); ` +
        `medians of ${blocksTitle(settings)} with their quartiles, logarithmic; ` +
        "left of the green line the peer is faster",
      { size: 13, kind: "soft" },
    ),
  ];
  let x = MARGIN.side + 6;
  const entry = (kind, title) => {
    parts.push(kind, text(x + 12, 88, title, { size: 13 }));
    x += 44 + 7 * title.length;
  };
  threadCounts.forEach((threads, k) =>
    entry(
      `<circle cx="${x}" cy="84" r="4.5" class="legend ${k > 0 ? "ring" : "dot"}"/>`,
      threadsTitle(threads),
    ),
  );
  for (const { id, title } of GROUPS.filter((group) => groups.has(group.id))) {
    entry(`<rect x="${x - 6}" y="78" width="12" height="12" rx="3" class="${id} dot"/>`, title);
  }
  parts.push(line(MARGIN.side, 100, width - MARGIN.side, 100, "grid"));
  return parts;
}

/** The whole picture as SVG. */
export function chart(result, about) {
  const { made, threadCounts } = panels(result, about);
  const [products, networks] = [true, false].map((whether) =>
    scaleOf(made.filter(({ height }) => (height === LANE.products) === whether)),
  );
  const width = 2 * MARGIN.side + COLUMNS * PANEL.width + (COLUMNS - 1) * PANEL.gap;
  const groups = new Set(made.flatMap(({ lanes }) => lanes.map(({ group }) => group)));
  const parts = drawHead(result, threadCounts, groups, width);
  let top = MARGIN.top;
  for (let i = 0; i < made.length; i += COLUMNS) {
    const line = made.slice(i, i + COLUMNS);
    line.forEach((panel, k) => {
      const left = MARGIN.side + k * (PANEL.width + PANEL.gap);
      const scale = panel.height === LANE.products ? products : networks;
      parts.push(...drawPanel(panel, left, top, scale, threadCounts));
    });
    const most = Math.max(...line.map(({ lanes, height }) => lanes.length * height));
    top += PANEL.head + most + PANEL.foot + 16;
  }
  const height = top + MARGIN.bottom - 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
      `width="${width}" height="${height}">`,
    `<style>${STYLE}</style>`,
    `<rect width="${width}" height="${height}" rx="10" class="page"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}
