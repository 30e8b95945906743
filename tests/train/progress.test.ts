import { expect, test } from "vitest";
import type { EpochLog } from "../../src/train/history.js";
import { describeEpoch, Progress } from "../../src/train/progress.js";

const log: EpochLog = {
  epoch: 2,
  loss: 0.123456,
  penalty: 0,
  gradNorm: 1,
  metrics: { accuracy: 0.9876, mae: 0.00001 },
  validation: { loss: 0.5, accuracy: 0.25 },
  learningRate: 0.01,
  step: 10,
  seconds: 0.5,
};
const line =
  "epoch  2/20  loss 0.1235  accuracy 98.8 %  mae 1.00e-5  validation loss 0.5000, accuracy 25.0 %  0.50 s";

/** A stream that keeps what is written to it. */
function fake(isTTY: boolean) {
  const written: string[] = [];
  const stream = {
    isTTY,
    columns: 60,
    write: (text: string) => written.push(text),
  } as unknown as NodeJS.WriteStream;
  return { written, stream };
}

test("an epoch in one line", () => {
  expect(describeEpoch(log, 20)).toBe(line);
});

test("on a terminal one line is redrawn, no longer than the terminal is wide", () => {
  const { written, stream } = fake(true);
  const progress = new Progress("auto", stream);
  expect(progress.active).toBe(true);
  progress.step(1, 20, 5, 23, 0.7);
  progress.epoch(log, 20);
  progress.end();
  expect(written).toEqual([
    "\r\x1b[Kepoch  1/20  step 5/23  loss 0.7000",
    `\r\x1b[K${line.slice(0, 59)}`,
    "\n",
  ]);
});

test("quiet in a pipe, or a line an epoch when asked for", () => {
  const quiet = fake(false);
  const silent = new Progress("auto", quiet.stream);
  silent.step(1, 20, 5, 23, 0.7);
  silent.epoch(log, 20);
  silent.end();
  expect(quiet.written).toEqual([]);
  const asked = fake(false);
  const progress = new Progress(true, asked.stream);
  progress.step(1, 20, 5, 23, 0.7);
  progress.epoch(log, 20);
  progress.end();
  expect(asked.written).toEqual([`${line}\n`]);
});

test("off is off, on a terminal too", () => {
  const { written, stream } = fake(true);
  const progress = new Progress(false, stream);
  progress.epoch(log, 20);
  progress.end();
  expect(written).toEqual([]);
});
