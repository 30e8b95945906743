import { checkInteger, checkNumber, checkOneOf, checkOptions, checkString } from "../errors.js";
import type { Schedule } from "./optimizer.js";

export interface ReduceOnPlateauOptions {
  /** What is watched: "loss", "accuracy", "validation.loss", … Default "validation.loss", or "loss" without validation. */
  readonly monitor?: string;
  /** Whether smaller or larger is better; by default what suits the monitored value. */
  readonly mode?: "min" | "max";
  /** What the rate is multiplied by. Default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement that are tolerated. Default 10. */
  readonly patience?: number;
  /** An improvement is better than the best by this share of it. Default 10⁻⁴. */
  readonly threshold?: number;
  /** Epochs after a reduction in which nothing is counted. Default 0. */
  readonly cooldown?: number;
  /** The product of all factors does not fall below this. Default 0. */
  readonly minFactor?: number;
}

/** What a ReduceOnPlateau has seen so far. */
export interface PlateauState {
  readonly current: number;
  readonly best: number | null;
  readonly bad: number;
  readonly cooling: number;
}

/**
 * Multiplies the learning rate by `factor` when the monitored value has not improved for more than
 * `patience` epochs (ReduceLROnPlateau with a relative threshold). The Trainer tells it the value
 * after every epoch; in a loop of one's own call `observe`.
 */
export class ReduceOnPlateau implements Schedule {
  readonly monitor: string | undefined;
  readonly mode: "min" | "max" | undefined;
  private readonly multiplier: number;
  private readonly patience: number;
  private readonly threshold: number;
  private readonly cooldown: number;
  private readonly minFactor: number;
  private current = 1;
  private best: number | null = null;
  private bad = 0;
  private cooling = 0;

  constructor(options: ReduceOnPlateauOptions = {}) {
    checkOptions(
      options,
      ["monitor", "mode", "factor", "patience", "threshold", "cooldown", "minFactor"],
      "ReduceOnPlateau",
    );
    this.monitor = options.monitor === undefined ? undefined : checkString(options.monitor, "monitor");
    this.mode = options.mode === undefined ? undefined : checkOneOf(options.mode, ["min", "max"], "mode");
    this.multiplier = checkNumber(options.factor ?? 0.1, "factor", { minExclusive: 0, maxExclusive: 1 });
    this.patience = checkInteger(options.patience ?? 10, "patience", { min: 0 });
    this.threshold = checkNumber(options.threshold ?? 1e-4, "threshold", { min: 0 });
    this.cooldown = checkInteger(options.cooldown ?? 0, "cooldown", { min: 0 });
    this.minFactor = checkNumber(options.minFactor ?? 0, "minFactor", { min: 0 });
  }

  factor(): number {
    return this.current;
  }

  /** Takes note of one epoch's value; true when the rate was reduced. A NaN is no improvement. */
  observe(value: number, mode: "min" | "max" = this.mode ?? "min"): boolean {
    if (this.improves(value, mode)) {
      this.best = value;
      this.bad = 0;
    } else this.bad++;
    if (this.cooling > 0) {
      this.cooling--;
      this.bad = 0;
    }
    if (this.bad <= this.patience) return false;
    this.bad = 0;
    this.cooling = this.cooldown;
    const before = this.current;
    this.current = Math.max(before * this.multiplier, Math.min(this.minFactor, before));
    return this.current < before;
  }

  private improves(value: number, mode: "min" | "max"): boolean {
    if (this.best === null) return !Number.isNaN(value);
    return mode === "min"
      ? value < this.best * (1 - this.threshold)
      : value > this.best * (1 + this.threshold);
  }

  get state(): PlateauState {
    const { current, best, bad, cooling } = this;
    return { current, best, bad, cooling };
  }

  restore({ current, best, bad, cooling }: PlateauState): void {
    this.current = checkNumber(current, "current", { min: 0 });
    this.best = best === null ? null : checkNumber(best, "best");
    this.bad = checkInteger(bad, "bad", { min: 0 });
    this.cooling = checkInteger(cooling, "cooling", { min: 0 });
  }
}
