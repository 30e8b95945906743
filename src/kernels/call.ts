/**
 * One kernel on the caller's own typed arrays. The arrays are checked, the call becomes a program of one
 * instruction, and programs are kept by shapes and parameters, so a loop over equal sizes compiles once.
 */

import { type DType, dtypeOfArray, type FloatDType, isDetached, isFloat, type TypedArray } from "../dtype.js";
import {
  ArgumentError,
  checkInteger,
  DTypeError,
  describe,
  expected,
  OutOfRangeError,
  ShapeError,
} from "../errors.js";
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

/** A part of a caller's array; operands that are the very same part share it. */
class Window extends Region {
  /** What the caller knows it as, once for each operand. */
  readonly names: string[] = [];

  constructor(
    slot: number,
    readonly array: TypedArray,
    readonly dtype: DType,
  ) {
    super(array.byteLength, slot);
  }

  isSame(array: TypedArray, dtype: DType): boolean {
    const own = this.array;
    return (
      own.buffer === array.buffer &&
      own.byteOffset === array.byteOffset &&
      own.byteLength === array.byteLength &&
      this.dtype === dtype
    );
  }

  overlaps({ array }: Window): boolean {
    const own = this.array;
    return (
      own.buffer === array.buffer &&
      own.byteOffset < array.byteOffset + array.byteLength &&
      array.byteOffset < own.byteOffset + own.byteLength
    );
  }
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
  /** Of the slots 1, 2, ... in order. */
  private readonly windows: Window[] = [];

  constructor(private readonly isa: string | undefined) {}

  /** A float operand; all of one call have one element type, the first one's. */
  float(name: string, array: unknown, shape: Shape, strides?: Shape): OperandRef {
    const dtype = dtypeOfArray(array);
    if (dtype === undefined || !isFloat(dtype)) refuseType("a Float32Array or a Float64Array", name, array);
    this.real ??= dtype;
    if (dtype !== this.real)
      refuseType(`a ${arrayNames[this.real]}, as the arrays before it are,`, name, array);
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
    if (dtype === undefined)
      refuseType("a Float32Array, Float64Array, Int32Array or Uint8Array", name, array);
    if (isFloat(dtype)) return this.float(name, array, shape, strides);
    return this.operand(name, array as TypedArray, dtype, shape, strides);
  }

  /** A number as an operand that every element of `shape` reads. */
  number(name: string, value: unknown, shape: Shape): OperandRef {
    if (typeof value !== "number")
      throw new ArgumentError(expected("a number or a typed array", name, describe(value)));
    const array = this.real === "float64" ? Float64Array.of(value) : Float32Array.of(value);
    return this.float(
      name,
      array,
      shape,
      shape.map(() => 0),
    );
  }

  private operand(
    name: string,
    array: TypedArray,
    dtype: DType,
    shape: Shape,
    strides: Shape = denseStrides(shape),
  ): OperandRef {
    checkMemory(name, array);
    const needed = extent(shape, strides);
    if (array.length < needed)
      throw new ShapeError(expected(`at least ${needed} elements`, name, describe(array)));
    const used = array.length === needed ? array : array.subarray(0, needed);
    let region = this.windows.find((window) => window.isSame(used, dtype));
    if (region === undefined) {
      region = new Window(this.windows.length + 1, used, dtype);
      this.windows.push(region);
    }
    region.names.push(name);
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
    const instruction = this.emit.instructions[0]!;
    this.checkApart(instruction);
    const program = this.programOf(instruction);
    try {
      const done = program.native.runArrays(...this.windows.map((window) => window.array));
      return done === 1 ? null : program.native.status;
    } catch (error) {
      throw typedError(error);
    }
  }

  /** An output shares memory with nothing, but for the input that its kernel may overwrite. */
  private checkApart({ row, operands }: Instruction): void {
    for (let i = row.inputs.length; i < operands.length; i++) {
      const output = operands[i]?.region as Window | undefined;
      if (output === undefined) continue;
      const alias = row.outputs[i - row.inputs.length]!.alias;
      for (let j = 0; j < i; j++) {
        const other = operands[j]?.region as Window | undefined;
        if (other === undefined || !output.overlaps(other)) continue;
        const inPlace = j < row.inputs.length && (row.name === "pointwise" || row.inputs[j]!.name === alias);
        if (output === other && inPlace) continue;
        const [first, last] = [other.names[0]!, output.names[output.names.length - 1]!];
        throw new ArgumentError(expected(`memory apart from ${first}`, last, "memory that overlaps it"));
      }
    }
  }

  private programOf(instruction: Instruction): Program {
    const { row, operands, parameters } = instruction;
    let key = `${row.name} ${this.isa ?? ""}`;
    for (const o of operands) {
      key += o === undefined ? "|" : `|${o.region.slot}${o.dtype}${o.shape.join()}/${o.strides.join()}`;
    }
    for (const p of parameters) key += Object.is(p, -0) ? ",-0" : `,${p}`;
    let program = programs.get(key);
    if (program === undefined) {
      program = this.compile(instruction);
      if (programs.size >= MAX_PROGRAMS) programs.delete(programs.keys().next().value!);
      programs.set(key, program);
    }
    return program;
  }

  /** Without the caller's arrays, which a program that is kept must not keep alive. */
  private compile({ row, operands, parameters }: Instruction): Program {
    const slots = this.windows.map((window) => new Region(window.bytes, window.slot));
    const placed = operands.map((o) => (o === undefined ? o : { ...o, region: slots[o.region.slot - 1]! }));
    const source = { instructions: [{ row, operands: placed, parameters }], slots };
    return new Program(this.isa === undefined ? source : { ...source, isa: this.isa });
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

/** A size given as an option. */
export const checkSize = (value: unknown, name: string): number =>
  checkInteger(value, name, { min: 0, max: 2 ** 31 - 1 });

/** How many rows of `columns` elements `array` holds, unless `rows` says. */
export function rowsIn(
  array: ArrayLike<number>,
  columns: number,
  rows: number | undefined,
  name: string,
): number {
  if (rows !== undefined) return checkSize(rows, "rows");
  const count = columns === 0 ? 0 : array.length / columns;
  if (!Number.isInteger(count))
    throw new ShapeError(expected(`a multiple of ${columns} elements`, name, `${array.length}`));
  return count;
}
