/** How functions of single elements are described, so that chains of them run as one instruction. */

import type { PointwiseName } from "../native/kernels.generated.js";

/** Builds the micro-operations of one pointwise op: `call` appends one and returns its result. */
export type PointwiseRule = (
  call: (name: PointwiseName, ...args: Register[]) => Register,
  inputs: readonly Register[],
  constant: (value: number) => Register,
  attributes: Readonly<Record<string, unknown>>,
) => Register;

/** A value inside a chain; opaque to rules. */
export interface Register {
  readonly register: number;
}
