import { checkBoolean, checkInteger, checkNumber, checkOneOf, checkOptions, checkString } from "../errors.js";
import type { Module, StateEntry } from "../nn/module.js";
import { type EpochLog, monitored } from "./history.js";

export interface EarlyStoppingOptions {
  /** Epochs without improvement after which training ends. */
  readonly patience: number;
  /** "loss", "accuracy", "validation.loss", … Default "validation.loss", or "loss" without validation. */
  readonly monitor?: string;
  /** Default: "max" for metrics that are better when larger, else "min". */
  readonly mode?: "min" | "max";
  /** Smaller improvements do not count. Default 0. */
  readonly minDelta?: number;
  /** Whether the model ends with the parameters and buffers of its best epoch. Default true. */
  readonly restoreBest?: boolean;
}

/** Watches one value; keeps the model as it was when the value was best. */
export class EarlyStopping {
  best: { epoch: number; value: number } | null = null;
  private state: Map<string, StateEntry> | null = null;
  private waited = 0;
  private readonly patience: number;
  private readonly minDelta: number;
  private readonly restoreBest: boolean;
  private readonly sign: 1 | -1;

  constructor(
    private readonly model: Module,
    options: EarlyStoppingOptions,
    private readonly monitor: string,
    better: "min" | "max",
  ) {
    checkOptions(options, ["patience", "monitor", "mode", "minDelta", "restoreBest"], "earlyStopping");
    if (options.monitor !== undefined) checkString(options.monitor, "earlyStopping.monitor");
    this.patience = checkInteger(options.patience, "earlyStopping.patience", { min: 0 });
    this.minDelta = checkNumber(options.minDelta ?? 0, "earlyStopping.minDelta", { min: 0 });
    this.restoreBest = checkBoolean(options.restoreBest ?? true, "earlyStopping.restoreBest");
    this.sign = checkOneOf(options.mode ?? better, ["min", "max"], "earlyStopping.mode") === "min" ? -1 : 1;
  }

  /** Takes note of an epoch; true when it is time to end. A NaN is no improvement. */
  observe(log: EpochLog): boolean {
    const value = monitored(log, this.monitor);
    const gain = this.best === null ? Number.POSITIVE_INFINITY : this.sign * (value - this.best.value);
    if (!Number.isNaN(value) && gain > this.minDelta) {
      this.best = { epoch: log.epoch, value };
      this.waited = 0;
      if (this.restoreBest) this.state = this.model.stateDict();
      return false;
    }
    this.waited++;
    return this.waited >= Math.max(this.patience, 1);
  }

  restore(): void {
    if (this.state !== null) this.model.loadStateDict(this.state);
  }
}
