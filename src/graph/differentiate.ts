/**
 * Reverse-mode differentiation: gradients are operations of the same graph.
 *
 * With dL/dL = 1, nodes are visited from the loss back to the inputs; each one's rule turns the
 * gradients by its outputs into gradients by its inputs, and contributions along several paths add up.
 */

import { isFloat } from "../dtype.js";
import { ArgumentError, expected, ShapeError, StateError } from "../errors.js";
import { ones, zeros } from "../ops/creation.js";
import { formatShape } from "../shape.js";
import { Tensor } from "../tensor.js";
import type { GradientContext, Node, Value } from "./value.js";
import { pendingNodes } from "./value.js";

/** Nodes that lead to one of `targets`; nobody needs the gradients of the others. */
function nodesTowards(order: readonly Node[], targets: ReadonlySet<Value>): Set<Value> {
  const useful = new Set<Value>(targets);
  for (const node of order) {
    if (node.inputs.some((v) => useful.has(v)))
      for (const output of node.outputs) if (output.requiresGrad) useful.add(output);
  }
  return useful;
}

function runRule(node: Node, gradients: (Tensor | null)[], useful: ReadonlySet<Value>): (Tensor | null)[] {
  const rule = node.op.gradient;
  if (typeof rule !== "function") {
    throw new StateError(
      expected("differentiable operations only", `the path through ${node.op.name}`, rule.none),
    );
  }
  const context: GradientContext<Readonly<Record<string, unknown>>> = {
    inputs: node.inputs.map((v) => new Tensor(v)),
    outputs: node.outputs.map((v) => new Tensor(v)),
    attributes: node.attributes,
    gradients,
    needs: (i) => useful.has(node.inputs[i]!),
  };
  return rule(context);
}

/**
 * Gradients of the scalar `loss` by each of `targets`, as values of the graph. `null` for a target
 * that the loss does not depend on.
 */
export function differentiate(loss: Value, targets: readonly Value[]): (Tensor | null)[] {
  if (loss.shape.length > 0 && loss.shape.some((d) => d !== 1)) {
    throw new ShapeError(
      expected("a loss of one element (reduce it with sum or mean)", "grad", formatShape(loss.shape)),
    );
  }
  if (!isFloat(loss.dtype)) throw new ArgumentError(expected("a float loss", "grad", loss.dtype));
  const targetSet = new Set(targets);
  // A stored value that requires a gradient keeps its node: walk through it.
  const order = pendingNodes([loss], (v) => v.node !== null && v.requiresGrad);
  const useful = nodesTowards(order, targetSet);
  const gradients = new Map<Value, Tensor>([[loss, ones(loss.shape, loss.dtype)]]);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    if (!node.outputs.some((v) => useful.has(v) && gradients.has(v))) continue;
    const results = runRule(
      node,
      node.outputs.map((v) => gradients.get(v) ?? null),
      useful,
    );
    node.inputs.forEach((input, k) => {
      const gradient = results[k];
      if (gradient === null || gradient === undefined || !useful.has(input)) return;
      const before = gradients.get(input);
      gradients.set(input, before === undefined ? gradient : before.add(gradient));
    });
  }
  return targets.map((target) => gradients.get(target) ?? null);
}

/**
 * Gradients of `loss` by each of `targets` (tensors made with `requiresGrad`, parameters, or results
 * computed from them).
 *
 * @param options.allowUnused Give zeros instead of an error where the loss does not depend on a target.
 * @throws ArgumentError naming the target that does not require a gradient or has no path to the loss.
 */
export function grad(
  loss: Tensor,
  targets: readonly Tensor[],
  options: { allowUnused?: boolean } = {},
): Tensor[] {
  targets.forEach((target, i) => {
    if (!(target instanceof Tensor))
      throw new ArgumentError(expected("a tensor", `grad target ${i}`, target));
    if (!target.requiresGrad)
      throw new ArgumentError(expected("a tensor with requiresGrad", `grad target ${i}`, `${target}`));
  });
  const gradients = differentiate(
    loss.value,
    targets.map((t) => t.value),
  );
  return gradients.map((gradient, i) => {
    if (gradient !== null) return gradient;
    if (options.allowUnused === true) return zeros(targets[i]!.shape, targets[i]!.dtype);
    throw new ArgumentError(
      expected(
        "a tensor the loss depends on",
        `grad target ${i}`,
        "one without a path to the loss (see allowUnused)",
      ),
    );
  });
}

/**
 * A function that returns the loss `fn(...)` and its gradients by the tensors `fn` was given
 * (all of them, or those numbered in `argnums`).
 */
export function valueAndGrad(
  fn: (...args: Tensor[]) => Tensor,
  argnums?: readonly number[],
): (...args: Tensor[]) => { value: Tensor; gradients: Tensor[] } {
  return (...args) => {
    const wanted = argnums ?? args.map((_, i) => i);
    // Fresh handles, so that a caller's tensors need no requiresGrad and keep what they have.
    const inputs = args.map((t, i) => (wanted.includes(i) ? withGradient(t) : t));
    const value = fn(...inputs);
    return {
      value,
      gradients: grad(
        value,
        wanted.map((i) => inputs[i]!),
        { allowUnused: true },
      ),
    };
  };
}

function withGradient(x: Tensor): Tensor {
  if (x.requiresGrad) return x;
  const copy = x.detach().mul(1);
  copy.value.requiresGrad = true;
  return copy;
}
