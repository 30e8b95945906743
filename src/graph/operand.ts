/** What an instruction works on: a strided window on a region of memory. */

import type { DType } from "../dtype.js";
import { denseStrides, isDense, type Shape } from "../shape.js";

/** One piece of memory a program knows: part of its arena, placed by plan.ts, or a bound buffer. */
export class Region {
  constructor(
    readonly bytes: number,
    /** 0: the arena. */
    readonly slot: number = 0,
  ) {}
}

export interface OperandRef {
  readonly region: Region;
  /** Bytes from the start of the region. */
  readonly offset: number;
  readonly dtype: DType;
  readonly shape: Shape;
  /** In elements. */
  readonly strides: Shape;
  /** Bytes the window moves on from one step of a run to the next. */
  readonly advance: number;
}

export function denseOperand(
  region: Region,
  dtype: DType,
  shape: Shape,
  offset = 0,
  advance = 0,
): OperandRef {
  return { region, offset, dtype, shape, strides: denseStrides(shape), advance };
}

export const isDenseOperand = (operand: OperandRef): boolean => isDense(operand.shape, operand.strides);

/** The same dense memory under another shape of the same size. */
export function reshapeOperand(operand: OperandRef, shape: Shape): OperandRef {
  return { ...operand, shape, strides: denseStrides(shape) };
}
