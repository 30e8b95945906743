/** Functions with a gradient of the user's own. */

import { ArgumentError, expected, ShapeError } from "../errors.js";
import { record } from "../graph/trace.js";
import { defineOp } from "../graph/value.js";
import { formatShape, sameShape } from "../shape.js";
import { Tensor } from "../tensor.js";

type Forward = (...inputs: Tensor[]) => Tensor;
/** From inputs, output and the gradient by the output: the gradient by each input (`null`: none). */
type Backward = (inputs: readonly Tensor[], output: Tensor, dy: Tensor) => readonly (Tensor | null)[];

interface CustomAttributes {
  readonly backward: Backward;
  readonly [key: string]: unknown;
}

/** Inputs: the user's inputs, then the value of their forward function. It is that value, with another gradient. */
const customOp = defineOp<CustomAttributes>({
  name: "custom",
  view: true,
  infer: (inputs) => {
    const { shape, dtype } = inputs[inputs.length - 1]!;
    return [{ shape, dtype }];
  },
  lower: (lowering, node) =>
    lowering.define(node.outputs[0]!, lowering.operand(node.inputs[node.inputs.length - 1]!)),
  gradient: ({ inputs, outputs, gradients, attributes }) => {
    const own = inputs.slice(0, -1);
    const results = attributes.backward(own, outputs[0]!, gradients[0]!);
    if (results.length !== own.length) {
      throw new ArgumentError(
        expected(
          `${own.length} gradients (or null)`,
          "the backward function of customGradient",
          `${results.length}`,
        ),
      );
    }
    results.forEach((g, i) => {
      if (g !== null && !sameShape(g.shape, own[i]!.shape)) {
        throw new ShapeError(
          expected(
            `shape ${formatShape(own[i]!.shape)}`,
            `gradient ${i} of customGradient`,
            formatShape(g.shape),
          ),
        );
      }
    });
    return [...results, null];
  },
});

/**
 * `forward` with `backward` as its gradient; what `forward` computes inside is not differentiated.
 *
 * @example straight-through rounding: customGradient((x) => x.round(), (_x, _y, dy) => [dy])
 */
export function customGradient(forward: Forward, backward: Backward): Forward {
  return (...inputs) => {
    const value = forward(...inputs.map((x) => x.detach())).detach();
    return new Tensor(record(customOp, [...inputs.map((x) => x.value), value.value], { backward })[0]!);
  };
}
