/** Batch, layer and root-mean-square normalisation: forward and backward kernels as operations. */

import type { Lowering } from "../graph/lower.js";
import { reshapeOperand } from "../graph/operand.js";
import { record } from "../graph/trace.js";
import { defineOp, type Node, type Value } from "../graph/value.js";
import { Tensor } from "../tensor.js";
import { rowsOf } from "./softmax.js";

interface NormAttributes {
  readonly epsilon: number;
  /** Which of gamma and beta stand behind x in the inputs. */
  readonly affine: boolean;
  readonly bias: boolean;
  readonly [key: string]: unknown;
}

const rows = (lowering: Lowering, value: Value) => reshapeOperand(lowering.dense(value), rowsOf(value.shape));
const vector = (lowering: Lowering, value: Value | undefined) =>
  value === undefined ? undefined : lowering.dense(value);

function affineOperands(lowering: Lowering, node: Node<NormAttributes>) {
  const { affine, bias } = node.attributes;
  return {
    gamma: vector(lowering, affine ? node.inputs[1] : undefined),
    beta: vector(lowering, bias ? node.inputs[affine ? 2 : 1] : undefined),
  };
}

const tensors = (values: readonly Value[]) => values.map((v) => new Tensor(v));

/** The gradients in the order of the inputs. */
function inInputOrder(
  { affine, bias }: NormAttributes,
  dx: Tensor,
  dgamma?: Tensor,
  dbeta?: Tensor,
): Tensor[] {
  return [dx, ...(affine ? [dgamma!] : []), ...(bias ? [dbeta!] : [])];
}

const noSecond = (name: string) => ({ none: `second derivatives of ${name} are not defined` });

const batchNormOp = defineOp<NormAttributes>({
  name: "batchNorm",
  infer: ([x]) => {
    const c = { shape: [x!.shape[x!.shape.length - 1]!], dtype: x!.dtype };
    return [{ shape: x!.shape, dtype: x!.dtype }, c, c, c];
  },
  lower(lowering, node) {
    const x = rows(lowering, node.inputs[0]!);
    const y = reshapeOperand(lowering.output(node, 0), x.shape);
    const [mean, variance, rstd] = [1, 2, 3].map((i) => lowering.output(node, i));
    const { epsilon } = node.attributes;
    lowering.emit.batchNormForward(
      { x, ...affineOperands(lowering, node) },
      { y, mean: mean!, variance: variance!, rstd: rstd! },
      { epsilon },
    );
  },
  gradient: ({ inputs, outputs, gradients, attributes }) => {
    if (gradients[0] === null) return inputs.map(() => null);
    const gamma = attributes.affine ? [inputs[1]!.value] : [];
    const [dx, dgamma, dbeta] = tensors(
      record(
        batchNormGradOp,
        [inputs[0]!.value, gradients[0]!.value, outputs[1]!.value, outputs[3]!.value, ...gamma],
        {},
      ),
    );
    return inInputOrder(attributes, dx!, dgamma, dbeta);
  },
});

/** dx = γ·rstd·(dy − mean(dy) − x̂·mean(dy·x̂)), dγ = Σ dy·x̂, dβ = Σ dy over the batch (Ioffe and Szegedy, 2015). */
const batchNormGradOp = defineOp({
  name: "batchNormGrad",
  infer: ([x, , mean]) => [x!, mean!, mean!].map(({ shape, dtype }) => ({ shape, dtype })),
  lower(lowering, node) {
    const [x, dy] = [rows(lowering, node.inputs[0]!), rows(lowering, node.inputs[1]!)];
    const [mean, rstd] = [lowering.dense(node.inputs[2]!), lowering.dense(node.inputs[3]!)];
    const [dx, dgamma, dbeta] = [0, 1, 2].map((i) => lowering.output(node, i));
    lowering.emit.batchNormBackward(
      { x, dy, mean, rstd, gamma: vector(lowering, node.inputs[4]) },
      { dx: reshapeOperand(dx!, x.shape), dgamma: dgamma!, dbeta: dbeta! },
    );
  },
  gradient: noSecond("batchNorm"),
});

const layerNormOp = defineOp<NormAttributes>({
  name: "layerNorm",
  infer: ([x]) => {
    const r = { shape: [rowsOf(x!.shape)[0]], dtype: x!.dtype };
    return [{ shape: x!.shape, dtype: x!.dtype }, r, r];
  },
  lower(lowering, node) {
    const x = rows(lowering, node.inputs[0]!);
    const [y, mean, rstd] = [0, 1, 2].map((i) => lowering.output(node, i));
    const { epsilon } = node.attributes;
    lowering.emit.layerNormForward(
      { x, ...affineOperands(lowering, node) },
      { y: reshapeOperand(y!, x.shape), mean: mean!, rstd: rstd! },
      { epsilon },
    );
  },
  gradient: ({ inputs, outputs, gradients, attributes }) => {
    if (gradients[0] === null) return inputs.map(() => null);
    const gamma = attributes.affine ? [inputs[1]!.value] : [];
    const [dx, dgamma, dbeta] = tensors(
      record(
        layerNormGradOp,
        [inputs[0]!.value, gradients[0]!.value, outputs[1]!.value, outputs[2]!.value, ...gamma],
        {},
      ),
    );
    return inInputOrder(attributes, dx!, dgamma, dbeta);
  },
});

/** With g = γ·dy over one sample: dx = rstd·(g − mean(g) − x̂·mean(g·x̂)) (Ba et al., 2016). */
const layerNormGradOp = defineOp({
  name: "layerNormGrad",
  infer: ([x]) => {
    const c = { shape: [rowsOf(x!.shape)[1]], dtype: x!.dtype };
    return [{ shape: x!.shape, dtype: x!.dtype }, c, c];
  },
  lower(lowering, node) {
    const [x, dy] = [rows(lowering, node.inputs[0]!), rows(lowering, node.inputs[1]!)];
    const [mean, rstd] = [lowering.dense(node.inputs[2]!), lowering.dense(node.inputs[3]!)];
    const [dx, dgamma, dbeta] = [0, 1, 2].map((i) => lowering.output(node, i));
    lowering.emit.layerNormBackward(
      { x, dy, mean, rstd, gamma: vector(lowering, node.inputs[4]) },
      { dx: reshapeOperand(dx!, x.shape), dgamma: dgamma!, dbeta: dbeta! },
    );
  },
  gradient: noSecond("layerNorm"),
});

const rmsNormOp = defineOp<NormAttributes>({
  name: "rmsNorm",
  infer: ([x]) => [
    { shape: x!.shape, dtype: x!.dtype },
    { shape: [rowsOf(x!.shape)[0]], dtype: x!.dtype },
  ],
  lower(lowering, node) {
    const x = rows(lowering, node.inputs[0]!);
    const { gamma } = affineOperands(lowering, node);
    const y = reshapeOperand(lowering.output(node, 0), x.shape);
    lowering.emit.rmsNormForward(
      { x, gamma },
      { y, rstd: lowering.output(node, 1) },
      { epsilon: node.attributes.epsilon },
    );
  },
  gradient: ({ inputs, outputs, gradients, attributes }) => {
    if (gradients[0] === null) return inputs.map(() => null);
    const gamma = attributes.affine ? [inputs[1]!.value] : [];
    const [dx, dgamma] = tensors(
      record(rmsNormGradOp, [inputs[0]!.value, gradients[0]!.value, outputs[1]!.value, ...gamma], {}),
    );
    return inInputOrder(attributes, dx!, dgamma);
  },
});

/** With g = γ·dy and x̂ = x·rstd: dx = rstd·(g − x̂·mean(g·x̂)) (Zhang and Sennrich, 2019). */
const rmsNormGradOp = defineOp({
  name: "rmsNormGrad",
  infer: ([x]) => [
    { shape: x!.shape, dtype: x!.dtype },
    { shape: [rowsOf(x!.shape)[1]], dtype: x!.dtype },
  ],
  lower(lowering, node) {
    const [x, dy] = [rows(lowering, node.inputs[0]!), rows(lowering, node.inputs[1]!)];
    const [dx, dgamma] = [0, 1].map((i) => lowering.output(node, i));
    lowering.emit.rmsNormBackward(
      { x, dy, rstd: lowering.dense(node.inputs[2]!), gamma: vector(lowering, node.inputs[3]) },
      { dx: reshapeOperand(dx!, x.shape), dgamma: dgamma! },
    );
  },
  gradient: noSecond("rmsNorm"),
});

const affineInputs = (x: Tensor, gamma?: Tensor, beta?: Tensor) =>
  [x, gamma, beta].filter((t) => t !== undefined).map((t) => t.value);

/** What batch normalisation gives: the result, and the batch's mean and biased variance per channel. */
export interface BatchNormResult {
  readonly y: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Normalises each channel (last axis) over all other axes with their mean and biased variance. */
export function batchNorm(
  x: Tensor,
  gamma: Tensor | undefined,
  beta: Tensor | undefined,
  epsilon: number,
): BatchNormResult {
  const attributes = { epsilon, affine: gamma !== undefined, bias: beta !== undefined };
  const [y, mean, variance] = tensors(record(batchNormOp, affineInputs(x, gamma, beta), attributes));
  return { y: y!, mean: mean!.detach(), variance: variance!.detach() };
}

/** Normalises each sample over its last axis. */
export function layerNorm(
  x: Tensor,
  gamma: Tensor | undefined,
  beta: Tensor | undefined,
  epsilon: number,
): Tensor {
  const attributes = { epsilon, affine: gamma !== undefined, bias: beta !== undefined };
  return new Tensor(record(layerNormOp, affineInputs(x, gamma, beta), attributes)[0]!);
}

/** Divides each sample by the root mean square of its last axis. */
export function rmsNorm(x: Tensor, gamma: Tensor | undefined, epsilon: number): Tensor {
  const attributes = { epsilon, affine: gamma !== undefined, bias: false };
  return new Tensor(record(rmsNormOp, affineInputs(x, gamma), attributes)[0]!);
}
