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

export interface RMSpropSettings extends GroupSettings {
  /** ρ of the average of squares. Default 0.99. */
  readonly alpha: number;
  /** Default 0. */
  readonly momentum: number;
  readonly epsilon: number;
  readonly epsilonPlace: EpsilonPlace;
  /** Divide by the standard deviation instead of the root mean square. Default false. */
  readonly centered: boolean;
  readonly maximize: boolean;
}

export type RMSpropOptions = OptimizerOptions<RMSpropSettings> & Partial<RMSpropSettings>;

/**
 * RMSprop: s ← ρs + (1−ρ)g²; w ← w − ηg/(√s + ε), or ηg/√(s + ε).
 * Centred: a ← ρa + (1−ρ)g, with s − a² in place of s. With momentum: v ← βv + g/(√s + ε); w ← w − ηv.
 *
 * Source: Tieleman and Hinton, Coursera lecture 6.5, 2012; centred: Graves, 2013. Defaults as PyTorch:
 * η = 0.01, ρ = 0.99, ε = 10⁻⁸.
 */
export class RMSprop extends Optimizer<RMSpropSettings> {
  constructor(options: RMSpropOptions = {}) {
    const defaults: RMSpropSettings = {
      learningRate: 1e-2,
      weightDecay: 0,
      alpha: 0.99,
      momentum: 0,
      epsilon: 1e-8,
      epsilonPlace: "outside",
      centered: false,
      maximize: false,
    };
    super("RMSprop", defaults, options);
  }

  protected check({ alpha, momentum, epsilon, epsilonPlace }: RMSpropSettings): void {
    checkNumber(alpha, "alpha", { min: 0 });
    checkNumber(momentum, "momentum", { min: 0 });
    checkNumber(epsilon, "epsilon", { min: 0 });
    checkOneOf(epsilonPlace, epsilonPlaces, "epsilonPlace");
  }

  protected stateOf({ momentum, centered }: RMSpropSettings): Record<string, number> {
    return {
      square_avg: 0,
      ...(centered ? { grad_avg: 0 } : {}),
      ...(momentum > 0 ? { momentum_buffer: 0 } : {}),
    };
  }

  update(emit: Recorder, { g, scalars, scale, p, state }: UpdateOperands, settings: RMSpropSettings): void {
    emit.rmspropStep(
      { g, scalars, scale },
      { p, s: state.square_avg!, mean: state.grad_avg, v: state.momentum_buffer },
      {
        alpha: settings.alpha,
        momentum: settings.momentum,
        epsilon: settings.epsilon,
        epsilonInside: flag(settings.epsilonPlace === "inside"),
        weightDecay: settings.weightDecay,
        maximize: flag(settings.maximize),
      },
    );
  }
}
