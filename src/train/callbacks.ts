import type { EpochLog } from "./history.js";
import type { Trainer } from "./trainer.js";

/** What a training calls; each is waited for when it returns a promise. An error ends the training. */
export interface Callbacks {
  onTrainBegin?(trainer: Trainer): unknown;
  /** Before epoch `epoch`, from 1. */
  onEpochBegin?(epoch: number, trainer: Trainer): unknown;
  /** After an epoch and its validation. Return `false` to end the training. */
  onEpochEnd?(log: EpochLog, trainer: Trainer): unknown;
  /** In any case, even after an error. */
  onTrainEnd?(trainer: Trainer): unknown;
}
