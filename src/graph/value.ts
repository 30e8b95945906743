/**
 * The graph: values, the nodes that compute them, and the registry of operations.
 *
 * A value is one of: stored (a slice of native memory), a constant number, an input of a program
 * being traced, or the output of a node. A stored value may keep its node, for differentiation.
 */

import type { DType } from "../dtype.js";
import type { Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import type { Lowering } from "./lower.js";
import type { StorageSlice } from "./storage.js";

export type Attributes = Readonly<Record<string, unknown>>;

export interface OutputSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What a gradient rule may use. Outputs it asks for are kept or recomputed, as the planner sees fit. */
export interface GradientContext<A> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: A;
  /** Gradient of the loss by each output; `null` where the loss does not depend on it. */
  readonly gradients: readonly (Tensor | null)[];
  /** Whether anybody asks for the gradient by input i. */
  needs(input: number): boolean;
}

export interface Op<A = Attributes> {
  readonly name: string;
  /** The outputs' shapes and types; throws the user's error where the inputs do not fit. */
  infer(inputs: readonly Value[], attributes: A): OutputSpec[];
  /** Emits the instructions that compute `node`. */
  lower(lowering: Lowering, node: Node<A>): void;
  /** The chain rule: gradients by each input, `null` where there is none. Or why there is none at all. */
  readonly gradient: ((context: GradientContext<A>) => (Tensor | null)[]) | NotDifferentiable;
  /** Set on functions of single elements: they are fused into chains. */
  readonly pointwise?: import("../ops/pointwise-op.js").PointwiseRule;
  /** The row of pointwise.inc this op is, when it is exactly one; matrix products take it into their epilogue. */
  readonly row?: import("../native/kernels.generated.js").PointwiseName;
  /** Set on operations that only look at their input's memory in another way. */
  readonly view?: true;
}

export interface NotDifferentiable {
  readonly none: string;
}

const registry = new Map<string, Op<never>>();

/** Adds an operation to the registry that the gradient check walks. */
export function defineOp<A = Attributes>(op: Op<A>): Op<A> {
  if (registry.has(op.name)) throw new Error(`operation ${op.name} is defined twice`);
  registry.set(op.name, op as unknown as Op<never>);
  return op;
}

export const registeredOps = (): ReadonlyMap<string, Op<never>> => registry;

export class Node<A = Attributes> {
  readonly outputs: Value[];
  /** The compilation it was recorded in; `null`: none. */
  trace: object | null = null;

  constructor(
    readonly op: Op<A>,
    readonly inputs: readonly Value[],
    readonly attributes: A,
    specs: readonly OutputSpec[],
    requiresGrad: boolean,
  ) {
    let depth = 0;
    for (const input of inputs) depth = Math.max(depth, input.depth);
    this.outputs = specs.map(({ shape, dtype }) => {
      const value = new Value(shape, dtype, requiresGrad);
      value.node = this as unknown as Node;
      value.depth = depth + 1;
      return value;
    });
  }
}

export class Value {
  slice: StorageSlice | null = null;
  node: Node | null = null;
  /** The number every element is. */
  constant: number | null = null;
  /** Set on the inputs of a program being traced: bytes its memory moves on per step. */
  inputAdvance: number | null = null;
  /** Longest chain of nodes not computed yet. */
  depth = 0;

  constructor(
    readonly shape: Shape,
    readonly dtype: DType,
    public requiresGrad: boolean,
  ) {}

  get isLeaf(): boolean {
    return this.slice !== null || this.constant !== null || this.node === null;
  }
}

export function storedValue(slice: StorageSlice, shape: Shape, dtype: DType, requiresGrad = false): Value {
  const value = new Value(shape, dtype, requiresGrad);
  value.slice = slice;
  return value;
}

export function constantValue(constant: number, dtype: DType): Value {
  const value = new Value([], dtype, false);
  value.constant = constant;
  return value;
}

export function inputValue(shape: Shape, dtype: DType, advance = 0): Value {
  const value = new Value(shape, dtype, false);
  value.inputAdvance = advance;
  return value;
}

/** Nodes that `values` need and that are not computed yet, each after the nodes it depends on. */
export function pendingNodes(
  values: readonly Value[],
  needsNode: (value: Value) => boolean = (v) => !v.isLeaf,
): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  const stack: Node[] = [];
  for (const value of values) {
    if (needsNode(value)) stack.push(value.node!);
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      const seen = state.get(node);
      if (seen === undefined) {
        state.set(node, "open");
        for (let i = node.inputs.length - 1; i >= 0; i--) {
          const input = node.inputs[i]!;
          if (needsNode(input) && !state.has(input.node!)) stack.push(input.node!);
        }
      } else {
        stack.pop();
        if (seen === "open") {
          state.set(node, "done");
          order.push(node);
        }
      }
    }
  }
  return order;
}
