// Loads mutated programs and runs those that the verifier lets through, on memory of its own:
//   node mutate-programs.mjs ADDON PROGRAMS COUNT SEED PROGRESS
// PROGRAMS is a JSON file of lists of words. The number of the mutation in hand is kept in PROGRESS, so
// that a crash can be told and repeated. Ends by printing {"refused", "run", "skipped"}.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

const [addonPath, programsPath, count, seed, progressPath] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(addonPath);
const programs = JSON.parse(readFileSync(programsPath, "utf8")).map((words) =>
  Float64Array.from(words, Number),
);
addon.setThreads(2);

/** mulberry32: small, and the same everywhere. */
let state = Number(seed) >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const nasty = [
  0,
  1,
  -1,
  2,
  3,
  4,
  7,
  8,
  9,
  63,
  64,
  65,
  255,
  256,
  4096,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 52,
  2 ** 53,
  2 ** 53 - 1,
  2 ** 63,
  1e300,
  0.5,
  -0.5,
  1.5,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

const mutations = [
  (words) => {
    words[below(words.length)] = pick(nasty);
  },
  (words) => {
    words[below(words.length)] += pick([-64, -8, -4, -1, 1, 4, 8, 64]);
  },
  (words) => {
    words[below(words.length)] = words[below(words.length)];
  },
  (words) => {
    words[below(words.length)] *= pick([2, -1, 0.5, 16]);
  },
  (words) => {
    const [i, j] = [below(words.length), below(words.length)];
    [words[i], words[j]] = [words[j], words[i]];
  },
  (words) => {
    words.splice(below(words.length), 1 + below(3));
  },
  (words) => {
    words.splice(below(words.length), 0, pick(nasty));
  },
  (words) => {
    const at = below(words.length);
    words.splice(at, 0, ...words.slice(at, at + below(12)));
  },
  (words) => {
    words.length = below(words.length);
  },
];

function mutated() {
  const words = [...pick(programs)];
  const times = 1 + below(3);
  for (let i = 0; i < times && words.length > 0; i++) pick(mutations)(words);
  return Float64Array.from(words);
}

/** Running a program that asks for more than this would test the machine's memory, not the verifier. */
const MOST_BYTES = 32 * 2 ** 20;
const buffers = new Map();
function bufferOf(slot, bytes) {
  const key = `${slot} ${bytes}`;
  if (buffers.size > 200) buffers.clear();
  if (!buffers.has(key)) buffers.set(key, new addon.Buffer(bytes));
  return buffers.get(key);
}

const HEADER = 6; // magic, version, type, slots, instructions, arena bytes
const tally = { refused: 0, run: 0, skipped: 0 };

function tryOne(words) {
  let program;
  try {
    program = new addon.Program(words);
  } catch (error) {
    if (!String(error.code).startsWith("ERR_NABLA")) throw error;
    tally.refused++;
    return;
  }
  const slots = Array.from({ length: words[3] }, (_, i) => words[HEADER + 2 * i]);
  if (program.arenaBytes + slots.reduce((a, b) => a + b, 0) > MOST_BYTES) {
    tally.skipped++;
    return;
  }
  slots.forEach((bytes, i) => program.bind(i + 1, bufferOf(i, bytes)));
  try {
    program.run(1 + below(3)); // more steps than the memory holds are refused
  } catch (error) {
    if (!String(error.code).startsWith("ERR_NABLA")) throw error;
  }
  tally.run++;
}

const progress = openSync(progressPath, "w");
for (let i = 0; i < Number(count); i++) {
  const words = mutated();
  writeSync(progress, `${i}`.padEnd(12), 0);
  tryOne(words);
}
closeSync(progress);
console.log(JSON.stringify(tally));
