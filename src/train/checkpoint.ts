/**
 * A training written to a file, to go on with later to the bit: a safetensors file with the model under
 * `model.`, the optimizer's state under `optimizer.`, and counters, seed and history as metadata.
 * Nothing else is random state: order and dropout are functions of seed, epoch and step.
 */

import { JsonReader } from "../data/step.js";
import { describe, expected, FormatError, StateError } from "../errors.js";
import { loadSafetensors, saveSafetensors, type TensorToWrite } from "../io/safetensors.js";
import { stateFromTensors, tensorsOfState } from "../nn/save.js";
import type { PlateauState } from "../optim/reduce-on-plateau.js";
import type { EpochLog } from "./history.js";
import type { TrainerState } from "./state.js";

const FORMAT = "nabla-checkpoint";
const MODEL = "model.";
const OPTIMIZER = "optimizer.";

export async function saveCheckpoint(state: TrainerState, path: string): Promise<void> {
  state.checkBetweenSteps("saveCheckpoint");
  const { model, optimizer } = state;
  const tensors = new Map<string, TensorToWrite>();
  for (const [key, tensor] of tensorsOfState(model.stateDict())) tensors.set(MODEL + key, tensor);
  // What a loaded checkpoint brought and no step has taken over yet is still the optimizer's state.
  const { step, tensors: own } = state.pending ?? optimizer.stateDict(model.namedParameters());
  for (const [key, values] of own) {
    const data = values instanceof Float64Array ? values : Float32Array.from(values);
    tensors.set(OPTIMIZER + key, { shape: [data.length], data });
  }
  const training = {
    optimizer: optimizer.constructor.name,
    epoch: state.epoch,
    step,
    seed: state.seed,
    learningRate: optimizer.learningRate,
    plateau: state.pendingPlateau ?? state.plateau?.state ?? null,
    history: state.history,
  };
  await saveSafetensors(path, tensors, { format: FORMAT, version: "1", training: JSON.stringify(training) });
}

export async function loadCheckpoint(state: TrainerState, path: string): Promise<void> {
  state.checkFree("loadCheckpoint");
  const { tensors, metadata } = await loadSafetensors(path);
  if (metadata.format !== FORMAT || metadata.version !== "1") {
    throw new FormatError(expected(`a checkpoint (${FORMAT}, version 1)`, path, describe(metadata.format)));
  }
  const training = new JsonReader(parse(metadata.training, path), path);
  checkOptimizer(training.field("optimizer").text(), state, path);
  const number = (key: string) => training.field(key).number();
  const part = (prefix: string) =>
    new Map(
      [...tensors]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, tensor]) => [key.slice(prefix.length), tensor]),
    );
  const loaded = {
    epoch: number("epoch"),
    step: number("step"),
    seed: number("seed"),
    learningRate: number("learningRate"),
  };
  const history = training
    .field("history")
    .list()
    .map((log) => log.value as EpochLog);
  // Another training may have begun while the file was read.
  state.checkFree("loadCheckpoint");
  state.model.loadStateDict(stateFromTensors(part(MODEL)));
  const { optimizer } = state;
  const own = new Map(
    [...part(OPTIMIZER)].map(([key, tensor]) => [key, tensor.data as Float32Array | Float64Array]),
  );
  state.pending = loaded.step === 0 && own.size === 0 ? null : { step: loaded.step, tensors: own };
  optimizer.stepCount = loaded.step;
  optimizer.learningRate = loaded.learningRate;
  state.pendingPlateau = training.field("plateau").value as PlateauState | null;
  state.epoch = loaded.epoch;
  state.seed = loaded.seed;
  state.history.splice(0, state.history.length, ...history);
}

function checkOptimizer(name: string, { optimizer }: TrainerState, path: string): void {
  const own = optimizer.constructor.name;
  if (name !== own)
    throw new StateError(
      expected(`a checkpoint of ${own}, the trainer's optimizer,`, path, `one of ${name}`),
    );
}

function parse(text: string | undefined, path: string): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch (cause) {
    throw new FormatError(expected("JSON", `${path}, training`, describe(text)), { cause });
  }
}
