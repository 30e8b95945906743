/** Shapes and strides: the arithmetic on lists of sizes, and the checks a user can run into. */

import { expected, OutOfRangeError, ShapeError } from "./errors.js";

export type Shape = readonly number[];

/** Native code counts elements of one tensor in 32 bits in places; larger tensors are refused. */
export const MAX_ELEMENTS = 2 ** 31 - 1;
export const MAX_RANK = 8;

export const formatShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** Number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

/** `shape` itself when it is a list of at most 8 non-negative integers whose product is below 2^31. */
export function checkShape(shape: unknown, argument: string): Shape {
  if (!Array.isArray(shape)) throw new ShapeError(expected("an array of dimensions", argument, shape));
  for (const dimension of shape) {
    if (!Number.isInteger(dimension) || dimension < 0) {
      throw new ShapeError(expected("non-negative integer dimensions", argument, formatShape(shape)));
    }
  }
  if (shape.length > MAX_RANK)
    throw new ShapeError(expected(`at most ${MAX_RANK} dimensions`, argument, formatShape(shape)));
  if (sizeOf(shape) > MAX_ELEMENTS) {
    throw new ShapeError(expected("a shape of fewer than 2^31 elements", argument, formatShape(shape)));
  }
  return [...shape];
}

/** Strides, in elements, of a dense row-major tensor. */
export function denseStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}

/** Whether elements lie one behind the other in row-major order (sizes of 1 may have any stride). */
export function isDense(shape: Shape, strides: Shape): boolean {
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== stride) return sizeOf(shape) === 0;
    stride *= shape[i]!;
  }
  return true;
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** The shape both broadcast to by NumPy's rule: align at the right, 1 stretches. */
export function broadcastShapes(a: Shape, b: Shape, operation: string): Shape {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        expected("shapes that broadcast together", operation, `${formatShape(a)} and ${formatShape(b)}`),
      );
    }
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** Strides that read a tensor of `shape` as if it had the shape `to` (0 where it is stretched). */
export function broadcastStrides(shape: Shape, strides: Shape, to: Shape): number[] {
  const lead = to.length - shape.length;
  return to.map((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? 0 : strides[i - lead]!));
}

/** `axis` counted from 0; negative axes count from the end. */
export function checkAxis(axis: unknown, rank: number, argument: string): number {
  if (!Number.isInteger(axis) || (axis as number) < -rank || (axis as number) >= rank) {
    throw new OutOfRangeError(expected(`an axis in [${-rank}, ${rank - 1}]`, argument, axis));
  }
  return (axis as number) < 0 ? (axis as number) + rank : (axis as number);
}

/** Distinct axes in rising order; `undefined` means all of them. */
export function checkAxes(
  axes: number | readonly number[] | undefined,
  rank: number,
  argument: string,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : [...axes]).map((a) => checkAxis(a, rank, argument));
  if (new Set(list).size !== list.length)
    throw new OutOfRangeError(expected("distinct axes", argument, axes));
  return list.sort((a, b) => a - b);
}
