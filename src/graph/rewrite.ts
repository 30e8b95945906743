/**
 * What is computed together: matrix products take in the bias, the activation and one more operand
 * (epilogue); chains of functions on single elements become one instruction that keeps its
 * intermediate results in L1.
 */

import { isFloat } from "../dtype.js";
import type { PointwiseName } from "../native/kernels.generated.js";
import { sameShape, sizeOf } from "../shape.js";
import type { Node, Value } from "./value.js";

/** combine(aux, activation(a·w + bias)), written to `result`. */
export interface Epilogue {
  readonly product: Node;
  readonly bias: Value | null;
  readonly activation: PointwiseName | null;
  readonly combine: PointwiseName | null;
  readonly aux: Value | null;
  readonly result: Value;
}

/** Pointwise nodes computed by one instruction, in order; the last one's output is the result. */
export interface Chain {
  readonly nodes: readonly Node[];
  /** Those before the last whose outputs are read elsewhere too: further results. */
  readonly shared: readonly Node[];
}

export interface Rewriting {
  /** By the node in whose place the fused instruction stands. */
  readonly epilogues: ReadonlyMap<Node, Epilogue>;
  readonly chains: ReadonlyMap<Node, Chain>;
  /** Nodes that are part of another one's instruction. */
  readonly absorbed: ReadonlySet<Node>;
}

/** Native limits are 8 inputs, 4 results, 16 constants and 64 operations; somewhat fewer keep a block in L1. */
const MAX_INPUTS = 8;
const MAX_SHARED = 3; // results beside the last one's
const MAX_OPERATIONS = 24;
const commutative: ReadonlySet<PointwiseName> = new Set(["add", "mul", "minimum", "maximum"]);

/** Who reads what; a value that leaves the program counts one more reader. */
class Uses {
  private readonly readers = new Map<Value, Node[]>();
  private readonly kept: ReadonlySet<Value>;

  constructor(nodes: readonly Node[], results: readonly Value[]) {
    this.kept = new Set(results);
    for (const node of nodes) {
      for (const input of new Set(node.inputs)) {
        const list = this.readers.get(input);
        if (list === undefined) this.readers.set(input, [node]);
        else list.push(node);
      }
    }
  }

  /** The only reader of `value`, if it has just one and does not leave the program. */
  sole(value: Value): Node | null {
    const list = this.readers.get(value);
    return list !== undefined && list.length === 1 && !this.kept.has(value) ? list[0]! : null;
  }

  /** Who reads `value` outside of `group`; `null` if it leaves the program. */
  outside(value: Value, group: ReadonlySet<Node>): Node[] | null {
    return this.kept.has(value) ? null : (this.readers.get(value) ?? []).filter((node) => !group.has(node));
  }
}

export function rewrite(nodes: readonly Node[], results: readonly Value[], productName: string): Rewriting {
  const uses = new Uses(nodes, results);
  const position = new Map(nodes.map((node, i) => [node, i]));
  const epilogues = new Map<Node, Epilogue>();
  const chains = new Map<Node, Chain>();
  const absorbed = new Set<Node>();
  for (const node of nodes) {
    if (node.op.name !== productName) continue;
    const { epilogue, members } = growEpilogue(node, uses);
    const place = members[members.length - 1]!;
    epilogues.set(place, epilogue);
    for (const member of members) if (member !== place) absorbed.add(member);
  }
  for (let i = nodes.length - 1; i >= 0; i--) {
    const root = nodes[i]!;
    if (root.op.pointwise === undefined || absorbed.has(root) || epilogues.has(root)) continue;
    const taken = (node: Node) => absorbed.has(node) || epilogues.has(node);
    const chain = growChain(root, uses, taken, (node) => position.get(node)!);
    for (const member of chain.nodes) if (member !== root) absorbed.add(member);
    chains.set(root, chain);
  }
  return { epilogues, chains, absorbed };
}

function growEpilogue(product: Node, uses: Uses): { epilogue: Epilogue; members: Node[] } {
  let result = product.outputs[0]!;
  const members = [product];
  const take = (node: Node) => {
    members.push(node);
    result = node.outputs[0]!;
  };
  let bias: Value | null = null;
  let activation: PointwiseName | null = null;
  let combine: PointwiseName | null = null;
  let aux: Value | null = null;

  let next = uses.sole(result);
  if (next?.op.row === "add") {
    const other = otherInput(next, result);
    if (other !== null && isBias(other, result)) {
      bias = other;
      take(next);
      next = uses.sole(result);
    }
  }
  if (next?.op.row !== undefined && next.inputs.length === 1 && isFloat(next.outputs[0]!.dtype)) {
    activation = next.op.row;
    take(next);
    next = uses.sole(result);
  }
  if (next?.op.row !== undefined && next.inputs.length === 2 && next.outputs[0]!.dtype === result.dtype) {
    const other = otherInput(next, result);
    const inPlace = next.inputs[1] === result || commutative.has(next.op.row);
    if (
      other !== null &&
      inPlace &&
      sameShape(other.shape, result.shape) &&
      other.dtype === result.dtype &&
      other.constant === null
    ) {
      combine = next.op.row;
      aux = other;
      take(next);
    }
  }
  return { epilogue: { product, bias, activation, combine, aux, result }, members };
}

function otherInput(node: Node, value: Value): Value | null {
  const [a, b] = node.inputs;
  if (a === value && b === value) return null;
  return a === value ? b! : a!;
}

/** [n], or [1, n]: one number a column. */
function isBias(value: Value, result: Value): boolean {
  const n = result.shape[result.shape.length - 1]!;
  return (
    value.dtype === result.dtype &&
    value.shape[value.shape.length - 1] === n &&
    sizeOf(value.shape) === n &&
    value.constant === null
  );
}

/**
 * Takes in producers all of whose readers are in the group already or come after the root, which then find
 * them among the results. As all that the group reads comes before the root, no cycle can arise.
 */
function growChain(
  root: Node,
  uses: Uses,
  taken: (node: Node) => boolean,
  position: (node: Node) => number,
): Chain {
  const group = new Set([root]);
  const shared = new Set<Node>();
  const { shape, dtype } = root.outputs[0]!;
  const queue = [...root.inputs];
  while (queue.length > 0) {
    const value = queue.pop()!;
    const node = value.isLeaf ? null : value.node!;
    if (node === null || node.op.pointwise === undefined || group.has(node) || taken(node)) continue;
    if (!sameShape(value.shape, shape)) continue;
    const outside = uses.outside(value, group);
    if (outside === null || outside.some((reader) => position(reader) < position(root))) continue;
    if (outside.length > 0 && (value.dtype !== dtype || !isFloat(dtype) || shared.size === MAX_SHARED))
      continue;
    group.add(node);
    if (group.size > MAX_OPERATIONS / 2 || inputsOf(group).size > MAX_INPUTS) group.delete(node);
    else {
      if (outside.length > 0) shared.add(node);
      queue.push(...node.inputs);
    }
  }
  return { nodes: [...group].sort((a, b) => position(a) - position(b)), shared: [...shared] };
}

function inputsOf(group: ReadonlySet<Node>): Set<Value> {
  const inputs = new Set<Value>();
  for (const node of group)
    for (const input of node.inputs) if (input.isLeaf || !group.has(input.node!)) inputs.add(input);
  return inputs;
}
