/** Recording: an operation checks its inputs and becomes a node; nothing is computed here. */

import { isFloat } from "../dtype.js";
import { DTypeError, expected, ShapeError, StateError } from "../errors.js";
import { formatShape, MAX_ELEMENTS, sizeOf } from "../shape.js";
import type { StorageSlice } from "./storage.js";
import { type Attributes, Node, type Op, type Value } from "./value.js";

/** A write to memory that outlives the program: running statistics and the like. */
export interface Assignment {
  readonly target: StorageSlice;
  readonly targetValue: Value;
  readonly value: Value;
}

/** What is collected while a function is compiled. */
export class TraceContext {
  /** Modules whose train/evaluate mode the function looked at. */
  readonly modes = new Map<{ readonly training: boolean }, boolean>();
  readonly assignments: Assignment[] = [];
  /** Random operations recorded so far; each one's number is its stream. */
  streams = 0;

  /** `randomKey`: seed and step of the program, an int32[4] input; asked for by the first random operation. */
  constructor(
    readonly randomKey: () => Value,
    /** Tells the random operations of one compiled function from those of another with the same seed. */
    readonly family: number,
  ) {}
}

let current: TraceContext | null = null;
let gradientsEnabled = true;
let onRecorded: (value: Value) => void = () => {};

export const currentTrace = (): TraceContext | null => current;

/** Runs `body` with recording going to `context`. */
export function withTrace<T>(context: TraceContext, body: () => T): T {
  if (current !== null)
    throw new StateError(
      expected("one compilation at a time", "compile", "a compiled function called inside another"),
    );
  current = context;
  try {
    return body();
  } finally {
    current = null;
  }
}

/** Called with every value recorded outside of compilation; evaluate.ts keeps pending graphs short with it. */
export function setRecordedHook(hook: (value: Value) => void): void {
  onRecorded = hook;
}

/** Runs `body` without recording for differentiation: results have `requiresGrad` false. */
export function noGrad<T>(body: () => T): T {
  const before = gradientsEnabled;
  gradientsEnabled = false;
  try {
    const result = body();
    if (result instanceof Promise) {
      throw new StateError(expected("a synchronous function", "noGrad", "one that returns a Promise"));
    }
    return result;
  } finally {
    gradientsEnabled = before;
  }
}

/** Records one node and returns the values it will compute. */
export function record<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): Value[] {
  const specs = op.infer(inputs, attributes);
  for (const { shape } of specs) {
    if (sizeOf(shape) > MAX_ELEMENTS)
      throw new ShapeError(expected("a result of fewer than 2^31 elements", op.name, formatShape(shape)));
  }
  const differentiable = typeof op.gradient === "function";
  const requiresGrad =
    gradientsEnabled &&
    differentiable &&
    specs.some((s) => isFloat(s.dtype)) &&
    inputs.some((v) => v.requiresGrad);
  const node = new Node(op, inputs, attributes, specs, requiresGrad);
  node.trace = current;
  if (current === null) for (const output of node.outputs) onRecorded(output);
  return node.outputs;
}

/** The one float type among `values`, when they have any; mixing two is an error. */
export function checkOneFloatType(values: readonly Value[], operation: string): void {
  const kinds = new Set(values.map((v) => v.dtype).filter(isFloat));
  if (kinds.size > 1)
    throw new DTypeError(expected("operands of one float type", operation, "float32 and float64 (use cast)"));
}
