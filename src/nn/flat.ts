/**
 * Parameters trained together live in one buffer, and so do their gradients and the optimizer's
 * state: one pass over memory updates them all.
 */

import { bytesPerElement, type FloatDType, type TypedArray } from "../dtype.js";
import { Storage } from "../graph/storage.js";
import type { Parameter } from "./parameter.js";

/** Elements; every parameter starts on a cache line. */
const ALIGNMENT = 16;

export class FlatParameters {
  readonly storage: Storage;
  readonly gradients: Storage;
  readonly dtype: FloatDType;
  readonly length: number;

  /** Moves `parameters`, all of one type, into a new buffer, in their order. */
  constructor(readonly parameters: readonly Parameter[]) {
    this.dtype = parameters[0]!.dtype as FloatDType;
    const offsets: number[] = [];
    let end = 0;
    for (const parameter of parameters) {
      offsets.push(end);
      end += Math.ceil(parameter.size / ALIGNMENT) * ALIGNMENT;
    }
    this.length = end;
    this.storage = Storage.of(this.dtype, end, true);
    this.gradients = Storage.of(this.dtype, end, true);
    parameters.forEach((parameter, i) => {
      parameter.moveTo({ storage: this.storage, byteOffset: offsets[i]! * bytesPerElement(this.dtype) });
      parameter.flat = { store: this, offset: offsets[i]! };
    });
  }

  gradientOf(parameter: Parameter): TypedArray {
    return this.gradients.array(
      this.dtype,
      parameter.flat!.offset * bytesPerElement(this.dtype),
      parameter.size,
    );
  }
}

/** Neighbouring parameters of one store: what one optimizer instruction works on. */
export interface FlatRange {
  readonly store: FlatParameters;
  /** Elements from the start of the store. */
  readonly start: number;
  readonly length: number;
}

/** Puts parameters that are not in a flat buffer yet into one (one for each float type). */
export function flatten(parameters: readonly Parameter[]): void {
  for (const dtype of ["float32", "float64"] as const) {
    const loose = parameters.filter((p) => p.flat === null && p.dtype === dtype);
    if (loose.length > 0) new FlatParameters(loose);
  }
}

/** The ranges that `parameters` (all flat) occupy, neighbours joined. Padding between them counts as theirs. */
export function rangesOf(parameters: readonly Parameter[]): FlatRange[] {
  const sorted = [...parameters].sort((a, b) => a.flat!.offset - b.flat!.offset);
  const ranges: { store: FlatParameters; start: number; length: number }[] = [];
  for (const parameter of sorted) {
    const { store, offset } = parameter.flat!;
    const length = Math.ceil(parameter.size / ALIGNMENT) * ALIGNMENT;
    const neighbour = ranges.find((r) => r.store === store && r.start + r.length === offset);
    if (neighbour !== undefined) neighbour.length += length;
    else ranges.push({ store, start: offset, length });
  }
  return ranges;
}
