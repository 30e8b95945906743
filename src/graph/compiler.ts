/**
 * Compiling a function of tensors into a program: tracing, and, for a training step, the gradients,
 * the checks that make a step all or nothing, and the optimizer's update.
 *
 * The order of a training step: forward and loss; backward, into the flat gradient buffers; clipping;
 * the check that loss and gradient norm are finite; only then the writes to running statistics,
 * optimizer state and parameters.
 */

import { bytesPerElement, type DType, isFloat } from "../dtype.js";
import { ArgumentError, expected, StateError } from "../errors.js";
import { type FlatRange, flatten, rangesOf } from "../nn/flat.js";
import { type Parameter, parameterOf } from "../nn/parameter.js";
import { type Optimizer, SCALARS } from "../optim/optimizer.js";
import { type Shape, sameShape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import { differentiate } from "./differentiate.js";
import { evaluate } from "./evaluate.js";
import { GradientNorm } from "./gradient-norm.js";
import { type Instruction, type Leaves, Lowering } from "./lower.js";
import { denseOperand, type OperandRef, Region } from "./operand.js";
import { Program } from "./program.js";
import type { Storage } from "./storage.js";
import { flattenStructure } from "./structure.js";
import { TraceContext, withTrace } from "./trace.js";
import { turnedCopy } from "./turned.js";
import { inputValue, pendingNodes, type Value } from "./value.js";

export interface InputSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface Clip {
  /** Gradients are scaled so that their global 2-norm is at most this. */
  readonly norm?: number;
  /** Each gradient is held within ±value (before the norm is taken). */
  readonly value?: number;
}

export interface StepRecipe {
  readonly optimizer: Optimizer;
  readonly clip?: Clip;
}

/** Memory of one slot that the caller provides, `bytes` for each step of a run. */
export interface StepSlot {
  readonly slot: number;
  readonly spec: InputSpec;
  readonly bytes: number;
}

/** A compiled program and the meaning of its slots. */
export interface Compiled {
  /** A further instance of the program, with an arena of its own, everything that does not vary bound. */
  instantiate(): Program;
  readonly inputs: readonly StepSlot[];
  readonly outputs: readonly StepSlot[];
  readonly rebuild: (leaves: readonly unknown[]) => unknown;
  /** Seed and step, int32[4]; absent when nothing is random. */
  readonly key: StepSlot | null;
  /** Of a training step: the optimizer's numbers, the loss, the norm of all gradients. */
  readonly scalars: StepSlot | null;
  readonly loss: StepSlot | null;
  readonly gradNorm: StepSlot | null;
  /** Memory that outlives the program and that its runs write. */
  readonly writes: readonly Storage[];
  /** Whether what was read while compiling is still so. */
  isCurrent(): boolean;
}

interface Traced {
  readonly context: TraceContext;
  readonly inputs: readonly Value[];
  readonly key: { value: Value | null };
  readonly results: readonly Tensor[];
  readonly rebuild: (leaves: readonly unknown[]) => unknown;
  readonly loss: Value | null;
  readonly parameters: readonly Parameter[];
  readonly gradients: readonly Value[];
}

/** Numbers the slots of a program and keeps what is bound to those that never change. */
class Slots {
  readonly regions: Region[] = [];
  readonly fixed = new Map<number, Storage>();
  private readonly byStorage = new Map<Storage, Region>();

  fresh(bytes: number): Region {
    const region = new Region(Math.max(bytes, 8), this.regions.length + 1);
    this.regions.push(region);
    return region;
  }

  forStorage(storage: Storage): Region {
    let region = this.byStorage.get(storage);
    if (region === undefined) {
      region = this.fresh(storage.byteLength);
      this.byStorage.set(storage, region);
      this.fixed.set(region.slot, storage);
    }
    return region;
  }

  /** A slot whose window moves on with every step. */
  perStep(spec: InputSpec): { slot: StepSlot; operand: OperandRef } {
    const bytes = sizeOf(spec.shape) * bytesPerElement(spec.dtype);
    const region = this.fresh(bytes);
    return {
      slot: { slot: region.slot, spec, bytes },
      operand: denseOperand(region, spec.dtype, spec.shape, 0, bytes),
    };
  }
}

export function compileProgram(
  fn: (...args: never[]) => unknown,
  args: readonly unknown[],
  recipe: StepRecipe | null,
  family: number,
): Compiled {
  const traced = trace(fn, args, recipe !== null, family);
  settleCaptured(traced);
  if (traced.parameters.length > 0) flatten(byGroup(traced.parameters, recipe!.optimizer));
  return build(traced, recipe);
}

/** Parameters of one group lie together, so that one instruction updates them. */
function byGroup(parameters: readonly Parameter[], optimizer: Optimizer): Parameter[] {
  return [...parameters].sort((a, b) => optimizer.groupOf(a) - optimizer.groupOf(b));
}

function trace(
  fn: (...args: never[]) => unknown,
  args: readonly unknown[],
  isStep: boolean,
  family: number,
): Traced {
  const key: { value: Value | null } = { value: null };
  const context = new TraceContext(() => {
    key.value ??= inputValue([4], "int32");
    return key.value;
  }, family);
  const inputs: Value[] = [];
  const placeholders = args.map((arg) => {
    if (!isInput(arg)) return arg;
    const value = inputValue(arg.shape, arg.dtype);
    inputs.push(value);
    return new Tensor(value);
  });
  return withTrace(context, () => {
    const returned = fn(...(placeholders as never[]));
    if (!isStep) {
      const { tensors, rebuild } = flattenStructure(returned);
      return { context, inputs, key, results: tensors, rebuild, loss: null, parameters: [], gradients: [] };
    }
    const loss = lossOf(returned);
    const { tensors, rebuild } = flattenStructure(withoutLoss(returned));
    const base = { context, inputs, key, results: tensors, rebuild };
    const reached = parametersBehind(loss);
    const found = differentiate(
      loss,
      reached.map((p) => p.value),
    );
    const parameters = reached.filter((_, i) => found[i] !== null);
    if (parameters.length === 0) {
      throw new StateError(
        expected(
          "a loss that depends on at least one parameter that is not frozen",
          "compile",
          "one that depends on none",
        ),
      );
    }
    return { ...base, loss, parameters, gradients: found.filter((g) => g !== null).map((g) => g.value) };
  });
}

const isInput = (arg: unknown): arg is InputPlaceholder => arg instanceof InputPlaceholder;

/** Stands for a tensor argument of a function to be compiled. */
export class InputPlaceholder implements InputSpec {
  constructor(
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}
}

function lossOf(returned: unknown): Value {
  const loss = returned instanceof Tensor ? returned : (returned as { loss?: unknown } | null)?.loss;
  if (!(loss instanceof Tensor)) {
    throw new ArgumentError(
      expected(
        "a loss tensor, or a record with one named loss,",
        "the function of a training step",
        returned,
      ),
    );
  }
  if (loss.size !== 1 || !isFloat(loss.dtype)) {
    throw new ArgumentError(
      expected("a float loss of one element", "the function of a training step", `${loss}`),
    );
  }
  return loss.value;
}

/** What a step returns beside its loss. */
function withoutLoss(returned: unknown): Record<string, unknown> {
  if (returned instanceof Tensor) return {};
  const { loss: _loss, ...others } = returned as Record<string, unknown>;
  return others;
}

/** Parameters that are not frozen and lead to `loss`, in the order the forward pass meets them. */
function parametersBehind(loss: Value): Parameter[] {
  const found = new Set<Parameter>();
  const note = (value: Value) => {
    const parameter = value.requiresGrad ? parameterOf(value) : undefined;
    if (parameter !== undefined) found.add(parameter);
  };
  note(loss);
  for (const node of pendingNodes([loss], (v) => v.node !== null && v.requiresGrad))
    node.inputs.forEach(note);
  return [...found];
}

/** Tensors recorded before the compilation are computed once, not in every step. */
function settleCaptured({ context, results, loss, gradients }: Traced): void {
  const all = [
    ...results.map((t) => t.value),
    ...(loss === null ? [] : [loss]),
    ...gradients,
    ...context.assignments.map((a) => a.value),
  ];
  const outside = new Set<Value>();
  const note = (value: Value) => {
    if (!value.isLeaf && value.node!.trace !== context) outside.add(value);
  };
  all.forEach(note);
  for (const node of pendingNodes(all)) if (node.trace === context) node.inputs.forEach(note);
  evaluate([...outside]);
}

function build(traced: Traced, recipe: StepRecipe | null): Compiled {
  const slots = new Slots();
  const inputSlots = traced.inputs.map((v) => slots.perStep(v));
  const keySlot = traced.key.value === null ? null : slots.perStep(traced.key.value);
  const inputOperands = new Map<Value, OperandRef>(traced.inputs.map((v, i) => [v, inputSlots[i]!.operand]));
  if (keySlot !== null) inputOperands.set(traced.key.value!, keySlot.operand);
  const leaves: Leaves = {
    stored: ({ slice, shape, dtype }) =>
      denseOperand(slots.forStorage(slice!.storage), dtype, shape, slice!.byteOffset),
    input: (value) => {
      const operand = inputOperands.get(value);
      if (operand === undefined)
        throw new StateError(
          expected(
            "tensors of this function",
            "a compiled function",
            "an argument of another compiled function",
          ),
        );
      return operand;
    },
    constant: () => null,
    turned: ({ slice, shape, dtype }) => {
      if (!slice!.storage.frozen || shape.length !== 2) return null;
      const [rows, columns] = shape as [number, number];
      const copy = turnedCopy(slice!.storage, dtype, rows, columns);
      const { shape: turned, strides } = copy;
      return { ...denseOperand(slots.forStorage(copy.storage), dtype, turned), strides };
    },
  };
  const lowering = new Lowering(leaves);
  const outputSlots = traced.results.map((t) => slots.perStep(t));
  const wanted: Value[] = traced.results.map((t) => t.value);
  const destinations: (OperandRef | null)[] = outputSlots.map((o) => o.operand);
  const lossSlot = traced.loss === null ? null : slots.perStep(traced.loss);
  if (lossSlot !== null) {
    wanted.push(traced.loss!);
    destinations.push(lossSlot.operand);
  }
  const firstGradient = wanted.length;
  const places = traced.parameters.map((parameter) => gradientPlace(slots, parameter));
  wanted.push(...traced.gradients);
  destinations.push(...places);
  const norm = recipe === null ? null : new GradientNorm(lowering, places, recipe.clip);
  const firstAssigned = wanted.length;
  for (const { value } of traced.context.assignments) {
    wanted.push(value);
    destinations.push(null);
  }
  // The last layer's gradients first: each is computed while what it is made of is in the cache, and nobody
  // needs that any more soon after.
  const order = [
    ...wanted.slice(0, firstGradient),
    ...traced.gradients.toReversed(),
    ...wanted.slice(firstAssigned),
  ];
  lowering.run(pendingNodes(order), wanted, destinations, (i) => norm?.written(i - firstGradient));
  const step = recipe === null ? null : finishStep(lowering, slots, traced, recipe, lossSlot!.operand, norm!);
  commit(lowering, slots, traced);
  step?.update();
  const instructions = lowering.emit.instructions;
  const isCurrent = watch(traced);
  return {
    instantiate: () => {
      const program = new Program({ instructions, slots: slots.regions });
      for (const [slot, storage] of slots.fixed) program.bind(slot, storage);
      return program;
    },
    inputs: inputSlots.map((i) => i.slot),
    outputs: outputSlots.map((o) => o.slot),
    rebuild: traced.rebuild,
    key: keySlot?.slot ?? null,
    scalars: step?.scalars ?? null,
    loss: lossSlot?.slot ?? null,
    gradNorm: step?.gradNorm ?? null,
    writes: writtenStorages(instructions, slots),
    isCurrent,
  };
}

function writtenStorages(instructions: readonly Instruction[], slots: Slots): Storage[] {
  const outputs = instructions.flatMap(({ row, operands }) => operands.slice(row.inputs.length));
  const written = new Set(outputs.map((o) => (o === undefined ? undefined : slots.fixed.get(o.region.slot))));
  return [...written].filter((storage) => storage !== undefined);
}

function gradientPlace(slots: Slots, parameter: Parameter): OperandRef {
  const { store, offset } = parameter.flat!;
  return denseOperand(
    slots.forStorage(store.gradients),
    store.dtype,
    parameter.shape,
    offset * bytesPerElement(store.dtype),
  );
}

/** Writes to memory that outlives the program; nothing before them has changed any. */
function commit(lowering: Lowering, slots: Slots, { context }: Traced): void {
  for (const { target, targetValue, value } of context.assignments) {
    if (!sameShape(targetValue.shape, value.shape) || targetValue.dtype !== value.dtype) {
      throw new ArgumentError(expected("a value of the same shape and type", "assignState", "another one"));
    }
    if (target.storage.frozen) {
      throw new StateError(expected("a model that is not frozen (thaw() it)", "assignState", "a frozen one"));
    }
    lowering.copyTo(
      lowering.operand(value),
      denseOperand(slots.forStorage(target.storage), value.dtype, value.shape, target.byteOffset),
    );
  }
}

/** Clipping, norm and the check; `update` emits the optimizer's part, after the commit. */
function finishStep(
  lowering: Lowering,
  slots: Slots,
  traced: Traced,
  { optimizer, clip }: StepRecipe,
  loss: OperandRef,
  gradientNorm: GradientNorm,
) {
  const groups = groupRanges(traced.parameters, optimizer);
  const dtype = traced.parameters[0]!.dtype;
  const scalar: InputSpec = { shape: [1], dtype };
  const gradients = groups.map(({ range }) => rangeOperand(slots, range, range.store.gradients));
  if (clip?.value !== undefined) {
    const limit = clip.value;
    for (const g of gradients)
      lowering.chain([g], g, (call, [x], constant) => call("clip", x!, constant(-limit), constant(limit)));
  }
  const norm = slots.perStep(scalar);
  lowering.chain([gradientNorm.squares(gradients)], norm.operand, (call, [x]) => call("sqrt", x!));
  lowering.emit.checkFinite({ x: { ...loss, shape: [1], strides: [1] } }, {});
  lowering.emit.checkFinite({ x: norm.operand }, {});
  const scale = clip?.norm === undefined ? undefined : clipScale(lowering, norm.operand, clip.norm);
  const scalars = slots.perStep({ shape: [optimizer.settings.length * SCALARS], dtype });
  const update = () =>
    groups.forEach(({ range, group }, i) => {
      const state = Object.fromEntries(
        [...optimizer.stateFor(range.store, group)].map(([name, s]) => [name, rangeOperand(slots, range, s)]),
      );
      const operands = {
        g: gradients[i]!,
        scalars: {
          ...scalars.operand,
          offset: group * SCALARS * bytesPerElement(dtype),
          shape: [SCALARS],
          strides: [1],
        },
        scale,
        p: rangeOperand(slots, range, range.store.storage),
        state,
      };
      optimizer.update(lowering.emit, operands, optimizer.settings[group]!);
    });
  return { scalars: scalars.slot, gradNorm: norm.slot, update };
}

function groupRanges(
  parameters: readonly Parameter[],
  optimizer: Optimizer,
): { range: FlatRange; group: number }[] {
  return optimizer.settings.flatMap((_, group) =>
    rangesOf(parameters.filter((p) => optimizer.groupOf(p) === group)).map((range) => ({ range, group })),
  );
}

function rangeOperand(slots: Slots, { store, start, length }: FlatRange, storage: Storage): OperandRef {
  return denseOperand(slots.forStorage(storage), store.dtype, [length], start * bytesPerElement(store.dtype));
}

/** min(1, limit / (norm + 10⁻⁶)), as PyTorch's clip_grad_norm_. */
function clipScale(lowering: Lowering, norm: OperandRef, limit: number): OperandRef {
  const scale = lowering.temporary(norm.dtype, [1]);
  lowering.chain([norm], scale, (call, [x], constant) =>
    call("minimum", constant(1), call("div", constant(limit), call("add", x!, constant(1e-6)))),
  );
  return scale;
}

/** Train or evaluate mode, places and freezing of parameters are compiled in. */
function watch({ context, results, loss, gradients }: Traced): () => boolean {
  const roots = [
    ...results.map((t) => t.value),
    ...(loss === null ? [] : [loss]),
    ...gradients,
    ...context.assignments.map((a) => a.value),
  ];
  const leaves = new Set(pendingNodes(roots).flatMap((node) => node.inputs.filter((v) => v.slice !== null)));
  const places = [...leaves].map((value) => ({
    value,
    storage: value.slice!.storage,
    requiresGrad: value.requiresGrad,
  }));
  const modes = [...context.modes];
  return () =>
    modes.every(([module, mode]) => module.training === mode) &&
    places.every(
      ({ value, storage, requiresGrad }) =>
        value.slice?.storage === storage && value.requiresGrad === requiresGrad,
    );
}
