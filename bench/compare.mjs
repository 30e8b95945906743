// npm run bench:compare [-- --peer x,y] [--workload a,b] [--blocks N] [--threads 1,all] [--no-record]
// nabla and every peer found on the machine on the same work, in turn, block by block, at one thread and at
// all. Prints the ratios with their quartiles; a complete run is recorded: bench/results/compare.json,
// docs/images/compare.svg and the table in README.md.

import { availableParallelism, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { MOST_TIMES, measureRow } from "./compare/measure.mjs";
import { choosePeers, launch, launchNabla, peers, reasonAgainst } from "./compare/peers.mjs";
import { program } from "./compare/programs.mjs";
import { record } from "./compare/record.mjs";
import { textTable, threadsTitle } from "./compare/table.mjs";
import { chooseWorkloads, workloads } from "./compare/workloads.mjs";
import { machine } from "./protocol.mjs";

const BLOCK_MS = { training: 120, inference: 120, gemm: 30 };
const isProduct = ({ kind }) => kind === "gemm";

/** Fewer paired blocks say too little to be recorded. */
const LEAST_ROUNDS = 9;

function readOptions() {
  const { values } = parseArgs({
    options: {
      peer: { type: "string" },
      workload: { type: "string" },
      blocks: { type: "string", default: String(LEAST_ROUNDS) },
      threads: { type: "string", default: "1,all" },
      "no-record": { type: "boolean", default: false },
    },
  });
  const all = availableParallelism();
  const counts = values.threads.split(",").map((text) => (text === "all" ? all : Number(text)));
  const rounds = Number(values.blocks);
  for (const [name, numbers] of Object.entries({ blocks: [rounds], threads: counts })) {
    if (!numbers.every((number) => Number.isInteger(number) && number > 0)) {
      throw new RangeError(`Expected positive integers for --${name} but received ${values[name]}`);
    }
  }
  const threads = [...new Set(counts)];
  const complete =
    values.peer === undefined &&
    values.workload === undefined &&
    threads.includes(1) &&
    threads.includes(all);
  return {
    peers: choosePeers(values.peer),
    workloads: chooseWorkloads(values.workload),
    rounds,
    threads,
    recorded: complete && rounds >= LEAST_ROUNDS && !values["no-record"],
  };
}

/** One line that is written over on a terminal; nothing in a pipe. */
const line = process.stderr.isTTY
  ? (text) => process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
  : () => {};

/** Who was not asked for something, by the reason; said once, at the end. */
const notAsked = new Map();
function askable(peer, workload) {
  const reason = reasonAgainst(peer, workload);
  if (reason === undefined) return true;
  if (!notAsked.has(reason)) notAsked.set(reason, new Set());
  notAsked.get(reason).add(peer.label);
  return false;
}

/** The peers of that list found here; the others are named, with the command that gets each. */
function findPeers(list) {
  const found = [];
  const commands = new Map();
  for (const peer of list) {
    const where = peer.find();
    if (where !== undefined) found.push({ peer, where });
    else commands.set(peer.install, [...(commands.get(peer.install) ?? []), peer]);
  }
  for (const [install, absent] of commands) {
    const { gigabytes } = absent[0];
    const size = gigabytes === undefined ? "" : ` (${gigabytes} GB)`;
    console.error(`absent: ${absent.map(({ label }) => label).join(", ")}${size}: ${install}`);
  }
  return {
    found,
    absent: [...commands].flatMap(([install, some]) => some.map(({ id }) => ({ id, install }))),
  };
}

/** Those workloads whose programs are there or compile; without a compiler there are no products. */
function measurable(list) {
  if (!list.some(isProduct)) return list;
  try {
    for (const name of ["gemm_nabla", "gemm_library", "gemm_limit"]) program(name);
    return list;
  } catch (error) {
    console.error(`matrix products are left out: ${error.message}`);
    return list.filter((workload) => !isProduct(workload));
  }
}

/** A participant with the file of its program, where it is one of ours. */
const compiled = ({ program: name, ...rest }) =>
  name === undefined ? rest : { ...rest, command: program(name) };

/** All rows, one after the other; what could not be measured is said and left out. */
async function measureAll(list, found, { threads: counts, rounds }) {
  const rows = [];
  const total = list.length * counts.length;
  for (const workload of list) {
    const able = found.filter(({ peer }) => askable(peer, workload));
    for (const threads of counts) {
      const place = `${rows.length + 1}/${total} ${workload.id}, ${threadsTitle(threads)}`;
      const participants = [
        launchNabla(workload),
        ...able.map(({ peer, where }) => launch(peer, where, threads)),
      ];
      const row = await measureRow(workload, threads, participants.map(compiled), {
        rounds,
        blockMs: BLOCK_MS[workload.kind],
        // Which memory a process is given decides up to a third of a product's time, in all of its blocks.
        afresh: isProduct(workload),
        progress: (text) => line(`${place}: ${text}`),
      });
      for (const [id, reason] of Object.entries(row.left_out)) {
        line("");
        console.error(`${workload.id}, ${threadsTitle(threads)}: ${id} is left out: ${reason}`);
      }
      rows.push(row);
    }
  }
  line("");
  for (const [reason, names] of notAsked) console.error(`${reason}: ${[...names].join(", ")}`);
  return rows;
}

/** The rows with everything that is needed to read them. */
async function describe(rows, absent, { rounds }, started) {
  const versions = { nabla: rows[0].nabla.version };
  for (const row of rows) for (const [id, one] of Object.entries(row.peers)) versions[id] = one.version;
  return {
    command: "npm run bench:compare",
    machine: {
      ...(await machine()),
      memory_gb: Math.round(totalmem() / 1e9),
      isa: rows[0].nabla.note,
    },
    settings: {
      rounds,
      most_rounds: MOST_TIMES * rounds,
      block_ms: BLOCK_MS,
      minutes: Math.round((performance.now() - started) / 6e4),
    },
    versions,
    absent,
    rows,
  };
}

async function main() {
  const started = performance.now();
  const options = readOptions();
  const { found, absent } = findPeers(options.peers);
  const rows = await measureAll(measurable(options.workloads), found, options);
  if (rows.length === 0) throw new Error("nothing could be measured");
  const result = await describe(rows, absent, options, started);
  const about = {
    peers,
    titles: new Map(workloads.map(({ id, title }) => [id, title])),
    flops: new Map(workloads.map(({ id, flops }) => [id, flops])),
  };
  console.log(textTable(result, about));
  if (options.recorded) record(result, about);
}

main().then(
  () => process.exit(0),
  (error) => {
    line("");
    console.error(error.message);
    process.exit(error instanceof RangeError ? 2 : 1);
  },
);
