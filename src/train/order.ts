import { setImmediate } from "node:timers/promises";
import { Random } from "../random.js";

/** Numbers of Philox's streams from which the order of each epoch is drawn; what is random in a model uses low ones. */
const ORDER_STREAM = 2 ** 32;
/** How many draws (a fraction of a microsecond each) the event loop may wait for. */
const SLICE = 8192;

/**
 * The order of samples in one epoch: `Random.permutation` of a stream of its own, drawn in slices so that
 * a server answers in between.
 */
export async function epochOrder(length: number, seed: number, epoch: number): Promise<Int32Array> {
  const random = new Random(seed, ORDER_STREAM + epoch);
  const order = new Int32Array(length).map((_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const value = order[i]!;
    order[i] = order[j]!;
    order[j] = value;
    if (i % SLICE === 0) await setImmediate();
  }
  return order;
}
