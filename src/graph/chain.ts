/** The code of one `pointwise` instruction: registers, constants, and which temporary is free when. */

import { type PointwiseName, pointwiseIndex } from "../native/kernels.generated.js";
import type { PointwiseRule, Register } from "../ops/pointwise-op.js";

type Place = { kind: "input" | "constant" | "operation"; index: number };
interface Operation {
  readonly row: PointwiseName;
  readonly args: readonly Place[];
}

const INPUTS = 8;

export class ChainBuilder {
  private readonly places: Place[] = [];
  private readonly constants: number[] = [];
  private readonly operations: Operation[] = [];

  private register(place: Place): Register {
    this.places.push(place);
    return { register: this.places.length - 1 };
  }

  input(index: number): Register {
    return this.register({ kind: "input", index });
  }

  readonly constant = (value: number): Register => {
    let index = this.constants.findIndex((c) => Object.is(c, value));
    if (index < 0) index = this.constants.push(value) - 1;
    return this.register({ kind: "constant", index });
  };

  readonly call: Parameters<PointwiseRule>[0] = (row, ...args) => {
    const places = args.map((a) => this.places[a.register]!);
    const factor = this.withoutFactorOne(row, places);
    if (factor !== null) return this.register(factor);
    const index = this.operations.push({ row, args: places }) - 1;
    return this.register({ kind: "operation", index });
  };

  /** 1·x is x, to the bit. */
  private withoutFactorOne(row: PointwiseName, [a, b]: readonly Place[]): Place | null {
    if (row !== "mul") return null;
    const isOne = (p: Place) => p.kind === "constant" && this.constants[p.index] === 1;
    return isOne(b!) ? a! : isOne(a!) ? b! : null;
  }

  /** The parameters of the instruction that leaves `results` in y0, y1 and so on. */
  encode(...results: readonly Register[]): number[] {
    const outputOf = new Map<number, number>();
    for (const [i, { register }] of results.entries()) {
      const place = this.places[register]!;
      const own = place.kind === "operation" && !outputOf.has(place.index);
      outputOf.set(own ? place.index : this.copyOf(place), i);
    }
    const operations = this.operations.slice(0, Math.max(...outputOf.keys()) + 1);
    const temporaries = allocateTemporaries(operations, outputOf);
    const firstTemporary = INPUTS + this.constants.length;
    const firstOutput = firstTemporary + temporaries.count;
    const registerOf = (operation: number): number => {
      const output = outputOf.get(operation);
      return output === undefined ? firstTemporary + temporaries.of[operation]! : firstOutput + output;
    };
    const number = (p: Place): number => {
      if (p.kind === "input") return p.index;
      return p.kind === "constant" ? INPUTS + p.index : registerOf(p.index);
    };
    const code = [this.constants.length, temporaries.count, operations.length, ...this.constants];
    for (const [i, { row, args }] of operations.entries()) {
      const numbers = args.map(number);
      code.push(pointwiseIndex[row], registerOf(i), numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0);
    }
    return code;
  }

  private copyOf(place: Place): number {
    return this.operations.push({ row: "identity", args: [place] }) - 1;
  }
}

/** A temporary for every operation that is no output; one is free again after its last reader. */
function allocateTemporaries(
  operations: readonly Operation[],
  outputs: ReadonlyMap<number, number>,
): { of: number[]; count: number } {
  const lastUse = new Array<number>(operations.length).fill(-1);
  for (const [i, { args }] of operations.entries())
    for (const a of args) if (a.kind === "operation") lastUse[a.index] = i;
  const of: number[] = [];
  const free: number[] = [];
  let count = 0;
  for (const [i, { args }] of operations.entries()) {
    // Arguments that end here may be overwritten by this very operation.
    for (const { kind, index } of new Set(args))
      if (kind === "operation" && lastUse[index] === i && !outputs.has(index)) free.push(of[index]!);
    if (!outputs.has(i)) of[i] = free.pop() ?? count++;
  }
  return { of, count };
}
