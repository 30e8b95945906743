/** Element types of tensors, and how each one is stored. */

export type DType = "float32" | "float64" | "int32" | "uint8" | "bool";
export type FloatDType = "float32" | "float64";
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

interface Storage {
  /** The number the program format uses; `bool` is stored as bytes of 0 and 1. */
  readonly code: number;
  readonly bytes: number;
  readonly array: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray;
}

const storages: Record<DType, Storage> = {
  float32: { code: 0, bytes: 4, array: Float32Array },
  float64: { code: 1, bytes: 8, array: Float64Array },
  int32: { code: 2, bytes: 4, array: Int32Array },
  uint8: { code: 3, bytes: 1, array: Uint8Array },
  bool: { code: 3, bytes: 1, array: Uint8Array },
};

export const dtypes = Object.keys(storages) as DType[];

export const dtypeCode = (dtype: DType): number => storages[dtype].code;
export const bytesPerElement = (dtype: DType): number => storages[dtype].bytes;
export const isFloat = (dtype: DType): dtype is FloatDType => dtype === "float32" || dtype === "float64";

/** A typed array over `length` elements of `buffer` from `byteOffset` on. */
export function viewOf(
  dtype: DType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArray {
  return new storages[dtype].array(buffer, byteOffset, length);
}

/** The element type of a typed array, or `undefined` when no tensor has it. */
export function dtypeOfArray(array: unknown): DType | undefined {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Uint8Array) return "uint8";
  return undefined;
}

/** The type two operands of arithmetic have in common: float64 > float32 > int32 > uint8 > bool. */
export function promote(a: DType, b: DType): DType {
  const order: DType[] = ["bool", "uint8", "int32", "float32", "float64"];
  return order[Math.max(order.indexOf(a), order.indexOf(b))]!;
}

/** Whether the memory was transferred away; an array that is merely empty is another matter. */
export function isDetached({ buffer }: TypedArray): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    return new Uint8Array(buffer).length > 0;
  } catch {
    return true;
  }
}
