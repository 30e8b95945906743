/** The native addon as TypeScript sees it. Everything else in native code is reached through a program. */

import { ArgumentError, BusyError, NablaError, StateError } from "../errors.js";
import { kernelRows, pointwiseRows } from "./kernels.generated.js";
import { loadAddon } from "./load.cjs";

/** Reference-counted native memory, seen from JavaScript as one ArrayBuffer. */
export interface NativeBuffer {
  readonly arrayBuffer: ArrayBuffer;
  readonly byteLength: number;
  /** Whether a run that writes it is submitted or in progress. */
  readonly beingWritten: boolean;
  /** Detaches the ArrayBuffer: views of it become empty. The memory lives on. */
  detach(): void;
}

export interface NativeProgram {
  bind(slot: number, buffer: NativeBuffer): void;
  /** Uses the array's own memory, for the next synchronous run only. */
  bindArray(slot: number, array: ArrayBufferView): void;
  /** Runs up to `steps` steps and returns how many were completed; fewer: see `status`. */
  run(steps: number): number;
  /** One step on these arrays in slots 1, 2, ... (their own memory, for this step only). */
  runArrays(...arrays: readonly ArrayBufferView[]): number;
  /** As `run`, on the engine's own thread. */
  runAsync(steps: number, threads?: number): Promise<number>;
  /** Asks a run in progress to stop after the current step. */
  interrupt(): void;
  /** Nanoseconds spent in each instruction over `steps` steps. */
  profile(steps: number): Float64Array;
  /** [failure code, instruction, step, value] of the last run. */
  readonly status: Float64Array;
  readonly arenaBytes: number;
  readonly instructionCount: number;
}

export interface EngineInfo {
  readonly version: string;
  /** The instruction set in use and those this machine and build have, best first. */
  readonly isa: string;
  readonly isas: readonly string[];
  readonly threads: number;
  /** Cache sizes in bytes; 0 where the system does not tell. */
  readonly l1: number;
  readonly l2: number;
  readonly l3: number;
}

interface Addon {
  info(): EngineInfo;
  setThreads(threads: number): void;
  getThreads(): number;
  /** Of a panel of a float32 matrix that products read often; 0: it lies best in rows. */
  panelColumns(): number;
  kernelRows(): string[];
  pointwiseRows(): string[];
  Buffer: new (byteLength: number) => NativeBuffer;
  Program: new (words: Float64Array, isa?: string) => NativeProgram;
}

/** Failure codes in `status[0]`, as `Failure` in native/kernels/call.h. A run stopped by `interrupt` has none. */
export const failure = { none: 0, notFinite: 1, indexOutOfRange: 2 } as const;

function load(): Addon {
  const addon = loadAddon() as Addon;
  const matches =
    addon.kernelRows().join() === kernelRows.map((row) => row.name).join() &&
    addon.pointwiseRows().join() === pointwiseRows.map((row) => row.name).join();
  if (!matches) {
    throw new NablaError(
      "Expected a native binary built from this source but found another; run `npm run build`",
      "ERR_NABLA_BINARY",
    );
  }
  return addon;
}

export const addon: Addon = load();

/** An error of native code as one of this package's classes; any other as it is. */
export function typedError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof NablaError) return error;
  const { code } = error as { code?: unknown };
  if (typeof code !== "string" || !code.startsWith("ERR_NABLA")) return error;
  const kind = [ArgumentError, BusyError, StateError].find((c) => c.code === code);
  return kind === undefined ? new NablaError(error.message, code) : new kind(error.message, { cause: error });
}
