import { expect, test } from "vitest";
import { parseOptions, UsageError } from "../../src/cli/options.js";

test("without options: digits", () => {
  expect(parseOptions([])).toEqual({
    data: "digits",
    seed: 42,
    batchSize: undefined,
    learningRate: undefined,
    help: false,
  });
});

test("values follow or are attached", () => {
  const args = [
    "--data",
    "a.csv",
    "--target=-1",
    "--seed",
    "3",
    "--epochs=5",
    "--batch-size",
    "16",
    "--learning-rate",
    "1e-3",
    "--out",
    "x",
  ];
  expect(parseOptions(args)).toEqual({
    data: "a.csv",
    target: "-1",
    seed: 3,
    epochs: 5,
    batchSize: 16,
    learningRate: 1e-3,
    out: "x",
    help: false,
  });
});

test("help wins over what is missing", () => {
  expect(parseOptions(["--data", "mnist", "--help"]).help).toBe(true);
});

test.each([
  [["--sed", "3"], /Unknown option --sed \(did you mean --seed\?\)/],
  [["--toString", "3"], /Unknown option --toString/],
  [["digits"], /Expected an option but received "digits"/],
  [["--seed"], /Expected a value for --seed/],
  [["--seed", "1.5"], /whole number for --seed but received "1\.5"/],
  [["--epochs", "0"], /above 0 for --epochs/],
  [["--epochs="], /above 0 for --epochs but received ""/],
  [["--learning-rate", "fast"], /above 0 for --learning-rate/],
  [["--data", "mnist"], /Expected --dir/],
  [["--dir", "x"], /--dir only with --data mnist/],
  [["--data", "a.csv"], /Expected --target/],
  [["--target", "x"], /--target only with a table/],
])("%j is refused in one line", (args, message) => {
  const parse = () => parseOptions(args);
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(message);
});
