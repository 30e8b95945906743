/** Handwritten digits: those that come with the package, and MNIST. */

import { type Dataset, digits, idx, Preprocessor, standardize } from "../data/index.js";
import { DataError } from "../errors.js";
import { CrossEntropy } from "../losses/index.js";
import { AdamW } from "../optim/index.js";
import type { CliOptions } from "./options.js";
import { percent, type Task } from "./run.js";

interface ImageSettings {
  readonly hidden: readonly number[];
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly inputDropout: number;
  readonly dropout: number;
}

function imageTask(
  name: string,
  title: string,
  train: Dataset,
  test: Dataset,
  preprocessor: Preprocessor,
  settings: ImageSettings,
  options: CliOptions,
): Task {
  const prepared = preprocessor.transform(test);
  const { hidden, inputDropout, dropout } = settings;
  return {
    name,
    title: `${title}: ${train.length} images to train on, ${test.length} held out`,
    test,
    preprocessor,
    data: { train: preprocessor.transform(train), validation: prepared, test: prepared },
    network: { hidden, outputs: train.classCount, inputDropout, dropout },
    loss: new CrossEntropy({ labelSmoothing: 0.05 }),
    optimizer: new AdamW({ learningRate: options.learningRate ?? settings.learningRate }),
    metrics: ["accuracy"],
    epochs: options.epochs ?? settings.epochs,
    batchSize: options.batchSize ?? settings.batchSize,
    seed: options.seed,
    report: async (trainer) => [`test accuracy ${percent((await trainer.evaluate(prepared)).accuracy!)}`],
  };
}

/** The 1,797 digits of the package, a random fifth held out. */
export async function digitsTask(options: CliOptions): Promise<Task> {
  const [train, test] = (await digits()).split(0.8, { seed: options.seed });
  const settings = {
    hidden: [256],
    epochs: 40,
    batchSize: 64,
    learningRate: 1e-2,
    inputDropout: 0.1,
    dropout: 0.4,
  };
  return imageTask(
    "digits",
    "UCI handwritten digits",
    train,
    test,
    new Preprocessor([standardize()]).fit(train),
    settings,
    options,
  );
}

/** MNIST's training and test files where both are there; else the first 80 % of one of them and the rest. */
export async function mnistTask(options: CliOptions): Promise<Task> {
  const [train, test] = await mnistFiles(options.dir!);
  const settings = {
    hidden: [256, 128],
    epochs: 15,
    batchSize: 64,
    learningRate: 5e-3,
    inputDropout: 0.1,
    dropout: 0.4,
  };
  return imageTask("mnist", "MNIST", train, test, new Preprocessor([]).fit(train), settings, options);
}

async function mnistFiles(folder: string): Promise<[Dataset, Dataset]> {
  const scale = 1 / 255;
  const read = async (set: "train" | "t10k"): Promise<Dataset | null> => {
    try {
      return await idx(folder, { set, scale });
    } catch (error) {
      if (error instanceof DataError) return null;
      throw error;
    }
  };
  const [train, test] = [await read("train"), await read("t10k")];
  if (train !== null && test !== null) return [train, test];
  const all = train ?? test ?? (await idx(folder, { scale }));
  const count = Math.round(all.length * 0.8);
  return [all.slice(0, count), all.slice(count)];
}
