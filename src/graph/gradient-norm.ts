/** The global norm of the gradients, its sum of squares at least. */

import { bytesPerElement } from "../dtype.js";
import { sizeOf } from "../shape.js";
import type { Clip } from "./compiler.js";
import type { Lowering } from "./lower.js";
import { type OperandRef, reshapeOperand } from "./operand.js";

/** Elements from which on gradients are not expected to be in the cache still when the last one is done. */
const LARGE_GRADIENTS = 65536;

/**
 * The sum of squares of all gradients: of a large model gradient by gradient, each as soon as it is
 * written, so that it is read from the cache; of a small one in as few instructions as possible.
 */
export class GradientNorm {
  private readonly parts: OperandRef | null = null;

  constructor(
    private readonly lowering: Lowering,
    private readonly gradients: readonly OperandRef[],
    clip: Clip | undefined,
  ) {
    const elements = gradients.reduce((sum, g) => sum + sizeOf(g.shape), 0);
    // Values that are clipped first have no norm yet when they are written.
    if (elements >= LARGE_GRADIENTS && clip?.value === undefined)
      this.parts = lowering.temporary(gradients[0]!.dtype, [gradients.length]);
  }

  written(index: number): void {
    const gradient = this.gradients[index];
    if (this.parts !== null && gradient !== undefined) this.reduce(gradient, this.parts, index, 5);
  }

  /** One element; `ranges` are all gradients, neighbours joined. */
  squares(ranges: readonly OperandRef[]): OperandRef {
    let parts = this.parts;
    if (parts === null) {
      parts = this.lowering.temporary(ranges[0]!.dtype, [ranges.length]);
      for (const [i, range] of ranges.entries()) this.reduce(range, parts, i, 5);
    }
    if (parts.shape[0] === 1) return parts;
    const total = this.lowering.temporary(parts.dtype, [1]);
    this.reduce(parts, total, 0, 0);
    return total;
  }

  /** kind 0: sum, 5: sum of squares. */
  private reduce(from: OperandRef, to: OperandRef, element: number, kind: number): void {
    const column = reshapeOperand(from, [1, sizeOf(from.shape), 1]);
    this.lowering.emit.reduce({ x: column }, { y: elementOf(to, element) }, { kind });
  }
}

const elementOf = (vector: OperandRef, i: number): OperandRef => ({
  ...vector,
  offset: vector.offset + i * bytesPerElement(vector.dtype),
  shape: [1, 1],
  strides: [1, 1],
});
