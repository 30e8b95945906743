import { checkNumber, checkOneOf } from "../errors.js";
import type { Recorder } from "../graph/lower.js";
import { type EpsilonPlace, epsilonPlaces } from "./adagrad.js";
import {
  flag,
  type GroupSettings,
  Optimizer,
  type OptimizerOptions,
  type UpdateOperands,
} from "./optimizer.js";

export interface AdamSettings extends GroupSettings {
  /** β₁. Default 0.9. */
  readonly beta1: number;
  /** β₂. Default 0.999. */
  readonly beta2: number;
  /** Default 10⁻⁸. */
  readonly epsilon: number;
  readonly epsilonPlace: EpsilonPlace;
  /** Divide m and v by 1 − βᵗ. Default true. */
  readonly biasCorrection: boolean;
  /** Use the largest v so far (Reddi et al., 2018). Default false. */
  readonly amsgrad: boolean;
  readonly maximize: boolean;
}

export type AdamOptions = OptimizerOptions<AdamSettings> & Partial<AdamSettings>;

const defaults: AdamSettings = {
  learningRate: 1e-3,
  weightDecay: 0,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  epsilonPlace: "outside",
  biasCorrection: true,
  amsgrad: false,
  maximize: false,
};

abstract class AdamFamily extends Optimizer<AdamSettings> {
  protected abstract readonly decoupled: boolean;

  protected check({ beta1, beta2, epsilon, epsilonPlace }: AdamSettings): void {
    checkNumber(beta1, "beta1", { min: 0, maxExclusive: 1 });
    checkNumber(beta2, "beta2", { min: 0, maxExclusive: 1 });
    checkNumber(epsilon, "epsilon", { min: 0 });
    checkOneOf(epsilonPlace, epsilonPlaces, "epsilonPlace");
  }

  protected stateOf({ amsgrad }: AdamSettings): Record<string, number> {
    return { exp_avg: 0, exp_avg_sq: 0, ...(amsgrad ? { max_exp_avg_sq: 0 } : {}) };
  }

  protected override corrections(
    { beta1, beta2, biasCorrection }: AdamSettings,
    step: number,
  ): [number, number] {
    return biasCorrection ? [1 - beta1 ** step, 1 - beta2 ** step] : [1, 1];
  }

  update(emit: Recorder, { g, scalars, scale, p, state }: UpdateOperands, settings: AdamSettings): void {
    emit.adamStep(
      { g, scalars, scale },
      { p, m: state.exp_avg!, v: state.exp_avg_sq!, vmax: state.max_exp_avg_sq },
      {
        beta1: settings.beta1,
        beta2: settings.beta2,
        epsilon: settings.epsilon,
        epsilonInside: flag(settings.epsilonPlace === "inside"),
        weightDecay: settings.weightDecay,
        decoupled: flag(this.decoupled),
        maximize: flag(settings.maximize),
      },
    );
  }
}

/**
 * Adam: m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ);
 * w ← w − ηm̂/(√v̂ + ε), or ηm̂/√(v̂ + ε). Weight decay enters the gradient: g + λw.
 *
 * Source: Kingma and Ba, "Adam", 2015.
 */
export class Adam extends AdamFamily {
  protected readonly decoupled = false;

  constructor(options: AdamOptions = {}) {
    super("Adam", defaults, options);
  }
}

/**
 * Adam with decoupled weight decay: w ← w − ηλw before the step, and g is left alone. Default λ = 0.01.
 *
 * Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
 */
export class AdamW extends AdamFamily {
  protected readonly decoupled = true;

  constructor(options: AdamOptions = {}) {
    super("AdamW", { ...defaults, weightDecay: 0.01 }, options);
  }
}
