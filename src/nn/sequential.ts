/** Layers one behind the other, and lists of modules. */

import { ArgumentError, describe, expected, OutOfRangeError, StateError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { Activation } from "./activations.js";
import { Dropout } from "./dropout.js";
import { Linear } from "./linear.js";
import { type Layer, Module } from "./module.js";
import { BatchNorm1d, LayerNorm, RMSNorm } from "./normalisation.js";
import { Flatten, Identity } from "./shaping.js";

/** Modules under the keys "0", "1", …. */
abstract class NumberedModules<M extends Module> extends Module implements Iterable<M> {
  protected readonly items: M[];

  constructor(items: readonly M[]) {
    super();
    items.forEach((item, i) => {
      if (!(item instanceof Module))
        throw new ArgumentError(expected("a module", `${this.constructor.name}[${i}]`, describe(item)));
    });
    this.items = [...items];
  }

  get length(): number {
    return this.items.length;
  }

  /** Module number `index`; negative ones count from the end. */
  at(index: number): M {
    const item = this.items.at(index);
    if (item === undefined) {
      throw new OutOfRangeError(
        expected(`an index in [${-this.length}, ${this.length - 1}]`, this.constructor.name, index),
      );
    }
    return item;
  }

  [Symbol.iterator](): Iterator<M> {
    return this.items[Symbol.iterator]();
  }

  override namedChildren(): [string, Module][] {
    return this.items.map((item, i) => [`${i}`, item]);
  }
}

/** A list of modules that belong to a model; the model's own `forward` says what to do with them. */
export class ModuleList<M extends Module = Module> extends NumberedModules<M> {
  constructor(modules: Iterable<M> = []) {
    super([...modules]);
  }

  push(module: M): this {
    if (!(module instanceof Module))
      throw new ArgumentError(expected("a module", "ModuleList push", describe(module)));
    this.items.push(module);
    return this;
  }

  /** @throws StateError: a list has no meaning of its own. */
  override forward(): never {
    throw new StateError(expected("calls of its members", "ModuleList", "a call of forward"));
  }
}

/**
 * y = layerₙ(…layer₁(x)). Parameters are named "0.weight", "1.bias", … as in PyTorch.
 *
 * The constructor fits the initial values of every `Linear` that was given none to the activation
 * that follows it (normalisation, dropout, Flatten and Identity between them are looked through):
 * He normal before the ReLU family, Xavier uniform before tanh (gain 5/3), sigmoid and softmax
 * (gain 1), LeCun normal before SELU; biases are then 0. A Linear without an activation behind it,
 * such as the last one, stays as PyTorch has it. Weights that were trained, loaded or set before are
 * never touched.
 */
export class Sequential extends NumberedModules<Layer> {
  constructor(...layers: Layer[]) {
    super(layers);
    fitInitialValues(leavesOf(this));
  }

  override forward(x: Tensor): Tensor {
    let y = x;
    for (const layer of this.items) y = layer.forward(y);
    return y;
  }
}

/** The layers of nested Sequentials in the order they run. */
function leavesOf(layer: Layer): Layer[] {
  return layer instanceof Sequential ? [...layer].flatMap(leavesOf) : [layer];
}

const transparent = [BatchNorm1d, LayerNorm, RMSNorm, Dropout, Flatten, Identity];

function fitInitialValues(layers: readonly Layer[]): void {
  layers.forEach((layer, i) => {
    if (!(layer instanceof Linear)) return;
    const next = layers.slice(i + 1).find((l) => !transparent.some((kind) => l instanceof kind));
    if (next instanceof Activation) layer.fitTo(next.initBefore);
  });
}
