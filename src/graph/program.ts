/** A list of instructions made ready to run: encoded, loaded (and verified) by native code, printable. */

import { bytesPerElement, dtypeCode, isFloat } from "../dtype.js";
import { expected, NotFiniteError, OutOfRangeError } from "../errors.js";
import { addon, failure, type NativeProgram, typedError } from "../native/addon.js";
import { kernelRows } from "../native/kernels.generated.js";
import { formatShape, sizeOf } from "../shape.js";
import type { Instruction } from "./lower.js";
import type { OperandRef, Region } from "./operand.js";
import { type Plan, planArena } from "./plan.js";
import type { Storage } from "./storage.js";

const MAGIC = 0x6e61626c;
const VERSION = 1;
const opcodes = new Map(kernelRows.map((row, i) => [row.name as string, i]));

/** Time and traffic of one instruction, per step. */
export interface InstructionProfile {
  readonly name: string;
  readonly microseconds: number;
  /** Of matrix products. */
  readonly gflops?: number;
  /** Bytes of all operands over the time. */
  readonly gigabytesPerSecond: number;
}

export interface ProgramSource {
  readonly instructions: readonly Instruction[];
  /** Regions of the slots 1, 2, ... in order. */
  readonly slots: readonly Region[];
  readonly isa?: string;
}

export class Program {
  readonly native: NativeProgram;
  readonly words: Float64Array;
  private readonly plan: Plan;
  private readonly bound: (Storage | null)[];

  constructor(readonly source: ProgramSource) {
    this.plan = planArena(source.instructions);
    this.words = encode(source, this.plan);
    try {
      this.native =
        source.isa === undefined ? new addon.Program(this.words) : new addon.Program(this.words, source.isa);
    } catch (error) {
      throw typedError(error);
    }
    this.bound = source.slots.map(() => null);
  }

  get arenaBytes(): number {
    return this.plan.arenaBytes;
  }

  /** Binds slot `slot` (from 1) to `storage`, unless it is already. */
  bind(slot: number, storage: Storage): void {
    if (this.bound[slot - 1] === storage) return;
    try {
      this.native.bind(slot, storage.native);
    } catch (error) {
      throw typedError(error);
    }
    this.bound[slot - 1] = storage;
  }

  /** Runs `steps` steps; throws what stopped it. */
  run(steps = 1): void {
    if (this.tryRun(steps) < steps) throw this.failureError();
  }

  /** Runs up to `steps` steps and returns how many were completed; `failureError` says what stopped it. */
  tryRun(steps: number): number {
    try {
      return this.native.run(steps);
    } catch (error) {
      throw typedError(error);
    }
  }

  /** The same on the engine's own thread. What can be refused is refused now. */
  tryRunAsync(steps: number, threads?: number): Promise<number> {
    try {
      return threads === undefined ? this.native.runAsync(steps) : this.native.runAsync(steps, threads);
    } catch (error) {
      throw typedError(error);
    }
  }

  /** What the last run failed with, as an error a user understands. */
  failureError(): Error {
    const [code, instruction, step, value] = this.native.status as unknown as [
      number,
      number,
      number,
      number,
    ];
    const name = this.source.instructions[instruction]?.row.name ?? "program";
    if (code === failure.indexOutOfRange) {
      return new OutOfRangeError(expected("an index within the table or the classes", name, value));
    }
    return new NotFiniteError(expected("finite numbers", `${name} at step ${step}`, value), step, Number.NaN);
  }

  /** One line an instruction: kernel, operands with type, shape and place, parameters. */
  toString(): string {
    const head = `program: ${this.source.instructions.length} instructions, arena ${this.arenaBytes} bytes, ${this.source.slots.length} slots`;
    return [
      head,
      ...this.source.instructions.map(
        (instruction, i) => `${String(i).padStart(4)}  ${this.format(instruction)}`,
      ),
    ].join("\n");
  }

  private format({ row, operands, parameters }: Instruction): string {
    const names = [...row.inputs, ...row.outputs].map((o) => o.name);
    const show = (operand: OperandRef | undefined, i: number) => {
      if (operand === undefined) return [];
      const place =
        operand.region.slot === 0
          ? `arena+${this.byteOffset(operand)}`
          : `slot${operand.region.slot}+${operand.offset}`;
      return [
        `${names[i]}:${operand.dtype}${formatShape(operand.shape)}@${place}(${bytesOf(operand)} bytes)`,
      ];
    };
    const inputs = operands.slice(0, row.inputs.length).flatMap(show);
    const outputs = operands.slice(row.inputs.length).flatMap((o, i) => show(o, i + row.inputs.length));
    const numbers = parameters.length > 0 ? `  {${parameters.join(", ")}}` : "";
    return `${row.name}  ${inputs.join(" ")} -> ${outputs.join(" ")}${numbers}`;
  }

  private byteOffset(operand: OperandRef): number {
    return this.plan.offsetOf(operand.region) + operand.offset;
  }

  /**
   * Runs one step `repeats` times on what is bound and tells what each instruction took, in the
   * median. A training step really trains.
   */
  profile(repeats = 100): InstructionProfile[] {
    const runs = Array.from({ length: repeats }, () => this.native.profile(1));
    return this.source.instructions.map(({ row, operands }, i) => {
      const ns = median(runs.map((run) => run[i]!));
      const bytes = operands.reduce((sum, o) => sum + (o === undefined ? 0 : bytesOf(o)), 0);
      const base = { name: row.name, microseconds: ns / 1000, gigabytesPerSecond: bytes / ns };
      if (row.name !== "gemm") return base;
      return { ...base, gflops: (2 * sizeOf(operands.at(-1)!.shape) * operands[0]!.shape[2]!) / ns };
    });
  }
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? 0;

const bytesOf = (operand: OperandRef): number => sizeOf(operand.shape) * bytesPerElement(operand.dtype);

/** Programs compute in float64 when a tensor is float64, or when there are integers only. */
function realType(instructions: readonly Instruction[]): 0 | 1 {
  const types = new Set(
    instructions
      .flatMap(({ operands }) => operands.map((o) => o?.dtype))
      .filter((d) => d !== undefined && isFloat(d)),
  );
  return types.has("float32") ? 0 : 1;
}

/** The program format of native/runtime/program_reader: all words are numbers exact in float64. */
function encode({ instructions, slots }: ProgramSource, plan: Plan): Float64Array {
  const written = new Set<number>();
  for (const { row, operands } of instructions) {
    for (const operand of operands.slice(row.inputs.length))
      if (operand !== undefined) written.add(operand.region.slot);
  }
  const words: number[] = [
    MAGIC,
    VERSION,
    realType(instructions),
    slots.length,
    instructions.length,
    plan.arenaBytes,
  ];
  for (const region of slots) words.push(region.bytes, written.has(region.slot) ? 1 : 0);
  for (const { row, operands, parameters } of instructions) {
    words.push(opcodes.get(row.name)!);
    for (const operand of operands) pushOperand(words, operand, plan);
    words.push(parameters.length, ...parameters);
  }
  return Float64Array.from(words);
}

function pushOperand(words: number[], operand: OperandRef | undefined, plan: Plan): void {
  if (operand === undefined) {
    words.push(0);
    return;
  }
  const { region, offset, dtype, shape, strides, advance } = operand;
  const start = region.slot === 0 ? plan.offsetOf(region) + offset : offset;
  words.push(1, region.slot, start, dtypeCode(dtype), shape.length, ...shape, ...strides, advance);
}
