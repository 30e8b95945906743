/** What a training tells about itself. */

import { ArgumentError, describe, expected } from "../errors.js";

/** The loss and the metrics asked for, by name. */
export interface Evaluation {
  readonly loss: number;
  readonly [metric: string]: number;
}

export interface EpochLog {
  /** From 1, over all trainings of this trainer. */
  readonly epoch: number;
  /** Mean loss of the samples, each at the time of its own step; penalties not included. */
  readonly loss: number;
  /** Mean of what l1 and l2 added to the loss; 0 without them. */
  readonly penalty: number;
  /** Mean over the steps of the 2-norm of all gradients before clipping by norm. */
  readonly gradNorm: number;
  /** Metrics over the samples as they were trained on (with dropout and the like). */
  readonly metrics: Readonly<Record<string, number>>;
  /** On the validation data, after the epoch, in evaluation mode; null without such data. */
  readonly validation: Evaluation | null;
  /** Of the epoch's last step. */
  readonly learningRate: number;
  /** Steps done over all trainings. */
  readonly step: number;
  readonly seconds: number;
}

export interface History {
  /** Of this training. */
  readonly epochs: readonly EpochLog[];
  /** Why it ended: all epochs done, no improvement, or `trainer.stop()` or a callback. */
  readonly ended: "complete" | "early" | "stopped";
  /** The best epoch by what early stopping monitors; null without early stopping. */
  readonly best: { readonly epoch: number; readonly value: number } | null;
}

/** The value that `name` means: "loss", "accuracy", "validation.loss", … */
export function monitored(log: EpochLog, name: string): number {
  const values = new Map<string, number>([
    ["loss", log.loss],
    ["penalty", log.penalty],
    ["gradNorm", log.gradNorm],
    ...Object.entries(log.metrics),
    ...Object.entries(log.validation ?? {}).map(([key, value]): [string, number] => [
      `validation.${key}`,
      value,
    ]),
  ]);
  const value = values.get(name);
  if (value === undefined) {
    throw new ArgumentError(expected(`one of ${[...values.keys()].join(", ")}`, "monitor", describe(name)));
  }
  return value;
}
