/** Any table: classification or regression by its target. */

import { basename, extname } from "node:path";
import {
  type Column,
  csv,
  type Dataset,
  impute,
  oneHot,
  Preprocessor,
  standardize,
  Table,
} from "../data/index.js";
import { ArgumentError, expected } from "../errors.js";
import { CrossEntropy, MSE } from "../losses/index.js";
import { AdamW } from "../optim/index.js";
import { metrics, type Trainer } from "../train/index.js";
import { expandDates } from "./dates.js";
import type { CliOptions } from "./options.js";
import { percent, type Task } from "./run.js";

const TEST_SHARE = 0.2;
const VALIDATION_SHARE = 0.15;
/** A text column with more distinct values than this share of the rows names rows instead of describing them. */
const IDENTIFIER_SHARE = 0.5;

export async function tableTask(options: CliOptions): Promise<Task> {
  const { table, dropped } = usable(await csv(options.data, { target: options.target! }));
  const { seed } = options;
  const stratify = table.task === "classification";
  const [rest, test] = table.split(1 - TEST_SHARE, { seed, stratify });
  const [train, validation] = rest.split(1 - VALIDATION_SHARE, { seed, stratify });
  const preprocessor = new Preprocessor([impute(), standardize(), oneHot()], { scaleTarget: true }).fit(
    train,
  );
  const data = {
    train: preprocessor.transform(train),
    validation: preprocessor.transform(validation),
    test: preprocessor.transform(test),
  };
  const name = basename(options.data, extname(options.data));
  const what = stratify ? `classification into ${data.train.classCount} classes` : "regression";
  const ignored =
    dropped.length === 0 ? "" : ` (left out, as nearly every row has another value: ${dropped.join(", ")})`;
  return {
    name,
    title:
      `${name}: ${what} of ${table.target!.name} by ${data.train.shape[0]} features${ignored}; ` +
      `${train.length} rows to train on, ${validation.length} to end it in time, ${test.length} held out`,
    test,
    preprocessor,
    data,
    network: {
      hidden: [128, 64],
      outputs: stratify ? data.train.classCount : 1,
      inputDropout: 0,
      dropout: 0.2,
    },
    loss: stratify ? new CrossEntropy() : new MSE(),
    optimizer: new AdamW({ learningRate: options.learningRate ?? 5e-3 }),
    metrics: stratify ? ["accuracy", "f1", "auc"] : ["mae"],
    epochs: options.epochs ?? 60,
    batchSize: options.batchSize ?? 64,
    patience: 20,
    seed,
    report: async (trainer, predictions) =>
      stratify
        ? classificationReport(trainer, data.train, data.test)
        : regressionReport(preprocessor, data.train, data.test, predictions),
  };
}

/** Dates as numbers, and without the columns that only tell rows apart. */
function usable(table: Table): { table: Table; dropped: string[] } {
  const expanded = expandDates(table);
  const identifies = (column: Column) =>
    column !== expanded.target &&
    column.kind === "categorical" &&
    column.values.length > 2 &&
    new Set(column.values).size > IDENTIFIER_SHARE * column.values.length;
  const dropped = expanded.columns.filter(identifies).map((column) => column.name);
  const columns = expanded.columns.filter((column) => !identifies(column));
  if (columns.length < 2)
    throw new ArgumentError(expected("at least one column to predict from", "the table", "none"));
  return {
    table: new Table({ columns, target: expanded.target!.name, task: expanded.task, lines: expanded.lines }),
    dropped,
  };
}

async function classificationReport(trainer: Trainer, train: Dataset, test: Dataset): Promise<string[]> {
  const { accuracy, f1, auc } = await trainer.evaluate(test);
  const names = train.classNames!;
  const counts = metrics.confusionMatrix(train.targets, train.targets, names.length).map((row, c) => row[c]!);
  const common = counts.indexOf(Math.max(...counts));
  const trivial = metrics.accuracy(test.targets, new Int32Array(test.length).fill(common));
  return [
    `always saying ${names[common]} would be right for ${percent(trivial)}`,
    `test F1 ${f1!.toFixed(3)} (${names.length === 2 ? `of ${names[1]}` : "mean of the classes"}), AUC ${auc!.toFixed(3)}`,
    `test accuracy ${percent(accuracy!)}`,
  ];
}

function regressionReport(
  preprocessor: Preprocessor,
  train: Dataset,
  test: Dataset,
  scores: Float32Array,
): string[] {
  const own = (values: Float32Array) => preprocessor.unscaleTargets(values);
  const [truth, predicted] = [own(test.targets as Float32Array), own(scores)];
  const training = own(train.targets as Float32Array);
  const mean = training.reduce((a, b) => a + b) / training.length;
  return [
    `always saying the mean, ${mean.toPrecision(4)}, would have MAE ${metrics.mae(truth, new Float32Array(truth.length).fill(mean)).toPrecision(4)}`,
    `test MAE ${metrics.mae(truth, predicted).toPrecision(4)}, R² ${metrics.r2(truth, predicted).toFixed(3)}`,
  ];
}
