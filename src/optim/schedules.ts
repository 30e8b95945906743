/**
 * Learning-rate schedules: the factor on the optimizer's learning rate at step t, t counting the steps
 * done (0 for the first step). Formulas are those of torch.optim.lr_scheduler, with the learning rate
 * taken out and t counting optimizer steps; `everyEpoch` makes t count epochs.
 */

import { ArgumentError, checkInteger, checkNumber, checkOneOf, checkOptions, expected } from "../errors.js";
import type { Schedule } from "./optimizer.js";

const positive = { minExclusive: 0 };
const schedule = (factor: (step: number) => number): Schedule => ({ factor });
const mix = (from: number, to: number, share: number): number => from + (to - from) * share;
/** From 1 to 0 along half a cosine. */
const halfCosine = (share: number): number => (1 + Math.cos(Math.PI * share)) / 2;

/** Always the same factor. */
export function constant(factor = 1): Schedule {
  checkNumber(factor, "factor", { min: 0 });
  return schedule(() => factor);
}

/** γ^⌊t/every⌋ (StepLR). γ is 0.1 by default. */
export function step(options: { every: number; gamma?: number }): Schedule {
  checkOptions(options, ["every", "gamma"], "step");
  const every = checkInteger(options.every, "every", { min: 1 });
  const gamma = checkNumber(options.gamma ?? 0.1, "gamma", positive);
  return schedule((t) => gamma ** Math.floor(t / every));
}

/** γ^k, k the number of milestones ≤ t (MultiStepLR). γ is 0.1 by default. */
export function multiStep(options: { milestones: readonly number[]; gamma?: number }): Schedule {
  checkOptions(options, ["milestones", "gamma"], "multiStep");
  const milestones = options.milestones.map((m, i) => checkInteger(m, `milestones[${i}]`, { min: 0 }));
  const gamma = checkNumber(options.gamma ?? 0.1, "gamma", positive);
  return schedule((t) => gamma ** milestones.filter((m) => m <= t).length);
}

/** γ^t (ExponentialLR). */
export function exponential(options: { gamma: number }): Schedule {
  checkOptions(options, ["gamma"], "exponential");
  const gamma = checkNumber(options.gamma, "gamma", positive);
  return schedule((t) => gamma ** t);
}

/**
 * 1/(1 + decay·t): steps that shrink so that Σηₜ diverges and Σηₜ² converges, as stochastic gradient
 * descent on single samples needs to converge. (Robbins and Monro, 1951)
 */
export function inverseTime(options: { decay: number }): Schedule {
  checkOptions(options, ["decay"], "inverseTime");
  const decay = checkNumber(options.decay, "decay", { min: 0 });
  return schedule((t) => 1 / (1 + decay * t));
}

/** e + (1 − e)(1 − t/T)^power for t ≤ T = steps, e = end afterwards (PolynomialLR for e = 0). Power 1 by default: a straight line. */
export function polynomial(options: { steps: number; power?: number; end?: number }): Schedule {
  checkOptions(options, ["steps", "power", "end"], "polynomial");
  const steps = checkInteger(options.steps, "steps", { min: 1 });
  const power = checkNumber(options.power ?? 1, "power", positive);
  const end = checkNumber(options.end ?? 0, "end", { min: 0 });
  return schedule((t) => mix(end, 1, (1 - Math.min(t, steps) / steps) ** power));
}

/**
 * e + (1 − e)(1 + cos(πt/T))/2 for t ≤ T = steps (CosineAnnealingLR), e = end afterwards.
 *
 * Source: Loshchilov and Hutter, "SGDR", 2017.
 */
export function cosine(options: { steps: number; end?: number }): Schedule {
  checkOptions(options, ["steps", "end"], "cosine");
  const steps = checkInteger(options.steps, "steps", { min: 1 });
  const end = checkNumber(options.end ?? 0, "end", { min: 0 });
  return schedule((t) => mix(end, 1, halfCosine(Math.min(t, steps) / steps)));
}

/**
 * The cosine again and again: the first falls over `steps`, each later one over `growth` times as many
 * (CosineAnnealingWarmRestarts). Growth is 1 by default.
 */
export function cosineRestarts(options: { steps: number; growth?: number; end?: number }): Schedule {
  checkOptions(options, ["steps", "growth", "end"], "cosineRestarts");
  const steps = checkInteger(options.steps, "steps", { min: 1 });
  const growth = checkInteger(options.growth ?? 1, "growth", { min: 1 });
  const end = checkNumber(options.end ?? 0, "end", { min: 0 });
  return schedule((t) => {
    let [length, at] = [steps, t];
    if (growth === 1) at %= steps;
    else {
      while (at >= length) {
        at -= length;
        length *= growth;
      }
    }
    return mix(end, 1, halfCosine(at / length));
  });
}

export interface OneCycleOptions {
  /** Of the whole cycle. */
  steps: number;
  /** Share of the steps in which the rate rises. Default 0.3. */
  rise?: number;
  /** The rate begins at 1/startDivisor of its maximum. Default 25. */
  startDivisor?: number;
  /** It ends at 1/endDivisor of where it began. Default 10⁴. */
  endDivisor?: number;
  /** Default "cosine". */
  anneal?: "cosine" | "linear";
}

/**
 * Up to the optimizer's learning rate, then down to almost nothing (OneCycleLR; momentum is left alone).
 *
 * Source: Smith and Topin, "Super-Convergence", 2018.
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  checkOptions(options, ["steps", "rise", "startDivisor", "endDivisor", "anneal"], "oneCycle");
  const steps = checkInteger(options.steps, "steps", { min: 2 });
  const rise = checkNumber(options.rise ?? 0.3, "rise", { min: 0, max: 1 });
  const start = 1 / checkNumber(options.startDivisor ?? 25, "startDivisor", positive);
  const end = start / checkNumber(options.endDivisor ?? 1e4, "endDivisor", positive);
  const linear = checkOneOf(options.anneal ?? "cosine", ["cosine", "linear"], "anneal") === "linear";
  const anneal = (from: number, to: number, share: number) =>
    mix(to, from, linear ? 1 - share : halfCosine(share));
  const top = Math.max(rise * steps - 1, 0);
  const last = steps - 1;
  return schedule((t) => {
    if (t <= top && top > 0) return anneal(start, 1, t / top);
    return last <= top ? 1 : anneal(1, end, (Math.min(t, last) - top) / (last - top));
  });
}

/**
 * From `start` up to 1 in a straight line over `steps`, start + (1 − start)·t/steps, then whatever `then`
 * says, its own steps counting from there (LinearLR followed by another through SequentialLR). Start is
 * 1/steps by default.
 */
export function warmup(steps: number, then: Schedule = constant(), start = 1 / steps): Schedule {
  checkInteger(steps, "steps", { min: 1 });
  checkNumber(start, "start", { min: 0 });
  if (typeof then?.factor !== "function") throw new ArgumentError(expected("a schedule", "then", then));
  return schedule((t) => (t < steps ? mix(start, 1, t / steps) : then.factor(t - steps)));
}

/** `inner` with t counting epochs of `stepsPerEpoch` steps: constant within an epoch, as schedulers stepped once an epoch. */
export function everyEpoch(inner: Schedule, stepsPerEpoch: number): Schedule {
  checkInteger(stepsPerEpoch, "stepsPerEpoch", { min: 1 });
  return schedule((t) => inner.factor(Math.floor(t / stepsPerEpoch)));
}
