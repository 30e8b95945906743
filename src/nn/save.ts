/**
 * Models in safetensors files, under PyTorch's keys. An int32 tensor (the count of batches in batch
 * normalisation) is an int64 one in the file, as it is in PyTorch.
 */

import { compile } from "../compile.js";
import type { DType, TypedArray } from "../dtype.js";
import { checkBoolean, checkOptions, expected, FormatError } from "../errors.js";
import {
  loadSafetensors,
  type SafetensorsDType,
  type SafetensorsTensor,
  saveSafetensors,
  type TensorToWrite,
} from "../io/safetensors.js";
import type { Shape } from "../shape.js";
import type { Module, StateEntry } from "./module.js";

export interface SaveOptions {
  /** Kept with the tensors: texts by name. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface LoadOptions {
  /** Whether missing and unknown keys are errors. Default true. */
  readonly strict?: boolean;
}

const fileTypes: Record<DType, SafetensorsDType> = {
  float32: "F32",
  float64: "F64",
  int32: "I64",
  uint8: "U8",
  bool: "BOOL",
};

/** Entries of a state dictionary as they are written. */
export function tensorsOfState(state: ReadonlyMap<string, StateEntry>): Map<string, TensorToWrite> {
  const tensors = new Map<string, TensorToWrite>();
  for (const [key, { dtype, shape, data }] of state) {
    const written = dtype === "int32" ? BigInt64Array.from(data as Int32Array, BigInt) : data;
    tensors.set(key, { dtype: fileTypes[dtype], shape: [...shape], data: written as TensorToWrite["data"] });
  }
  return tensors;
}

/** What was read, as `loadStateDict` takes it. */
export function stateFromTensors(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
): Map<string, { shape: Shape; data: ArrayLike<number> }> {
  const entries = [...tensors].map(
    ([key, { shape, data }]) => [key, { shape, data: numbers(key, data) }] as const,
  );
  return new Map(entries);
}

function numbers(key: string, data: SafetensorsTensor["data"]): ArrayLike<number> {
  if (!(data instanceof BigInt64Array)) return data;
  const large = data.find((x) => x !== BigInt.asIntN(32, x));
  if (large !== undefined)
    throw new FormatError(expected("integers of 32 bits", `tensor ${key}`, `${large}`));
  return Int32Array.from(data, Number);
}

/**
 * Parameters and buffers as they are between two steps, whatever is training the model meanwhile: one
 * program copies them all, and no step runs while it does.
 */
async function snapshot(model: Module): Promise<Map<string, StateEntry>> {
  const stored = model.stateTensors();
  const copies = (await compile(() => stored.map(([, t]) => t)).async()) as unknown[];
  return new Map(
    stored.map(([key, t], i) => {
      const data = (copies[i] as { dataSync(): TypedArray }).dataSync();
      return [key, { dtype: t.dtype, shape: t.shape, data }];
    }),
  );
}

/** Writes the model's parameters and buffers to a safetensors file, whole or not at all. */
export async function saveModel(model: Module, path: string, options: SaveOptions = {}): Promise<void> {
  checkOptions(options, ["metadata"], "save");
  await saveSafetensors(path, tensorsOfState(await snapshot(model)), options.metadata ?? {});
}

/**
 * Overwrites the model's parameters and buffers with those of a safetensors file, this package's or
 * PyTorch's, and gives the file's metadata. Nothing is changed if anything does not fit.
 *
 * @throws FormatError, StateError naming keys, ShapeError naming key and shapes.
 */
export async function loadModel(
  model: Module,
  path: string,
  options: LoadOptions = {},
): Promise<Record<string, string>> {
  checkOptions(options, ["strict"], "load");
  const strict = checkBoolean(options.strict ?? true, "strict");
  const { tensors, metadata } = await loadSafetensors(path);
  model.loadStateDict(stateFromTensors(tensors), { strict });
  return metadata;
}
