/** What a training shows on standard error: one line, redrawn, on a terminal; a line an epoch elsewhere. */

import type { EpochLog } from "./history.js";

/** "auto": on a terminal only. */
export type ProgressMode = boolean | "auto";

const REDRAW_MS = 60;

const number = (x: number): string =>
  x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5) ? x.toExponential(2) : x.toFixed(4);
const shares = new Set(["accuracy", "precision", "recall", "f1"]);

function figure(name: string, value: number): string {
  const isShare = shares.has(name) || /^top\d+$/.test(name);
  return `${name} ${isShare ? `${(100 * value).toFixed(1)} %` : number(value)}`;
}

/** One epoch in one line. `last`: the number of its last epoch. */
export function describeEpoch(log: EpochLog, last: number): string {
  const parts = [
    `epoch ${String(log.epoch).padStart(String(last).length)}/${last}`,
    figure("loss", log.loss),
  ];
  for (const [name, value] of Object.entries(log.metrics)) parts.push(figure(name, value));
  if (log.validation !== null) {
    const values = Object.entries(log.validation).map(([name, value]) => figure(name, value));
    parts.push(`validation ${values.join(", ")}`);
  }
  parts.push(`${log.seconds.toFixed(log.seconds < 10 ? 2 : 0)} s`);
  return parts.join("  ");
}

export class Progress {
  private readonly terminal: boolean;
  readonly active: boolean;
  private drawn = 0;
  private previous = "";

  constructor(
    mode: ProgressMode,
    private readonly stream: NodeJS.WriteStream = process.stderr,
  ) {
    this.terminal = stream.isTTY === true;
    this.active = mode === true || (mode === "auto" && this.terminal);
  }

  /** `done` of `steps` steps of an epoch, with the loss of the latest ones. */
  step(epoch: number, last: number, done: number, steps: number, loss: number): void {
    const now = Date.now();
    if (!this.active || !this.terminal || now - this.drawn < REDRAW_MS) return;
    this.drawn = now;
    this.draw(
      `epoch ${String(epoch).padStart(String(last).length)}/${last}  step ${done}/${steps}  loss ${number(loss)}${this.previous}`,
    );
  }

  epoch(log: EpochLog, last: number): void {
    if (!this.active) return;
    const line = describeEpoch(log, last);
    if (this.terminal) this.draw(line);
    else this.stream.write(`${line}\n`);
    const accuracy = log.validation?.accuracy ?? log.metrics.accuracy;
    this.previous = accuracy === undefined ? "" : `  ${figure("accuracy", accuracy)}`;
  }

  /** The last line stays. */
  end(): void {
    if (this.active && this.terminal && this.drawn > 0) this.stream.write("\n");
  }

  private draw(line: string): void {
    this.drawn = Date.now();
    const width = this.stream.columns ?? 80;
    this.stream.write(`\r\x1b[K${line.length < width ? line : line.slice(0, width - 1)}`);
  }
}
