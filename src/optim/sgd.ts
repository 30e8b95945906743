import { ArgumentError, checkNumber, expected } from "../errors.js";
import type { Recorder } from "../graph/lower.js";
import {
  flag,
  type GroupSettings,
  Optimizer,
  type OptimizerOptions,
  type UpdateOperands,
} from "./optimizer.js";

export interface SGDSettings extends GroupSettings {
  /** β. Default 0. */
  readonly momentum: number;
  /** τ: the gradient enters the velocity as (1−τ)g, except in the first step. Default 0. */
  readonly dampening: number;
  readonly nesterov: boolean;
  /** Where the learning rate enters: "update" (PyTorch, default) or "velocity" (Keras). */
  readonly momentumForm: "update" | "velocity";
  /** Climb instead of descend. Default false. */
  readonly maximize: boolean;
}

export type SGDOptions = OptimizerOptions<SGDSettings> & Partial<SGDSettings>;

/**
 * Gradient descent with momentum β, rate η, gradient g (+ λw with weight decay λ).
 *
 * - `momentumForm: "update"` (PyTorch): v ← βv + (1−τ)g (v ← g in the first step); w ← w − ηv;
 *   with Nesterov w ← w − η(g + βv).
 * - `momentumForm: "velocity"` (Keras; Sutskever et al., 2013): v ← βv + ηg; w ← w − v;
 *   with Nesterov w ← w − (βv + ηg).
 *
 * The two are the same for a constant rate; when the rate changes, the second keeps the speed already
 * gained. Without momentum both are w ← w − ηg: one sample a batch is stochastic gradient descent, the
 * whole set a batch is batch gradient descent.
 *
 * @throws ArgumentError for Nesterov without momentum or with dampening.
 */
export class SGD extends Optimizer<SGDSettings> {
  constructor(options: SGDOptions = {}) {
    const defaults: SGDSettings = {
      learningRate: 1e-3,
      weightDecay: 0,
      momentum: 0,
      dampening: 0,
      nesterov: false,
      momentumForm: "update",
      maximize: false,
    };
    super("SGD", defaults, options);
  }

  protected check({ momentum, dampening, nesterov, momentumForm }: SGDSettings): void {
    checkNumber(momentum, "momentum", { min: 0 });
    checkNumber(dampening, "dampening", { min: 0 });
    if (momentumForm !== "update" && momentumForm !== "velocity") {
      throw new ArgumentError(expected('"update" or "velocity"', "momentumForm", momentumForm));
    }
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new ArgumentError(
        expected("momentum > 0 and dampening 0", "nesterov", `momentum ${momentum}, dampening ${dampening}`),
      );
    }
  }

  protected stateOf({ momentum }: SGDSettings): Record<string, number> {
    return momentum === 0 ? {} : { momentum_buffer: 0 };
  }

  update(emit: Recorder, { g, scalars, scale, p, state }: UpdateOperands, settings: SGDSettings): void {
    emit.sgdStep(
      { g, scalars, scale },
      { p, v: state.momentum_buffer },
      {
        momentum: settings.momentum,
        dampening: settings.dampening,
        weightDecay: settings.weightDecay,
        nesterov: flag(settings.nesterov),
        rateInVelocity: flag(settings.momentumForm === "velocity"),
        maximize: flag(settings.maximize),
      },
    );
  }
}
