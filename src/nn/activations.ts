/**
 * Activations as layers. Each one names the initialisation that fits it, for the Linear before it in
 * a Sequential:
 *
 * - the ReLU family (ReLU, ReLU6, LeakyReLU, PReLU, ELU, GELU, SiLU, Mish, Softplus, HardSwish): He,
 *   normal with variance gain²/fanIn, gain √2 (leaky: √(2/(1+slope²)))
 * - tanh, HardTanh: Xavier, uniform, gain 5/3
 * - sigmoid, HardSigmoid, LogSigmoid, Softsign, Softmax, LogSoftmax: Xavier, uniform, gain 1
 * - SELU: LeCun, normal with variance 1/fanIn
 */

import { checkInteger, checkNumber, checkOneOf, checkOptions, expected, ShapeError } from "../errors.js";
import * as act from "../ops/activations.js";
import { logSoftmax, softmax } from "../ops/softmax.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { calculateGain, kaimingNormal, lecunNormal, xavierUniform } from "./init.js";
import type { SeededInitializer } from "./linear.js";
import { Layer } from "./module.js";
import { Parameter } from "./parameter.js";

const he =
  (slope = 0): SeededInitializer =>
  (weight, random) =>
    kaimingNormal(weight, { a: slope, random });
const xavier =
  (gain: number): SeededInitializer =>
  (weight, random) =>
    xavierUniform(weight, { gain, random });
const lecun: SeededInitializer = (weight, random) => lecunNormal(weight, { random });

/** A function of each element (or, for softmax, of each slice), with the initialisation it asks for. */
export abstract class Activation extends Layer {
  /** @internal How the weights that lead to it are filled. */
  get initBefore(): SeededInitializer {
    return he();
  }
}

/** For what is near tanh or sigmoid at 0. */
abstract class Saturating extends Activation {
  protected abstract readonly gain: number;
  override get initBefore(): SeededInitializer {
    return xavier(this.gain);
  }
}

/** 1/(1+e⁻ˣ). */
export class Sigmoid extends Saturating {
  protected readonly gain = calculateGain("sigmoid");
  override forward(x: Tensor): Tensor {
    return act.sigmoid(x);
  }
}

/** min(max(x/6 + ½, 0), 1). */
export class HardSigmoid extends Saturating {
  protected readonly gain = calculateGain("sigmoid");
  override forward(x: Tensor): Tensor {
    return act.hardSigmoid(x);
  }
}

/** ln σ(x). */
export class LogSigmoid extends Saturating {
  protected readonly gain = calculateGain("sigmoid");
  override forward(x: Tensor): Tensor {
    return act.logSigmoid(x);
  }
}

/** tanh x. */
export class Tanh extends Saturating {
  protected readonly gain = calculateGain("tanh");
  override forward(x: Tensor): Tensor {
    return act.tanh(x);
  }
}

/** min(max(x, −1), 1). */
export class HardTanh extends Saturating {
  protected readonly gain = calculateGain("tanh");
  override forward(x: Tensor): Tensor {
    return act.hardTanh(x);
  }
}

/** x/(1+|x|). */
export class Softsign extends Saturating {
  protected readonly gain = calculateGain("linear");
  override forward(x: Tensor): Tensor {
    return act.softsign(x);
  }
}

/** softmax(x)_i = e^(x_i)/Σ_j e^(x_j) along `axis` (default the last). */
export class Softmax extends Saturating {
  protected readonly gain = calculateGain("linear");
  constructor(readonly axis = -1) {
    super();
    checkInteger(axis, "axis");
  }
  override forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }
  protected override describe(): string {
    return `${this.axis}`;
  }
}

/** x_i − ln Σ_j e^(x_j) along `axis` (default the last). */
export class LogSoftmax extends Saturating {
  protected readonly gain = calculateGain("linear");
  constructor(readonly axis = -1) {
    super();
    checkInteger(axis, "axis");
  }
  override forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }
  protected override describe(): string {
    return `${this.axis}`;
  }
}

/** max(x, 0). Cheap; a unit whose input is negative for every sample is dead: it gets no gradient any more. */
export class ReLU extends Activation {
  override forward(x: Tensor): Tensor {
    return act.relu(x);
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Activation {
  override forward(x: Tensor): Tensor {
    return act.relu6(x);
  }
}

/** x for x > 0, else slope·x (default 0.01): no unit is dead. */
export class LeakyReLU extends Activation {
  constructor(readonly slope = 0.01) {
    super();
    checkNumber(slope, "slope");
  }
  override get initBefore(): SeededInitializer {
    return he(this.slope);
  }
  override forward(x: Tensor): Tensor {
    return act.leakyRelu(x, this.slope);
  }
  protected override describe(): string {
    return `${this.slope}`;
  }
}

/**
 * x for x > 0, else a·x with learned slopes: one for all (default), or one for each of `features`
 * (axis 1 of x).
 */
export class PReLU extends Activation {
  readonly weight: Parameter;
  private readonly initialSlope: number;

  constructor(features = 1, options: { readonly slope?: number } = {}) {
    super();
    checkInteger(features, "features", { min: 1 });
    checkOptions(options, ["slope"], "PReLU");
    this.initialSlope = checkNumber(options.slope ?? 0.25, "slope");
    this.weight = new Parameter(new Float32Array(features).fill(this.initialSlope), [features]);
  }

  override get initBefore(): SeededInitializer {
    return he(this.initialSlope);
  }

  override forward(x: Tensor): Tensor {
    const features = this.weight.size;
    if (features === 1) return act.prelu(x, this.weight);
    if (x.rank < 2 || x.shape[1] !== features) {
      throw new ShapeError(expected(`input [n, ${features}, …]`, "PReLU", formatShape(x.shape)));
    }
    return act.prelu(x, this.weight.reshape([features, ...x.shape.slice(2).map(() => 1)]));
  }

  protected override describe(): string {
    return `${this.weight.size}`;
  }
}

/** x for x > 0, else α(eˣ−1) (default α 1). */
export class ELU extends Activation {
  constructor(readonly alpha = 1) {
    super();
    checkNumber(alpha, "alpha");
  }
  override forward(x: Tensor): Tensor {
    return act.elu(x, this.alpha);
  }
  protected override describe(): string {
    return `${this.alpha}`;
  }
}

/** λx for x > 0, else λα(eˣ−1): with LeCun-normal weights activations approach mean 0 and variance 1. */
export class SELU extends Activation {
  override get initBefore(): SeededInitializer {
    return lecun;
  }
  override forward(x: Tensor): Tensor {
    return act.selu(x);
  }
}

/** x·Φ(x); with `approximate: "tanh"` ½x(1+tanh(√(2/π)(x+0.044715x³))). */
export class GELU extends Activation {
  readonly approximate: "none" | "tanh";
  constructor(options: { readonly approximate?: "none" | "tanh" } = {}) {
    super();
    checkOptions(options, ["approximate"], "GELU");
    this.approximate = checkOneOf(options.approximate ?? "none", ["none", "tanh"], "approximate");
  }
  override forward(x: Tensor): Tensor {
    return this.approximate === "tanh" ? act.geluTanh(x) : act.gelu(x);
  }
  protected override describe(): string {
    return this.approximate === "tanh" ? "tanh" : "";
  }
}

/** x·σ(x), also called swish. */
export class SiLU extends Activation {
  override forward(x: Tensor): Tensor {
    return act.silu(x);
  }
}

/** x·tanh(ln(1+eˣ)). */
export class Mish extends Activation {
  override forward(x: Tensor): Tensor {
    return act.mish(x);
  }
}

/** ln(1+eˣ). */
export class Softplus extends Activation {
  override forward(x: Tensor): Tensor {
    return act.softplus(x);
  }
}

/** x·min(max(x/6 + ½, 0), 1). */
export class HardSwish extends Activation {
  override forward(x: Tensor): Tensor {
    return act.hardSwish(x);
  }
}
