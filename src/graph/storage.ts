/** Native memory holding tensors: immutable results, or the flat buffers of parameters. */

import { bytesPerElement, type DType, type TypedArray, viewOf } from "../dtype.js";
import { expected, StateError } from "../errors.js";
import { addon, type NativeBuffer } from "../native/addon.js";

/**
 * Small results lie one behind the other in pools: an ArrayBuffer for each would cost more than its copy. A
 * result that is kept keeps the whole of its pool, and no more than that.
 */
const POOL_BYTES = 32768;
let pool = new ArrayBuffer(0);
let pooled = 0;

export class Storage {
  private buffer: NativeBuffer | null;
  /** The ArrayBuffer as first seen. A user may transfer it away; `array` then says so. */
  private readonly arrayBuffer: ArrayBuffer;
  /** Where in it the contents begin. */
  private readonly start: number;
  /** Whether it holds a tensor of a frozen model: nothing writes to it, until the tensor leaves it for good. */
  frozen = false;

  /**
   * @param mutable Whether its contents may change after it was made: parameters, buffers, state.
   * @param contents Where in JavaScript's own memory they are, never to change.
   */
  constructor(
    readonly byteLength: number,
    readonly mutable: boolean = false,
    contents: { readonly buffer: ArrayBuffer; readonly byteOffset: number } | null = null,
  ) {
    // A tensor without elements still needs memory to point at.
    this.buffer = contents === null ? new addon.Buffer(Math.max(byteLength, 8)) : null;
    this.arrayBuffer = contents?.buffer ?? this.buffer!.arrayBuffer;
    this.start = contents?.byteOffset ?? 0;
  }

  static of(dtype: DType, elements: number, mutable = false): Storage {
    return new Storage(bytesPerElement(dtype) * elements, mutable);
  }

  /** A copy that costs no native memory unless a program reads it: most small results nobody computes with. */
  static copyOf(view: TypedArray): Storage {
    const { byteLength } = view;
    if (pooled + byteLength > pool.byteLength) {
      pool = new ArrayBuffer(Math.max(POOL_BYTES, byteLength));
      pooled = 0;
    }
    const contents = new Uint8Array(pool, pooled, byteLength);
    contents.set(new Uint8Array(view.buffer, view.byteOffset, byteLength));
    pooled = Math.ceil((pooled + byteLength) / 8) * 8;
    return new Storage(byteLength, false, contents);
  }

  get native(): NativeBuffer {
    if (this.buffer === null) {
      this.buffer = new addon.Buffer(Math.max(this.byteLength, 8));
      new Uint8Array(this.buffer.arrayBuffer).set(
        new Uint8Array(this.arrayBuffer, this.start, this.byteLength),
      );
    }
    return this.buffer;
  }

  /** A view of `length` elements from `byteOffset` on. */
  array(dtype: DType, byteOffset: number, length: number): TypedArray {
    if (this.arrayBuffer.byteLength === 0) {
      throw new StateError(
        expected(
          "memory that is still attached",
          "tensor data",
          "a detached ArrayBuffer (it was transferred)",
        ),
      );
    }
    return viewOf(dtype, this.arrayBuffer, this.start + byteOffset, length);
  }

  /** Makes views given out so far empty, because what they showed has moved elsewhere. */
  detach(): void {
    this.native.detach();
  }
}

/** Where a tensor's elements lie, densely. */
export interface StorageSlice {
  readonly storage: Storage;
  readonly byteOffset: number;
}
