/** The dense layer. */

import { checkBoolean, checkFunction, checkInteger, checkOptions } from "../errors.js";
import { linear } from "../ops/matmul.js";
import { takeStream } from "../ops/random.js";
import { Random } from "../random.js";
import type { Tensor } from "../tensor.js";
import { type Initializer, kaimingUniform, uniform, zeros } from "./init.js";
import { Layer } from "./module.js";
import { Parameter, type StoredTensor } from "./parameter.js";

export interface LinearOptions {
  /** Whether b is added. Default true. */
  readonly bias?: boolean;
  /** Fills the weight. Default: see the class. */
  readonly init?: Initializer;
  /** Fills the bias. Default: see the class. */
  readonly biasInit?: Initializer;
}

/** How a weight is filled from a given generator: what a following activation asks for. */
export type SeededInitializer = (weight: StoredTensor, random: Random) => unknown;

/**
 * y = x·Wᵀ + b for x [..., inFeatures]; W [outFeatures, inFeatures], b [outFeatures].
 *
 * Initial values, unless `init` and `biasInit` say otherwise: by itself as in PyTorch, W and b uniform
 * in ±1/√inFeatures (kaimingUniform with a = √5). In a `Sequential` where an activation follows, what
 * fits that activation, with b = 0 (see Sequential).
 *
 * @throws ShapeError when the last dimension of x is not inFeatures.
 */
export class Linear extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #seed: { readonly seed: number; readonly stream: number };
  /** Of the values the layer gave itself; `null` once they are the user's business. */
  #untouched: number | null = null;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: LinearOptions = {},
  ) {
    super();
    checkInteger(inFeatures, "inFeatures", { min: 1 });
    checkInteger(outFeatures, "outFeatures", { min: 1 });
    checkOptions(options, ["bias", "init", "biasInit"], "Linear");
    const { bias = true, init, biasInit } = options;
    if (init !== undefined) checkFunction(init, "Linear init");
    if (biasInit !== undefined) checkFunction(biasInit, "Linear biasInit");
    this.weight = new Parameter(new Float32Array(outFeatures * inFeatures), [outFeatures, inFeatures]);
    this.bias = checkBoolean(bias, "Linear bias")
      ? new Parameter(new Float32Array(outFeatures), [outFeatures])
      : null;
    this.#seed = takeStream();
    this.fillDefault(init, biasInit);
    if (init === undefined && biasInit === undefined) this.#untouched = this.fingerprint();
  }

  private fillDefault(init: Initializer | undefined, biasInit: Initializer | undefined): void {
    const random = new Random(this.#seed.seed, this.#seed.stream);
    if (init !== undefined) init(this.weight);
    else kaimingUniform(this.weight, { a: Math.sqrt(5), random });
    if (this.bias === null) return;
    const bound = 1 / Math.sqrt(this.inFeatures);
    if (biasInit !== undefined) biasInit(this.bias);
    else uniform(this.bias, { low: -bound, high: bound, random });
  }

  /**
   * @internal Fills the weight for the activation that follows, from the layer's own stream, and the
   * bias with 0: once, and only while the values are the layer's own (never trained, loaded or set).
   */
  fitTo(init: SeededInitializer): void {
    if (this.#untouched === null) return;
    const own = this.#untouched === this.fingerprint() && this.weight.flat === null;
    this.#untouched = null;
    if (!own) return;
    init(this.weight, new Random(this.#seed.seed, this.#seed.stream));
    if (this.bias !== null) zeros(this.bias);
  }

  /** FNV-1a over the bits of weight and bias. */
  private fingerprint(): number {
    let hash = 0x811c9dc5;
    for (const t of this.bias === null ? [this.weight] : [this.weight, this.bias]) {
      const { buffer, byteOffset, byteLength } = t.values;
      for (const word of new Int32Array(buffer, byteOffset, byteLength / 4))
        hash = Math.imul(hash ^ word, 0x01000193);
    }
    return hash;
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias ?? undefined);
  }

  protected override describe(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias === null ? ", bias: false" : ""}`;
  }
}
