/** What every task of the command line does: train, measure, save, load again, compare. */

import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { type Dataset, Preprocessor, type Table } from "../data/index.js";
import { info } from "../info.js";
import { writeFileAtomic } from "../io/atomic-write.js";
import { loadSafetensors } from "../io/safetensors.js";
import { manualSeed } from "../ops/random.js";
import { type Optimizer, schedules } from "../optim/index.js";
import { tensor } from "../tensor.js";
import { describeEpoch, type History, type MetricName, Trainer, type TrainingLoss } from "../train/index.js";
import { buildNetwork, describeNetwork, type NetworkShape, networkFromJSON } from "./network.js";

export interface Task {
  /** Of the folder for results. */
  readonly name: string;
  /** What is trained on what, in one line. */
  readonly title: string;
  /** Rows as they come from the file, before any preprocessing. */
  readonly test: Dataset | Table;
  readonly preprocessor: Preprocessor;
  /** The same rows as the network sees them. */
  readonly data: { readonly train: Dataset; readonly validation: Dataset; readonly test: Dataset };
  readonly network: Omit<NetworkShape, "inputs">;
  readonly loss: TrainingLoss;
  readonly optimizer: Optimizer;
  readonly metrics: readonly MetricName[];
  readonly epochs: number;
  readonly batchSize: number;
  /** Epochs without improvement after which training ends; absent: all epochs are done. */
  readonly patience?: number;
  readonly seed: number;
  /** What the predictions for the test rows are worth: lines to show, the last one last of all. */
  report(trainer: Trainer, predictions: Float32Array): Promise<string[]>;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

export async function run(task: Task, folder: string): Promise<void> {
  const { isa, threads, version } = info();
  say(`nabla ${version}, ${isa}, ${threads} thread${threads === 1 ? "" : "s"}`);
  say(task.title);
  manualSeed(task.seed);
  const network: NetworkShape = {
    inputs: task.data.train.features.length / task.data.train.length,
    ...task.network,
  };
  say(
    `network ${describeNetwork(network)}, ${task.epochs} epochs of batches of ${task.batchSize}, seed ${task.seed}`,
  );
  const { loss, optimizer, metrics, seed } = task;
  const trainer = new Trainer(buildNetwork(network), { loss, optimizer, metrics, seed, clip: { norm: 1 } });
  const start = performance.now();
  const history = await train(trainer, task);
  say(`trained in ${((performance.now() - start) / 1000).toFixed(2)} s`);
  const predictions = (await (await trainer.predict(task.data.test)).data()) as Float32Array;
  const file = await save(folder, trainer, task, network, history);
  const again = await predictFromFile(file, task.test);
  const same = Buffer.compare(bytesOf(predictions), bytesOf(again)) === 0;
  if (!same)
    throw new Error(`Expected the model read from ${file} to predict the same but its predictions differ`);
  say(`read again, it gives the same ${task.data.test.length} predictions, bit for bit`);
  for (const line of await task.report(trainer, predictions)) say(line);
}

async function train(trainer: Trainer, task: Task): Promise<History> {
  const terminal = process.stderr.isTTY === true;
  return trainer.fit(task.data.train, {
    epochs: task.epochs,
    batchSize: task.batchSize,
    validation: task.data.validation,
    schedule: ({ steps }) => (steps > 1 ? schedules.oneCycle({ steps }) : schedules.constant()),
    progress: terminal,
    // There is no server here to leave a core to.
    threads: info().threads,
    callbacks: terminal ? [] : { onEpochEnd: (log) => say(describeEpoch(log, task.epochs)) },
    ...(task.patience === undefined ? {} : { earlyStopping: { patience: task.patience } }),
  });
}

/** Writes history.json and model.safetensors; the latter says how to build the network and prepare its inputs. */
async function save(
  folder: string,
  trainer: Trainer,
  task: Task,
  network: NetworkShape,
  history: History,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const log = { task: task.name, seed: task.seed, network, ...history };
  await writeFileAtomic(join(folder, "history.json"), `${JSON.stringify(log, null, 2)}\n`);
  const file = join(folder, "model.safetensors");
  await trainer.model.save(file, {
    metadata: { network: JSON.stringify(network), preprocessor: JSON.stringify(task.preprocessor) },
  });
  say(`saved ${show(file)} and ${show(join(folder, "history.json"))}`);
  return file;
}

/** As another program would do it: nothing but the file and rows as they come. */
async function predictFromFile(file: string, rows: Dataset | Table): Promise<Float32Array> {
  const { metadata } = await loadSafetensors(file);
  const model = buildNetwork(networkFromJSON(metadata.network));
  await model.load(file);
  model.evaluate();
  const { features, shape } = Preprocessor.fromJSON(metadata.preprocessor).transformFeatures(rows);
  return (await model.forward(tensor(features, { shape: [rows.length, ...shape] })).data()) as Float32Array;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A path as short as it can be said from here. */
function show(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
