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

  /** The parameters of the instruction that leaves `result` in y0. */
  encode(result: Register): number[] {
    let last = this.places[result.register]!;
    if (last.kind !== "operation") last = this.places[this.copyOf(last).register]!;
    const temporaries = this.allocate(last.index);
    const firstTemporary = INPUTS + this.constants.length;
    const output = firstTemporary + temporaries.count;
    const number = (p: Place): number => {
      if (p.kind === "input") return p.index;
      if (p.kind === "constant") return INPUTS + p.index;
      return firstTemporary + temporaries.of[p.index]!;
    };
    const code = [this.constants.length, temporaries.count, last.index + 1, ...this.constants];
    for (let i = 0; i <= last.index; i++) {
      const { row, args } = this.operations[i]!;
      const dst = i === last.index ? output : firstTemporary + temporaries.of[i]!;
      const numbers = args.map(number);
      code.push(pointwiseIndex[row], dst, numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0);
    }
    return code;
  }

  private copyOf(place: Place): Register {
    const index = this.operations.push({ row: "identity", args: [place] }) - 1;
    return this.register({ kind: "operation", index });
  }

  /** A temporary for every operation before the last; one is free again after its last reader. */
  private allocate(last: number): { of: number[]; count: number } {
    const lastUse = new Array<number>(last + 1).fill(-1);
    for (let i = 0; i <= last; i++)
      for (const a of this.operations[i]!.args) if (a.kind === "operation") lastUse[a.index] = i;
    const of: number[] = [];
    const free: number[] = [];
    let count = 0;
    for (let i = 0; i < last; i++) {
      // Arguments that end here may be overwritten by this very operation.
      for (const a of new Set(this.operations[i]!.args))
        if (a.kind === "operation" && lastUse[a.index] === i) free.push(of[a.index]!);
      of[i] = free.pop() ?? count++;
    }
    return { of, count };
  }
}
