/** A function compiled for each combination of shapes it is called with, and the memory its programs run on. */

import { type DType, dtypeOfArray, type TypedArray } from "../dtype.js";
import { expected, ShapeError } from "../errors.js";
import { formatShape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import {
  type Compiled,
  compileProgram,
  InputPlaceholder,
  type StepRecipe,
  type StepSlot,
} from "./compiler.js";
import { evaluate } from "./evaluate.js";
import { modelVersion } from "./model-version.js";
import type { Program } from "./program.js";
import { Storage } from "./storage.js";

export type Argument = Tensor | TypedArray;

/** Results up to this size are copied. */
const MOST_COPIED_BYTES = 8192;

/** Memory of one slot, and views of its first step and of as many steps as were asked for last. */
interface SlotMemory {
  readonly storage: Storage;
  readonly first: TypedArray;
  all: TypedArray;
  steps: number;
}

/** One instance of a program with the memory its steps read and write. */
export class Instance {
  readonly program: Program;
  private readonly memory = new Map<StepSlot, SlotMemory>();

  constructor(compiled: Compiled) {
    this.program = compiled.instantiate();
  }

  private memoryOf(slot: StepSlot, steps: number): SlotMemory {
    let memory = this.memory.get(slot);
    if (memory === undefined || memory.storage.byteLength < slot.bytes * steps) {
      const storage = new Storage(slot.bytes * steps, true);
      const view = (count: number) => storage.array(slot.spec.dtype, 0, sizeOf(slot.spec.shape) * count);
      memory = { storage, first: view(1), all: view(steps), steps };
      this.memory.set(slot, memory);
    }
    this.program.bind(slot.slot, memory.storage);
    return memory;
  }

  /** A view of what `steps` steps have of `slot`; the slot is bound to that memory. */
  view(slot: StepSlot, steps: number): TypedArray {
    const memory = this.memoryOf(slot, steps);
    if (steps === 1) return memory.first;
    if (memory.steps !== steps) {
      memory.all = memory.storage.array(slot.spec.dtype, 0, sizeOf(slot.spec.shape) * steps);
      memory.steps = steps;
    }
    return memory.all;
  }

  /** Provides the input; a computed tensor is read where it lies, anything else is copied. */
  feed(slot: StepSlot, argument: Argument, steps: number): void {
    if (argument instanceof Tensor) {
      if (!argument.value.isLeaf) evaluate([argument.value]);
      const slice = argument.value.slice;
      if (slice !== null && slice.byteOffset === 0 && !slice.storage.mutable) {
        this.program.bind(slot.slot, slice.storage);
        return;
      }
      this.view(slot, steps).set(argument.dataSync());
    } else this.view(slot, steps).set(argument);
  }

  /**
   * Prepares an output that the caller will keep; the result gives it once the program has run. Native
   * memory of its own costs some microseconds, a copy of a few kilobytes less than one.
   */
  release(slot: StepSlot): () => Storage {
    if (slot.bytes > 0 && slot.bytes <= MOST_COPIED_BYTES) {
      const view = this.view(slot, 1);
      return () => Storage.copyOf(view);
    }
    const storage = new Storage(slot.bytes);
    this.program.bind(slot.slot, storage);
    return () => storage;
  }
}

/** One way a function was compiled, with the instances of its program that are not running. */
export class Variant {
  readonly idle: Instance[] = [];
  private version = modelVersion();

  constructor(readonly compiled: Compiled) {}

  isCurrent(): boolean {
    const now = modelVersion();
    if (now !== this.version) {
      if (!this.compiled.isCurrent()) return false;
      this.version = now;
    }
    return true;
  }

  take(): Instance {
    return this.idle.pop() ?? new Instance(this.compiled);
  }
}

/** Combinations of shapes that one function stays compiled for. */
const MAX_SHAPES = 64;

/** The variants of one function. */
export class Variants {
  private readonly byKey = new Map<string, Variant[]>();
  private last: { args: readonly unknown[]; steps: number | null; variant: Variant } | null = null;

  constructor(
    private readonly fn: (...args: never[]) => unknown,
    private readonly recipe: StepRecipe | null,
    private readonly family: number,
  ) {}

  find(args: readonly unknown[], steps: number | null): Variant {
    if (
      this.last !== null &&
      this.last.steps === steps &&
      sameArguments(this.last.args, args) &&
      this.last.variant.isCurrent()
    ) {
      return this.last.variant;
    }
    const key = args.map((a) => describeArgument(a, steps)).join("|");
    const known = this.byKey.get(key) ?? [];
    let variant = known.find((v) => v.isCurrent());
    if (variant === undefined) {
      variant = new Variant(
        compileProgram(
          this.fn,
          args.map((a) => placeholder(a, steps)),
          this.recipe,
          this.family,
        ),
      );
      // Variants of another mode may be current again later; those of places left behind never are.
      this.byKey.set(key, [variant, ...known.slice(0, 3)]);
      // A server predicts for any number of rows; what was compiled for the oldest shapes goes.
      if (this.byKey.size > MAX_SHAPES) this.byKey.delete(this.byKey.keys().next().value!);
    }
    this.last = { args: args.map(kindOf), steps, variant };
    return variant;
  }
}

/** What of an argument decides the variant, cheap to compare; the key says the same in full. */
const kindOf = (a: unknown): unknown =>
  a instanceof Tensor ? a.shape : dtypeOfArray(a) === undefined ? a : null;

/** Tensors whose shapes are the same list and constants that are the same value; anything else asks the key. */
function sameArguments(kinds: readonly unknown[], args: readonly unknown[]): boolean {
  if (kinds.length !== args.length) return false;
  for (let i = 0; i < args.length; i++) {
    const a = args[i];
    if (a instanceof Tensor ? kinds[i] !== a.shape : typeof a === "object" || kinds[i] !== a) return false;
  }
  return true;
}

export const isArgument = (a: unknown): a is Argument => a instanceof Tensor || dtypeOfArray(a) !== undefined;

/** Shape and type of one step's part of an argument; in many-step calls the first dimension counts steps. */
function specOf(argument: Argument, steps: number | null): { shape: readonly number[]; dtype: DType } {
  const shape = argument instanceof Tensor ? argument.shape : [argument.length];
  const dtype = argument instanceof Tensor ? argument.dtype : dtypeOfArray(argument)!;
  if (steps === null) return { shape, dtype };
  if (argument instanceof Tensor) {
    if (shape[0] !== steps)
      throw new ShapeError(expected(`a first dimension of ${steps} steps`, "many", formatShape(shape)));
    return { shape: shape.slice(1), dtype };
  }
  if (argument.length % steps !== 0)
    throw new ShapeError(expected(`a multiple of ${steps} elements`, "many", `${argument.length}`));
  return { shape: [argument.length / steps], dtype };
}

function describeArgument(argument: unknown, steps: number | null): string {
  if (!isArgument(argument)) return JSON.stringify(argument) ?? String(argument);
  const { shape, dtype } = specOf(argument, steps);
  return `${dtype}[${shape.join()}]`;
}

function placeholder(argument: unknown, steps: number | null): unknown {
  if (!isArgument(argument)) return argument;
  const { shape, dtype } = specOf(argument, steps);
  return new InputPlaceholder(shape, dtype);
}
