import { ArgumentError, checkOptions, DataError, describe, expected } from "../errors.js";
import { type Column, present } from "./columns.js";
import type { FittedStep, JsonReader, Step } from "./step.js";

export interface ImputeOptions {
  /** What a missing number becomes, "mean" by default; a number stands for itself. */
  numeric?: "mean" | "median" | "mode" | number;
  /** What a missing category becomes, by default the mode (the most frequent); any other text stands for itself. */
  categorical?: string;
}

const statistics: Record<string, (values: Float64Array) => number> = {
  /** (1/m)·Σ x */
  mean: (values) => values.reduce((sum, x) => sum + x, 0) / values.length,
  /** The middle value in order; of two middle values their mean. */
  median: (values) => {
    const sorted = values.slice().sort();
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  },
  mode: (values) => mode([...values].sort((a, b) => a - b)),
};

/** The most frequent value; of equally frequent ones the first. */
function mode<T>(sorted: readonly T[]): T {
  const counts = new Map<T, number>();
  for (const value of sorted) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best = sorted[0] as T;
  for (const [value, count] of counts) if (count > counts.get(best)!) best = value;
  return best;
}

/** Missing values become the mean, the median, the mode (ties: the smallest) or a constant of the training rows. */
export function impute(options: ImputeOptions = {}): Step {
  checkOptions(options, ["numeric", "categorical"], "impute");
  const numeric = options.numeric ?? "mean";
  const categorical = options.categorical ?? "mode";
  const known = typeof numeric === "number" ? Number.isFinite(numeric) : Object.hasOwn(statistics, numeric);
  if (!known) {
    throw new ArgumentError(
      expected('"mean", "median", "mode" or a finite number', "numeric", describe(numeric)),
    );
  }
  if (typeof categorical !== "string") {
    throw new ArgumentError(expected('"mode" or a category', "categorical", describe(categorical)));
  }
  const fill = (column: Column): number | string => {
    if (column.kind === "numeric") {
      if (typeof numeric === "number") return numeric;
      return statistics[numeric]!(nonEmpty(present(column), column));
    }
    return categorical === "mode" ? mode(nonEmpty(present(column), column).sort()) : categorical;
  };
  return { fit: (columns) => new Imputed(new Map(columns.map((column) => [column.name, fill(column)]))) };
}

function nonEmpty<T extends ArrayLike<unknown>>(values: T, column: Column): T {
  if (values.length > 0) return values;
  throw new DataError(expected("at least one value in the training rows", `column ${column.name}`, "none"));
}

/** Missing values of each column replaced by one value. */
export class Imputed implements FittedStep {
  readonly kind = "impute";

  constructor(readonly fills: ReadonlyMap<string, number | string>) {}

  static fromJSON(json: JsonReader): Imputed {
    const fills = json
      .field("columns")
      .list()
      .map((column): [string, number | string] => {
        const value = column.field("value");
        return [column.field("name").text(), typeof value.value === "string" ? value.value : value.number()];
      });
    return new Imputed(new Map(fills));
  }

  apply(columns: readonly Column[]): Column[] {
    return columns.map((column) => {
      const fill = this.fills.get(column.name);
      if (column.kind === "numeric" && typeof fill === "number") {
        return { ...column, values: column.values.map((x) => (Number.isNaN(x) ? fill : x)) };
      }
      if (column.kind === "categorical" && typeof fill === "string") {
        return { ...column, values: column.values.map((value) => value ?? fill) };
      }
      return column;
    });
  }

  toJSON() {
    return { kind: this.kind, columns: [...this.fills].map(([name, value]) => ({ name, value })) };
  }
}
