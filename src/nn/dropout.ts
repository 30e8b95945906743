/** Dropout. */

import type { FloatDType } from "../dtype.js";
import { checkBoolean, checkNumber, checkOptions } from "../errors.js";
import { dropout } from "../ops/random.js";
import type { Tensor } from "../tensor.js";
import { Layer } from "./module.js";
import { Buffer } from "./parameter.js";

export interface DropoutOptions {
  /** true: scale in training by 1/(1−p). false, the classical form: scale in evaluation by 1−p. Default true. */
  readonly inverted?: boolean;
}

/**
 * In training each element is 0 with probability p (default ½), independently (Srivastava et al., 2014).
 *
 * Inverted: those kept are divided by 1−p, and evaluation changes nothing. Classical: those kept stay
 * as they are, and in evaluation all are multiplied by 1−p, which is the same as the outgoing weights
 * times 1−p. Either way E[training output] = evaluation output for this layer; behind nonlinear layers
 * that holds only approximately.
 *
 * The random numbers have 16 bits: p acts rounded to a multiple of 2⁻¹⁶, the divisor stays 1−p.
 *
 * `p` may be changed at any time; compiled programs read it anew in every run.
 */
export class Dropout extends Layer {
  readonly inverted: boolean;
  #p = 0;
  /** The rate as programs read it, one for each float type; not part of the model's state. */
  readonly #rates: Record<FloatDType, Buffer> = {
    float32: new Buffer([0], []),
    float64: new Buffer([0], [], "float64"),
  };

  constructor(p = 0.5, options: DropoutOptions = {}) {
    super();
    checkOptions(options, ["inverted"], "Dropout");
    this.inverted = checkBoolean(options.inverted ?? true, "inverted");
    this.p = p;
  }

  /** The probability of being dropped, in [0, 1]. */
  get p(): number {
    return this.#p;
  }
  set p(p: number) {
    this.#p = checkNumber(p, "p", { min: 0, max: 1 });
    for (const rate of Object.values(this.#rates)) rate.assign([p]);
  }

  override forward(x: Tensor): Tensor {
    const rate = this.#rates[x.dtype as FloatDType] ?? this.#rates.float32;
    if (this.training) return dropout(x, rate, this.inverted);
    return this.inverted ? x : x.mul(rate.neg().add(1));
  }

  protected override describe(): string {
    return `${this.p}${this.inverted ? "" : ", classical"}`;
  }
}
