import { checkNumber, checkOneOf } from "../errors.js";
import type { Recorder } from "../graph/lower.js";
import {
  flag,
  type GroupSettings,
  Optimizer,
  type OptimizerOptions,
  type UpdateOperands,
} from "./optimizer.js";

/** Where ε stands: √s + ε ("outside": Duchi, Kingma and Ba, PyTorch) or √(s + ε) ("inside"). */
export type EpsilonPlace = "outside" | "inside";
export const epsilonPlaces: readonly EpsilonPlace[] = ["outside", "inside"];

export interface AdagradSettings extends GroupSettings {
  readonly epsilon: number;
  readonly epsilonPlace: EpsilonPlace;
  /** What s holds before the first step: 0 in PyTorch (default), 0.1 in Keras. */
  readonly initialAccumulator: number;
  readonly maximize: boolean;
}

export type AdagradOptions = OptimizerOptions<AdagradSettings> & Partial<AdagradSettings>;

/**
 * Adagrad: s ← s + g²; w ← w − ηg/(√s + ε), or ηg/√(s + ε).
 *
 * Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods", 2011. Defaults η = 0.01, ε = 10⁻¹⁰.
 */
export class Adagrad extends Optimizer<AdagradSettings> {
  constructor(options: AdagradOptions = {}) {
    const defaults: AdagradSettings = {
      learningRate: 1e-2,
      weightDecay: 0,
      epsilon: 1e-10,
      epsilonPlace: "outside",
      initialAccumulator: 0,
      maximize: false,
    };
    super("Adagrad", defaults, options);
  }

  protected check({ epsilon, epsilonPlace, initialAccumulator }: AdagradSettings): void {
    checkNumber(epsilon, "epsilon", { min: 0 });
    checkOneOf(epsilonPlace, epsilonPlaces, "epsilonPlace");
    checkNumber(initialAccumulator, "initialAccumulator", { min: 0 });
  }

  protected stateOf({ initialAccumulator }: AdagradSettings): Record<string, number> {
    return { sum: initialAccumulator };
  }

  update(emit: Recorder, { g, scalars, scale, p, state }: UpdateOperands, settings: AdagradSettings): void {
    emit.adagradStep(
      { g, scalars, scale },
      { p, s: state.sum! },
      {
        epsilon: settings.epsilon,
        epsilonInside: flag(settings.epsilonPlace === "inside"),
        weightDecay: settings.weightDecay,
        maximize: flag(settings.maximize),
      },
    );
  }
}
