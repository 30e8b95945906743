/** From nodes to instructions: where each value lies, and which kernels compute it. */

import { bytesPerElement, type DType, isFloat } from "../dtype.js";
import { Emitter, type KernelRow } from "../native/kernels.generated.js";
import { matmulOp, productOperands } from "../ops/matmul.js";
import type { PointwiseRule } from "../ops/pointwise-op.js";
import { broadcastStrides, type Shape, sizeOf } from "../shape.js";
import { ChainBuilder } from "./chain.js";
import { denseOperand, isDenseOperand, type OperandRef, Region, reshapeOperand } from "./operand.js";
import { type Epilogue, type Rewriting, rewrite } from "./rewrite.js";
import type { Node, Value } from "./value.js";

export interface Instruction {
  readonly row: KernelRow;
  readonly operands: readonly (OperandRef | undefined)[];
  readonly parameters: readonly number[];
}

/** Collects instructions in order. */
export class Recorder extends Emitter {
  readonly instructions: Instruction[] = [];

  protected push(row: KernelRow, operands: (OperandRef | undefined)[], parameters: number[]): void {
    this.instructions.push({ row, operands, parameters });
  }
}

/** Where the values that are not computed by the program come from. */
export interface Leaves {
  stored(value: Value): OperandRef;
  input(value: Value): OperandRef;
  /** Memory holding a number given at run time; `null` when numbers are part of the program. */
  constant(value: Value): OperandRef | null;
  /** A transposed copy of a matrix that nothing changes while the program is in use, if there may be one. */
  turned?(value: Value): OperandRef | null;
}

export class Lowering {
  readonly emit = new Recorder();
  private readonly operands = new Map<Value, OperandRef>();
  private readonly copies = new Map<Value, OperandRef>();
  private readonly destinations = new Map<Value, OperandRef>();
  /** Told when the result with this number has been written to its destination. */
  private readonly announced = new Map<Value, number>();
  private rewriting!: Rewriting;

  constructor(private readonly leaves: Leaves) {}

  /**
   * Emits what computes `results`; results[i] is written to destinations[i] where there is one, and
   * `written(i)` may emit what reads it while it is in the cache.
   */
  run(
    nodes: readonly Node[],
    results: readonly Value[],
    destinations: readonly (OperandRef | null)[] = [],
    written: (result: number) => void = () => {},
  ): void {
    this.rewriting = rewrite(nodes, results, matmulOp.name);
    const late: [Value, OperandRef, number][] = [];
    results.forEach((value, i) => {
      const destination = destinations[i];
      if (destination === null || destination === undefined) return;
      // A reshaped result is written where it belongs under its first shape.
      let source = value;
      while (!source.isLeaf && source.node!.op.name === "reshape") source = source.node!.inputs[0]!;
      const direct = !source.isLeaf && source.node!.op.view !== true && !this.destinations.has(source);
      if (direct) {
        this.destinations.set(source, reshapeOperand(destination, source.shape));
        this.announced.set(source, i);
      } else late.push([value, destination, i]);
    });
    for (const node of nodes) {
      this.lowerNode(node);
      if (this.rewriting.absorbed.has(node)) continue;
      for (const output of node.outputs) {
        const result = this.announced.get(output);
        if (result !== undefined) written(result);
      }
    }
    for (const [value, destination, result] of late) {
      this.copyTo(this.operand(value), destination);
      written(result);
    }
  }

  private lowerNode(node: Node): void {
    if (this.rewriting.absorbed.has(node)) return;
    const epilogue = this.rewriting.epilogues.get(node);
    if (epilogue !== undefined) this.emitProduct(epilogue);
    else if (node.op.view !== true) node.op.lower(this, node);
    // Views are lowered when somebody asks for them: often nobody does.
  }

  // ---- what operations use ----------------------------------------------------------------------

  /** Where `value` lies, possibly strided. */
  operand(value: Value): OperandRef {
    const known = this.operands.get(value);
    if (known !== undefined) return known;
    const found = this.find(value);
    this.operands.set(value, found);
    return found;
  }

  private find(value: Value): OperandRef {
    if (value.slice !== null) return this.leaves.stored(value);
    if (value.constant !== null) return this.leaves.constant(value) ?? this.filled(value);
    if (value.node === null) return this.leaves.input(value);
    value.node.op.lower(this, value.node);
    return this.operands.get(value)!;
  }

  private filled(value: Value): OperandRef {
    const operand = this.temporary(value.dtype, value.shape);
    this.fill(operand, value.constant!);
    return operand;
  }

  /** `value` in dense row-major order; copied once if it is not. */
  dense(value: Value): OperandRef {
    const operand = this.operand(value);
    if (isDenseOperand(operand)) return reshapeOperand(operand, operand.shape);
    let copy = this.copies.get(value);
    if (copy === undefined) {
      copy = this.temporary(value.dtype, value.shape);
      this.copyTo(operand, copy);
      this.copies.set(value, copy);
    }
    return copy;
  }

  /** Dense memory for output `index` of `node`. */
  output(node: { readonly outputs: readonly Value[] }, index = 0): OperandRef {
    const value = node.outputs[index]!;
    const operand = this.destinations.get(value) ?? this.temporary(value.dtype, value.shape);
    this.operands.set(value, operand);
    return operand;
  }

  /** `value`, a matrix, transposed in memory as gemm takes it, if there may be a copy of it like that. */
  turned(value: Value): OperandRef | null {
    return value.slice === null ? null : (this.leaves.turned?.(value) ?? null);
  }

  /** Declares that `value` is what `operand` shows. */
  define(value: Value, operand: OperandRef): void {
    this.operands.set(value, operand);
  }

  temporary(dtype: DType, shape: Shape): OperandRef {
    return denseOperand(new Region(Math.max(sizeOf(shape), 1) * bytesPerElement(dtype)), dtype, shape);
  }

  /** Writes `value` to every element. */
  fill(operand: OperandRef, value: number): void {
    if (isFloat(operand.dtype))
      this.emit.fill({}, { y: reshapeOperand(operand, [sizeOf(operand.shape)]) }, { value });
    else this.chain([], operand, (_call, _inputs, constant) => constant(value));
  }

  /** One `pointwise` instruction over operands that broadcast to the output. */
  chain(inputs: readonly OperandRef[], y0: OperandRef, rule: PointwiseRule): void {
    const builder = new ChainBuilder();
    const registers = inputs.map((_, i) => builder.input(i));
    const code = builder.encode(rule(builder.call, registers, builder.constant, {}));
    this.emitChain(inputs, [y0], code);
  }

  private emitChain(
    inputs: readonly OperandRef[],
    [y0, y1, y2, y3]: readonly [OperandRef, ...OperandRef[]],
    code: number[],
  ): void {
    const spread = inputs.map((x) => ({
      ...x,
      shape: y0.shape,
      strides: broadcastStrides(x.shape, x.strides, y0.shape),
    }));
    const [x0, x1, x2, x3, x4, x5, x6, x7] = spread as (OperandRef | undefined)[];
    this.emit.pointwise({ x0, x1, x2, x3, x4, x5, x6, x7 }, { y0, y1, y2, y3 }, { code });
  }

  copyTo(from: OperandRef, to: OperandRef): void {
    this.emit.copy({ x: from }, { y: to });
  }

  // ---- fused instructions -----------------------------------------------------------------------

  /** The chain that ends in `root`. */
  pointwiseChain(root: Node): void {
    const { nodes, shared } = this.rewriting.chains.get(root) ?? { nodes: [root], shared: [] };
    const builder = new ChainBuilder();
    const inputs: OperandRef[] = [];
    const registers = new Map<Value, ReturnType<ChainBuilder["input"]>>();
    const registerOf = (value: Value) => {
      let register = registers.get(value);
      if (register === undefined) {
        const number = this.inlineConstant(value);
        if (number !== null) register = builder.constant(number);
        else {
          register = builder.input(inputs.push(this.operand(value)) - 1);
        }
        registers.set(value, register);
      }
      return register;
    };
    for (const node of nodes) {
      const args = node.inputs.map(registerOf);
      registers.set(
        node.outputs[0]!,
        node.op.pointwise!(builder.call, args, builder.constant, node.attributes),
      );
    }
    const resultOf = (node: Node) => registers.get(node.outputs[0]!)!;
    this.emitChain(
      inputs,
      [this.output(root), ...shared.map((node) => this.output(node))],
      builder.encode(resultOf(root), ...shared.map(resultOf)),
    );
  }

  /** The number that every element of `value` is, when it is part of the program: also behind views. */
  private inlineConstant(value: Value): number | null {
    if (value.slice !== null) return null;
    if (value.constant !== null) return this.leaves.constant(value) === null ? value.constant : null;
    if (value.node?.op.view === true) return this.inlineConstant(value.node.inputs[0]!);
    return null;
  }

  /** The matrix product `node` without anything fused; also reached when it stands alone. */
  gemm(node: Node): void {
    const result = node.outputs[0]!;
    this.emitProduct({ product: node, bias: null, activation: null, combine: null, aux: null, result });
  }

  private emitProduct({ product, bias, activation, combine, aux, result }: Epilogue): void {
    const batched = (x: OperandRef): OperandRef =>
      x.shape.length === 3 ? x : { ...x, shape: [1, ...x.shape], strides: [0, ...x.strides] };
    const c = this.output(result.node!);
    this.emit.gemm(
      {
        ...productOperands(this, product),
        bias: bias === null ? undefined : reshapeOperand(this.dense(bias), [sizeOf(bias.shape)]),
        aux: aux === null ? undefined : batched(this.operand(aux)),
      },
      { c: batched(c) },
      { alpha: 1, beta: 0, activation, combine },
    );
  }
}
