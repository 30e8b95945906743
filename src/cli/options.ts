/** The command line. */

import { nearest } from "../errors.js";

export interface CliOptions {
  /** "digits", "mnist" or a CSV file. */
  readonly data: string;
  readonly dir: string | undefined;
  readonly target: string | undefined;
  readonly seed: number;
  readonly epochs: number | undefined;
  readonly batchSize: number | undefined;
  readonly learningRate: number | undefined;
  readonly out: string | undefined;
  readonly help: boolean;
}

/** A mistake on the command line; its message is shown as it is. */
export class UsageError extends Error {}

export const usage = `Trains a neural network and says how good it is on data it has not seen.

  npm start                                      handwritten digits, which come with the package
  npm start -- --data mnist --dir DIR            MNIST's IDX files, gzipped or not
  npm start -- --data FILE.csv --target COLUMN   any table; COLUMN is a name or a number from 0, −1 the last

  --seed N             of split, initial weights and order of samples (default 42)
  --epochs N           passes over the training data
  --batch-size N       samples a step
  --learning-rate X    the largest one of the schedule
  --out DIR            where model.safetensors and history.json go (default runs/NAME)
  --help               this text
`;

type Reader = (text: string, option: string) => unknown;

const text: Reader = (value) => value;

function number(check: (value: number) => boolean, what: string): Reader {
  return (value, option) => {
    const parsed = Number(value);
    if (value.trim() !== "" && check(parsed)) return parsed;
    throw new UsageError(`Expected ${what} for ${option} but received ${JSON.stringify(value)}`);
  };
}

const count = number((n) => Number.isSafeInteger(n) && n > 0, "a whole number above 0");

const readers: Readonly<Record<string, Reader>> = {
  data: text,
  dir: text,
  target: text,
  seed: number((n) => Number.isSafeInteger(n) && n >= 0, "a whole number"),
  epochs: count,
  "batch-size": count,
  "learning-rate": number((x) => Number.isFinite(x) && x > 0, "a number above 0"),
  out: text,
};

/** @throws UsageError */
export function parseOptions(args: readonly string[]): CliOptions {
  const values: Record<string, unknown> = {};
  let help = false;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (argument === "--help" || argument === "-h") {
      help = true;
      continue;
    }
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name === undefined)
      throw new UsageError(`Expected an option but received ${JSON.stringify(argument)}; --help lists them`);
    const read = Object.hasOwn(readers, name) ? readers[name]! : undefined;
    if (read === undefined) throw unknown(name);
    const value = inline ?? args[++i];
    if (value === undefined) throw new UsageError(`Expected a value for --${name} but received none`);
    values[name] = read(value, `--${name}`);
  }
  const { "batch-size": batchSize, "learning-rate": learningRate, ...rest } = values;
  const options = {
    data: "digits",
    seed: 42,
    ...rest,
    batchSize,
    learningRate,
    help,
  } as unknown as CliOptions;
  if (!help) checkTogether(options);
  return options;
}

function unknown(name: string): UsageError {
  const near = nearest(name, [...Object.keys(readers), "help"]);
  return new UsageError(
    `Unknown option --${name}${near === undefined ? "" : ` (did you mean --${near}?)`}; --help lists them`,
  );
}

function checkTogether({ data, dir, target }: CliOptions): void {
  const isTable = data !== "digits" && data !== "mnist";
  if (data === "mnist" && dir === undefined)
    throw new UsageError("Expected --dir, the folder of the IDX files, with --data mnist");
  if (data !== "mnist" && dir !== undefined) throw new UsageError("Expected --dir only with --data mnist");
  if (isTable && target === undefined)
    throw new UsageError(`Expected --target, the column to predict, with --data ${data}`);
  if (!isTable && target !== undefined) throw new UsageError("Expected --target only with a table");
}
