// One row: nabla and its peers at one workload, in turn, block by block, so that a change of the machine's
// speed meets all of them. The ratio is taken within a round, before anything is averaged.

import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../protocol.mjs";
import { startSession } from "./session.mjs";

/** Before a block, so that the one before is off the processor; where nothing can be suspended, longer. */
const SETTLE_MS = process.platform === "win32" ? 200 : 10;

/** Linear between the neighbours. */
export function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  return below + (at - Math.floor(at)) * (sorted[Math.ceil(at)] - below);
}

const rounded = (x) => Number(x.toPrecision(5));
const spread = (numbers) => ({
  median: rounded(median(numbers)),
  quartiles: [0.25, 0.75].map((q) => rounded(quantile(numbers, q))),
});

/** By block, a peer's times over nabla's. */
const ratiosOf = (peer, nabla) => peer.blocks.map((block, i) => block / nabla.blocks[i]);

/** Rounds go on for so many times as many while it is in doubt how fast a peer is that takes at most so many
 * times nabla's time; a median is known when it lies within 3 % to either side. */
export const MOST_TIMES = 3;
const CLOSE = 1.15;
const KNOWN = 0.03;

/** Whether the median's 95 % interval is wider than that. It is the interval of order statistics, which does
 * not ask how the numbers are distributed: as many as a fair coin would miss the half by lie between its ends
 * and the middle. */
function inDoubt(ratios) {
  const sorted = [...ratios].sort((a, b) => a - b);
  const off = 0.98 * Math.sqrt(sorted.length);
  const low = sorted[Math.max(0, Math.floor(sorted.length / 2 - off))];
  const high = sorted[Math.min(sorted.length, Math.ceil(sorted.length / 2 + off)) - 1];
  return high / low > (1 + KNOWN) / (1 - KNOWN);
}

/** Who goes on: nabla and all peers that are as close, if one of them is in doubt. Whom more rounds would
 * favour has no say in that. (A peer that has missed a round stays away: blocks are paired by their number.) */
function goesOn([nabla, ...peers]) {
  const close = peers.filter(
    (peer) => peer.blocks.length === nabla.blocks.length && median(ratiosOf(peer, nabla)) <= CLOSE,
  );
  return close.some((peer) => inDoubt(ratiosOf(peer, nabla))) ? [nabla, ...close] : [];
}

/** Everything known of one participant; `ratio` is its time over nabla's. */
function figures(one, nabla) {
  const { blocks, peak, about } = one;
  const { median: ms, quartiles } = spread(blocks);
  return {
    version: about.version,
    ...(about.note === "" ? {} : { note: about.note }),
    ms_median: ms,
    ms_quartiles: quartiles,
    ms_min: rounded(Math.min(...blocks)),
    ms_max: rounded(Math.max(...blocks)),
    ...(nabla === undefined ? {} : { ratio: spread(ratiosOf(one, nabla)) }),
    peak_mb: rounded(peak / 1e6),
    blocks_ms: blocks.map(rounded),
  };
}

/**
 * Measures `rounds` rounds, and more where that leaves a doubt. `participants`: {id, command, args,
 * environment}, nabla first; one that fails is left out with the reason and the rest goes on. `afresh`: every
 * block is of a process of its own.
 */
export async function measureRow(workload, threads, participants, { rounds, blockMs, afresh, progress }) {
  const leftOut = {};
  let present = [];
  const attempt = async (one, action) => {
    try {
      return await action();
    } catch (error) {
      if (one.id === "nabla") {
        for (const { session } of present) session?.stop();
        throw new Error(`nabla at ${workload.id}: ${error.message}`, { cause: error });
      }
      one.session?.stop();
      leftOut[one.id] = error.message;
      present = present.filter((other) => other !== one);
    }
  };

  const start = async (one) => {
    one.session = await startSession(one.participant, { workload: workload.id, threads, blockMs });
    one.about = one.session.about;
  };
  const end = async (one) => {
    one.peak = Math.max(one.peak, await one.session.end());
    one.session = undefined;
  };
  for (const participant of participants) {
    progress(`starting ${participant.id}`);
    const one = { id: participant.id, participant, blocks: [], peak: 0 };
    await attempt(one, async () => {
      await start(one);
      present.push(one);
    });
  }
  for (let round = 0; round < MOST_TIMES * rounds; round++) {
    const more = round >= rounds;
    const measured = more ? goesOn(present) : [...present];
    // There and back: a machine that slows down favours nobody.
    for (const one of round % 2 === 0 ? measured : measured.reverse()) {
      progress(`round ${round + 1}/${more ? MOST_TIMES * rounds : rounds} ${one.id}`);
      await sleep(SETTLE_MS);
      await attempt(one, async () => {
        if (one.session === undefined) await start(one);
        one.blocks.push(await one.session.block());
        if (afresh) await end(one);
      });
    }
  }
  for (const one of [...present]) if (one.session !== undefined) await attempt(one, () => end(one));

  const [nabla, ...peers] = present;
  return {
    workload: workload.id,
    threads,
    nabla: figures(nabla, undefined),
    peers: Object.fromEntries(peers.map((one) => [one.id, figures(one, nabla)])),
    left_out: leftOut,
  };
}
