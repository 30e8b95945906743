/**
 * One kernel on the caller's own typed arrays. The arrays are checked, the call becomes a program of one
 * instruction, and programs are kept by shapes and parameters, so a loop over equal sizes compiles once.
 */

import { type DType, dtypeOfArray, type FloatDType, isDetached, isFloat, type TypedArray } from "../dtype.js";
import { ArgumentError, checkInteger, DTypeError, describe, expected, OutOfRangeError, ShapeError } from "../errors.js";
import { type Instruction, Recorder } from "../graph/lower.js";
import { type OperandRef, Region } from "../graph/operand.js";
import { Program } from "../graph/program.js";
import { failure, typedError } from "../native/addon.js";
import { denseStrides, type Shape, sizeOf } from "../shape.js";

export type FloatArray = Float32Array | Float64Array;

export interface KernelOptions {
  /** Instruction set to use instead of the best one; see `info().isas`. Float64 always runs on the scalar one. */
  readonly isa?: string;
}

/** The part of a caller's array that one operand is. */
interface Window {
  readonly name: string;
  readonly array: TypedArray;
  readonly dtype: DType;
}

const MAX_PROGRAMS = 512;
const programs = new Map<string, Program>();

const arrayNames: Readonly<Record<string, string>> = {
  float32: "Float32Array",
  float64: "Float64Array",
  int32: "Int32Array",
  uint8: "Uint8Array",
};

export class ArrayCall {
  readonly emit = new Recorder();
  private real: FloatDType | null = null;
  private readonly windows = new Map<Region, Window>();

  constructor(private readonly isa: string | undefined) {}

  /** A float operand; all of one call have one element type, the first one's. */
  float(name: string, array: unknown, shape: Shape, strides?: Shape): OperandRef {
    const dtype = dtypeOfArray(array);
    if (dtype === undefined || !isFloat(dtype)) refuseType("a Float32Array or a Float64Array", name, array);
    this.real ??= dtype;
    if (dtype !== this.real) refuseType(`a ${arrayNames[this.real]}, as the arrays before it are,`, name, array);
    return this.operand(name, array as TypedArray, dtype, shape, strides);
  }

  optionalFloat(name: string, array: unknown, shape: Shape, strides?: Shape): OperandRef | undefined {
    return array === undefined ? undefined : this.float(name, array, shape, strides);
  }

  int32(name: string, array: unknown, shape: Shape): OperandRef {
    if (!(array instanceof Int32Array)) refuseType("an Int32Array", name, array);
    return this.operand(name, array, "int32", shape);
  }

  /** An operand of any element type. */
  any(name: string, array: unknown, shape: Shape, strides?: Shape): OperandRef {
    const dtype = dtypeOfArray(array);
    if (dtype === undefined) refuseType("a Float32Array, Float64Array, Int32Array or Uint8Array", name, array);
    if (isFloat(dtype)) return this.float(name, array, shape, strides);
    return this.operand(name, array as TypedArray, dtype, shape, strides);
  }

  /** A number as an operand that every element of `shape` reads. */
  number(name: string, value: unknown, shape: Shape): OperandRef {
    if (typeof value !== "number") throw new ArgumentError(expected("a number or a typed array", name, describe(value)));
    const array = this.real === "float64" ? Float64Array.of(value) : Float32Array.of(value);
    return this.float(name, array, shape, shape.map(() => 0));
  }

  private operand(name: string, array: TypedArray, dtype: DType, shape: Shape, strides: Shape = denseStrides(shape)): OperandRef {
    checkMemory(name, array);
    const needed = extent(shape, strides);
    if (array.length < needed) throw new ShapeError(expected(`at least ${needed} elements`, name, describe(array)));
    const region = new Region(needed * array.BYTES_PER_ELEMENT);
    this.windows.set(region, { name, array: array.length === needed ? array : array.subarray(0, needed), dtype });
    return { region, offset: 0, dtype, shape, strides, advance: 0 };
  }

  /** Runs the instruction; an index out of range is reported as of argument `indexName`. */
  run(indexName = "index"): void {
    const status = this.tryRun();
    if (status === null) return;
    const [code, , , value] = status;
    if (code === failure.indexOutOfRange) {
      throw new OutOfRangeError(expected("an index within the table or the classes", indexName, value));
    }
    throw new ArgumentError(expected("finite numbers", indexName, value));
  }

  /** The native status when the instruction failed, else `null`. */
  tryRun(): Float64Array | null {
    const { instruction, arrays, regions } = this.place(this.emit.instructions[0]!);
    const program = this.programOf(instruction, regions);
    try {
      return program.native.runArrays(...arrays) === 1 ? null : program.native.status;
    } catch (error) {
      throw typedError(error);
    }
  }

  /** Numbers the slots. Operands that are the very same memory share one; any other overlap with an output is refused. */
  private place({ row, operands, parameters }: Instruction) {
    const slots: { window: Window; region: Region; operands: number[] }[] = [];
    const placed = operands.map((operand, i) => {
      if (operand === undefined) return undefined;
      const window = this.windows.get(operand.region)!;
      let slot = slots.find((s) => sameWindow(s.window, window));
      if (slot === undefined) {
        slot = { window, region: new Region(operand.region.bytes, slots.length + 1), operands: [] };
        slots.push(slot);
      }
      slot.operands.push(i);
      return { ...operand, region: slot.region };
    });
    const isOutput = (i: number) => i >= row.inputs.length;
    const mayShare = (output: number, other: number) =>
      !isOutput(other) && (row.name === "pointwise" || row.outputs[output - row.inputs.length]!.alias === row.inputs[other]!.name);
    for (const a of slots) {
      for (const b of slots) {
        if (!overlap(a.window, b.window)) continue;
        for (const output of a.operands.filter(isOutput)) {
          for (const other of b.operands) {
            if (other === output || (a === b && mayShare(output, other))) continue;
            const [first, second] = [this.windows.get(operands[other]!.region)!, this.windows.get(operands[output]!.region)!];
            throw new ArgumentError(expected(`memory apart from ${first.name}`, second.name, "memory that overlaps it"));
          }
        }
      }
    }
    return { instruction: { row, operands: placed, parameters }, arrays: slots.map((s) => s.window.array), regions: slots.map((s) => s.region) };
  }

  private programOf(instruction: Instruction, slots: Region[]): Program {
    const { row, operands, parameters } = instruction;
    const shown = operands.map((o) => (o === undefined ? "-" : `${o.region.slot}${o.dtype}${o.shape.join()}/${o.strides.join()}`));
    const numbers = parameters.map((p) => (Object.is(p, -0) ? "-0" : p));
    const key = `${row.name} ${this.isa ?? ""} ${shown.join(" ")} ${numbers.join()}`;
    let program = programs.get(key);
    if (program === undefined) {
      program = new Program(this.isa === undefined ? { instructions: [instruction], slots } : { instructions: [instruction], slots, isa: this.isa });
      if (programs.size >= MAX_PROGRAMS) programs.delete(programs.keys().next().value!);
    } else programs.delete(key); // and to the end: the front is what was not used for longest
    programs.set(key, program);
    return program;
  }
}

function refuseType(what: string, name: string, array: unknown): never {
  const message = expected(what, name, describe(array));
  throw ArrayBuffer.isView(array) ? new DTypeError(message) : new ArgumentError(message);
}

/** Native code must be alone with the memory and able to rely on its size. */
function checkMemory(name: string, array: TypedArray): void {
  const { buffer } = array;
  const wrong = !(buffer instanceof ArrayBuffer)
    ? "one of shared memory"
    : (buffer as { resizable?: boolean }).resizable === true
      ? "one of resizable memory"
      : isDetached(array)
        ? "a detached one"
        : null;
  if (wrong !== null) throw new ArgumentError(expected("a typed array of ordinary memory", name, wrong));
}

/** Elements from the first to the last one touched. */
function extent(shape: Shape, strides: Shape): number {
  if (sizeOf(shape) === 0) return 0;
  return shape.reduce((last, size, i) => last + (size - 1) * strides[i]!, 0) + 1;
}

const sameWindow = (a: Window, b: Window): boolean =>
  a.dtype === b.dtype &&
  a.array.buffer === b.array.buffer &&
  a.array.byteOffset === b.array.byteOffset &&
  a.array.byteLength === b.array.byteLength;

const overlap = (a: Window, b: Window): boolean =>
  a.array.buffer === b.array.buffer &&
  a.array.byteOffset < b.array.byteOffset + b.array.byteLength &&
  b.array.byteOffset < a.array.byteOffset + a.array.byteLength;

/** A size given as an option. */
export const checkSize = (value: unknown, name: string): number => checkInteger(value, name, { min: 0, max: 2 ** 31 - 1 });

/** How many rows of `columns` elements `array` holds, unless `rows` says. */
export function rowsIn(array: ArrayLike<number>, columns: number, rows: number | undefined, name: string): number {
  if (rows !== undefined) return checkSize(rows, "rows");
  const count = columns === 0 ? 0 : array.length / columns;
  if (!Number.isInteger(count)) throw new ShapeError(expected(`a multiple of ${columns} elements`, name, `${array.length}`));
  return count;
}
