import { checkOneOf, DataError, describe, expected, StateError } from "../errors.js";
import { type Column, columnIndex, type NumericColumn, takeRows } from "./columns.js";
import { checkIndices, type SplitOptions, splitRows, type Task } from "./dataset.js";

export interface TableParts {
  columns: readonly Column[];
  /** Name or number of the column to be predicted. */
  target?: string | number | undefined;
  /** By default found out from the target. */
  task?: Task | undefined;
  /** The line of each row in the file it came from. */
  lines?: ArrayLike<number> | undefined;
}

const MAX_CLASSES = 20;
const ROWS_PER_CLASS = 5;

/** Rows of named, typed columns, one of which may be the target. A fitted Preprocessor makes a Dataset of it. */
export class Table {
  readonly columns: readonly Column[];
  readonly length: number;
  readonly target: Column | undefined;
  readonly task: Task | undefined;
  readonly lines: ArrayLike<number> | undefined;

  constructor(parts: TableParts) {
    const { columns, target, lines } = parts;
    this.columns = columns;
    this.length = columns[0]?.values.length ?? 0;
    this.lines = lines;
    const uneven = columns.find((column) => column.values.length !== this.length);
    if (uneven) {
      throw new DataError(
        expected(`${this.length} values`, `column ${uneven.name}`, `${uneven.values.length}`),
      );
    }
    if (target === undefined) return;
    const names = columns.map((column) => column.name);
    this.target = columns[columnIndex(names, target, "target")]!;
    this.#refuseMissing(this.target);
    this.task = parts.task ?? taskOf(this.target);
    checkOneOf(this.task, ["classification", "regression"], "task");
    this.#checkTask(this.target, this.task);
  }

  /** All columns but the target. */
  get features(): Column[] {
    return this.columns.filter((column) => column !== this.target);
  }

  column(name: string): Column {
    return this.columns[
      columnIndex(
        this.columns.map((column) => column.name),
        name,
        "column",
      )
    ]!;
  }

  /** These rows, in this order. */
  subset(indices: ArrayLike<number>): Table {
    checkIndices(indices, this.length);
    return new Table({
      columns: this.columns.map((column) => takeRows(column, indices)),
      target: this.target?.name,
      task: this.task,
      lines: this.lines && Int32Array.from(indices, (row) => this.lines![row]!),
    });
  }

  /** A random share `fraction` of the rows, and the rest. */
  split(fraction: number, options: SplitOptions = {}): [Table, Table] {
    const labels = this.target && this.task === "classification" ? classLabels(this.target) : undefined;
    const [first, second] = splitRows(this.length, fraction, options, labels);
    return [this.subset(first), this.subset(second)];
  }

  /** An error about one value, with the line it came from where that is known. */
  errorAt(column: Column, row: number, what: string): DataError {
    const line = this.lines?.[row];
    const place = line === undefined ? `row ${row}` : `line ${line}`;
    const value = column.values[row];
    const came = value === null || Number.isNaN(value) ? "a missing value" : describe(value);
    return new DataError(
      expected(what, `column ${column.name}, ${place}`, came),
      line === undefined ? { row } : { row, line },
    );
  }

  #refuseMissing(target: Column): void {
    const missing = (value: string | number | null) => value === null || Number.isNaN(value);
    for (let row = 0; row < this.length; row++) {
      if (missing(target.values[row]!)) throw this.errorAt(target, row, "a target");
    }
  }

  #checkTask(target: Column, task: Task): void {
    if (task === "regression" && target.kind === "categorical") {
      const row = target.values.findIndex((value) => !Number.isFinite(Number(value)));
      throw this.errorAt(target, Math.max(row, 0), "a number to regress on");
    }
    if (task === "classification" && target.kind === "numeric") {
      const row = target.values.findIndex((value) => !Number.isInteger(value));
      if (row >= 0) throw this.errorAt(target, row, "an integer class label");
    }
  }

  /** The target, for code that needs one. */
  requireTarget(): Column {
    if (this.target) return this.target;
    throw new StateError(expected("a target column", "this table", "none (pass the option target)"));
  }
}

/**
 * Strings are classes. Numbers are classes when all are integers, at most 20 distinct ones, and
 * each stands for at least 5 rows on average, or there are only two; otherwise quantities.
 */
function taskOf(target: Column): Task {
  if (target.kind === "categorical") return "classification";
  if (!target.values.every(Number.isInteger)) return "regression";
  const distinct = new Set(target.values).size;
  const few = distinct <= MAX_CLASSES && distinct * ROWS_PER_CLASS <= target.values.length;
  return few || distinct <= 2 ? "classification" : "regression";
}

/** Distinct values of a target in order: numbers by size, strings by code unit. */
export function classesOf(target: Column): string[] {
  if (target.kind === "numeric")
    return [...new Set((target as NumericColumn).values)].sort((a, b) => a - b).map(String);
  return [...new Set(target.values as readonly string[])].sort();
}

/** The position of each target in `classes`; −1 for one that is not among them. */
export function classLabels(target: Column, classes: readonly string[] = classesOf(target)): Int32Array {
  const label = new Map(classes.map((name, i) => [name, i]));
  return Int32Array.from(
    target.values as ArrayLike<string | number>,
    (value) => label.get(String(value)) ?? -1,
  );
}
