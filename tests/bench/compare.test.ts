/** The comparison with peers: its protocol and its arithmetic, with children that pretend. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @ts-expect-error: the benchmarks are plain JavaScript
import { measureRow, quantile } from "../../bench/compare/measure.mjs";
// @ts-expect-error
import { between } from "../../bench/compare/record.mjs";
// @ts-expect-error
import { markdown } from "../../bench/compare/table.mjs";
// @ts-expect-error
import { chooseWorkloads } from "../../bench/compare/workloads.mjs";

/** Answers every block with the next of these numbers; null: it crashes. */
const child = (blocks: (number | null)[], unable = "") => `
  const blocks = ${JSON.stringify(blocks)};
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "end") return console.log(5e6);
    if (line !== "block") return console.log(JSON.stringify(
      ${JSON.stringify(unable)} ? { unable: ${JSON.stringify(unable)} } : { peer: "x", version: "1", note: "" }));
    const ms = blocks.shift();
    if (ms === null) { console.error("Error: out of luck"); process.exit(3); }
    console.log(ms);
  });`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nabla-compare-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function participant(id: string, blocks: (number | null)[], unable?: string) {
  const file = join(folder, `${id}.cjs`);
  writeFileSync(file, child(blocks, unable));
  return { id, command: process.execPath, args: [file] };
}

const measure = (participants: unknown[], afresh = false) =>
  measureRow({ id: "mlp_small" }, 1, participants, { rounds: 3, blockMs: 1, afresh, progress: () => {} });

describe("a row of the comparison", () => {
  test("ratios are taken within a round, then their median", async () => {
    const row = await measure([participant("nabla", [1, 10, 2]), participant("other", [3, 20, 8])]);
    expect(row.nabla).toMatchObject({ ms_median: 2, ms_min: 1, ms_max: 10, peak_mb: 5 });
    expect(row.peers.other.ratio).toEqual({ median: 3, quartiles: [2.5, 3.5] });
    expect(row.left_out).toEqual({});
  });

  test("every block of a product is a process of its own", async () => {
    const row = await measure([participant("nabla", [1, 9]), participant("other", [3, 9])], true);
    expect(row.nabla).toMatchObject({ blocks_ms: [1, 1, 1], peak_mb: 5 });
    expect(row.peers.other).toMatchObject({ blocks_ms: [3, 3, 3], peak_mb: 5 });
  });

  test("goes on while it is in doubt how fast a close peer is, without those that are far", async () => {
    const ones = (count: number) => Array<number>(count).fill(1);
    const row = await measure([
      participant("nabla", ones(9)),
      participant("close", [0.9, 1.1, 1.2, 1.1, 0.9, 1.2, 1.1, 0.9, 1.2]),
      participant("steady", ones(9)),
      participant("far", [1, 2, 3]),
    ]);
    const blocks = (id: string) => row.peers[id].blocks_ms.length;
    expect(["close", "steady", "far"].map(blocks)).toEqual([9, 9, 3]);
    expect(row.peers.close.ratio.median).toBe(1.1);
    expect(row.nabla.blocks_ms).toHaveLength(9);
  });

  test("ends when no close peer is in doubt any more", async () => {
    const close = [1, 1.1, 1, 1, 1, 1, 1, 1, 1]; // the highest of eight is outside the interval
    const row = await measure([participant("nabla", Array<number>(9).fill(1)), participant("close", close)]);
    expect(row.peers.close.blocks_ms).toEqual(close.slice(0, 8));
  });

  test("a peer that crashes or cannot is left out with its reason, the rest goes on", async () => {
    const row = await measure([
      participant("nabla", [1, 1, 1]),
      participant("crashes", [1, null]),
      participant("cannot", [], "no such layer"),
      participant("works", [2, 2, 2]),
    ]);
    expect(Object.keys(row.peers)).toEqual(["works"]);
    expect(row.peers.works.ratio.median).toBe(2);
    expect(row.left_out).toEqual({ crashes: "Error: out of luck", cannot: "no such layer" });
  });

  test("without nabla there is nothing to compare", async () => {
    const row = measure([participant("nabla", [null]), participant("other", [1, 1, 1])]);
    await expect(row).rejects.toThrow("nabla at mlp_small: Error: out of luck");
  });
});

test("quantiles lie between neighbours", () => {
  // numpy.quantile([4, 1, 3, 2], [0.25, 0.5, 1])
  expect([0.25, 0.5, 1].map((q) => quantile([4, 1, 3, 2], q))).toEqual([1.75, 2.5, 4]);
});

test("only what stands between the markers is written", () => {
  const [begin, end] = [
    "<!-- bench:compare: written by that command, not by hand -->",
    "<!-- bench:compare: end -->",
  ];
  expect(between(`a\n${begin}\nold\n${end}\nb`, "new")).toBe(`a\n${begin}\nnew\n${end}\nb`);
  expect(() => between("no markers", "new")).toThrow(/README.md/);
});

test("workloads are chosen by name or by what it begins with", () => {
  const ids = (list: string) => chooseWorkloads(list).map(({ id }: { id: string }) => id);
  expect(ids("mlp_mnist,xor_tiny")).toEqual(["mlp_mnist", "xor_tiny"]);
  expect(ids("sgemm_NT")).toHaveLength(19);
  expect(() => ids("nothing")).toThrow(/Expected workloads of xor_tiny, .*, sgemm for --workload/);
});

test("README says how many large products come near the processor's limit", () => {
  const product = (workload: string, threads: number, share: number) => ({
    workload: `sgemm_${workload}`,
    threads,
    nabla: {},
    peers: { limit: { ratio: { median: share, quartiles: [share, share] } } },
  });
  const text = markdown(
    {
      machine: {},
      versions: {},
      settings: {},
      rows: [
        product("NN_128x128x128", 1, 0.92),
        product("TN_512x4096x1024", 1, 0.9049),
        product("NT_2048x2048x2048", 1, 0.97),
        product("NT_2048x2048x2048", 2, 0.5),
        product("NN_128x10x512", 1, 0.6), // one side is too small to count
      ],
    },
    { peers: [{ id: "limit", label: "multiply-adds alone", group: "limit" }], titles: new Map() },
  );
  expect(text).toMatch(/Of the 3 whose every side is 128 or more, at one thread, 2 reach 92 %/);
  expect(text.replace(/\n/g, " ")).toMatch(/least TN 512x4096x1024, 90\.5 %\./);
  expect(text).toMatch(/\| multiply-adds alone \| 0\.83 /);
});
