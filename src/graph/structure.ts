/** What a compiled function may return: a tensor, or lists and records of tensors. */

import { ArgumentError, expected } from "../errors.js";
import { Tensor } from "../tensor.js";

export type Structure = Tensor | readonly Structure[] | { readonly [key: string]: Structure };

/** The tensors of a structure in order, and how to build it again with others in their places. */
export function flattenStructure(structure: unknown): {
  tensors: Tensor[];
  rebuild: (leaves: readonly unknown[]) => unknown;
} {
  const tensors: Tensor[] = [];
  const shape = (part: unknown): ((leaves: readonly unknown[]) => unknown) => {
    if (part instanceof Tensor) {
      const index = tensors.push(part) - 1;
      return (leaves) => leaves[index];
    }
    if (Array.isArray(part)) {
      const parts = part.map(shape);
      return (leaves) => parts.map((p) => p(leaves));
    }
    if (part !== null && typeof part === "object" && Object.getPrototypeOf(part) === Object.prototype) {
      const parts = Object.entries(part).map(([key, value]) => [key, shape(value)] as const);
      return (leaves) => Object.fromEntries(parts.map(([key, p]) => [key, p(leaves)]));
    }
    throw new ArgumentError(
      expected("tensors, or lists or records of tensors", "the result of a compiled function", part),
    );
  };
  const rebuild = shape(structure);
  return { tensors, rebuild };
}
