/**
 * Where each temporary lies in the arena: a result may take over the memory of an input that is read
 * for the last time, and memory is used again once nobody needs what it held.
 */

import { bytesPerElement } from "../dtype.js";
import { sameShape, sizeOf } from "../shape.js";
import type { Instruction } from "./lower.js";
import { isDenseOperand, type OperandRef, type Region } from "./operand.js";

const ALIGNMENT = 64;

interface Lifetime {
  first: number;
  last: number;
  bytes: number;
  offset: number;
}

export interface Plan {
  readonly arenaBytes: number;
  /** Bytes from the start of the arena. */
  offsetOf(region: Region): number;
}

export function planArena(instructions: readonly Instruction[]): Plan {
  const lifetimes = measureLifetimes(instructions);
  const home = new Map<Region, Region>();
  const homeOf = (region: Region): Region => {
    let at = region;
    for (let next = home.get(at); next !== undefined; next = home.get(at)) at = next;
    return at;
  };
  instructions.forEach((instruction, i) => {
    for (const [output, input] of inPlacePairs(instruction)) {
      const [from, to] = [homeOf(input.region), output.region];
      if (home.has(to) || from === to) continue;
      const [giver, taker] = [lifetimes.get(from)!, lifetimes.get(to)!];
      if (giver.last !== i || taker.first !== i || giver.bytes !== taker.bytes) continue;
      home.set(to, from);
      giver.last = taker.last;
      break;
    }
  });
  const placed = [...lifetimes.entries()]
    .filter(([region]) => !home.has(region))
    .map(([, lifetime]) => lifetime);
  const arenaBytes = place(placed);
  return { arenaBytes, offsetOf: (region) => lifetimes.get(homeOf(region))!.offset };
}

function measureLifetimes(instructions: readonly Instruction[]): Map<Region, Lifetime> {
  const lifetimes = new Map<Region, Lifetime>();
  instructions.forEach(({ operands }, i) => {
    for (const operand of operands) {
      if (operand === undefined || operand.region.slot !== 0) continue;
      const known = lifetimes.get(operand.region);
      if (known === undefined)
        lifetimes.set(operand.region, { first: i, last: i, bytes: align(operand.region.bytes), offset: 0 });
      else known.last = i;
    }
  });
  return lifetimes;
}

/** Output and input operands of one instruction that may be the very same memory. */
function inPlacePairs({ row, operands }: Instruction): [OperandRef, OperandRef][] {
  const inputs = row.inputs.map((spec, i) => ({ name: spec.name, operand: operands[i] }));
  const pairs: [OperandRef, OperandRef][] = [];
  row.outputs.forEach((spec, k) => {
    const output = operands[row.inputs.length + k];
    if (output === undefined || !ownsRegion(output)) return;
    for (const { name, operand } of inputs) {
      const allowed = row.name === "pointwise" || spec.alias === name;
      if (!allowed || operand === undefined || !ownsRegion(operand) || !sameWindow(operand, output)) continue;
      const others = operands.filter((o) => o?.region === operand.region && o !== operand);
      if (others.every((o) => row.name === "pointwise" && ownsRegion(o!) && sameWindow(o!, output)))
        pairs.push([output, operand]);
    }
  });
  return pairs;
}

/** Whether the operand is all of an arena region, densely. */
function ownsRegion({ region, offset, dtype, shape, ...rest }: OperandRef): boolean {
  const bytes = sizeOf(shape) * bytesPerElement(dtype);
  return (
    region.slot === 0 &&
    offset === 0 &&
    bytes === region.bytes &&
    isDenseOperand({ region, offset, dtype, shape, ...rest })
  );
}

const sameWindow = (a: OperandRef, b: OperandRef): boolean =>
  a.dtype === b.dtype && sameShape(a.shape, b.shape);

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Largest first, each at the lowest offset where nothing alive at the same time lies. */
function place(lifetimes: readonly Lifetime[]): number {
  const done: Lifetime[] = [];
  let end = 0;
  for (const item of [...lifetimes].sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    let offset = 0;
    for (const other of done) {
      const together = other.first <= item.last && item.first <= other.last;
      // `done` is kept sorted by offset, so the first gap that is wide enough is the lowest.
      if (!together) continue;
      if (other.offset >= offset + item.bytes) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    item.offset = offset;
    end = Math.max(end, offset + item.bytes);
    const at = done.findIndex((other) => other.offset > offset);
    done.splice(at < 0 ? done.length : at, 0, item);
  }
  return end;
}
