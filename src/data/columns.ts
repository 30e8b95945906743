/** Columns of a table: what CSV files are read into and what preprocessing works on. */

import { ArgumentError, describe, expected } from "../errors.js";

export interface NumericColumn {
  readonly kind: "numeric";
  readonly name: string;
  /** NaN: missing. */
  readonly values: Float64Array;
}

export interface CategoricalColumn {
  readonly kind: "categorical";
  readonly name: string;
  /** null: missing. */
  readonly values: readonly (string | null)[];
}

export type Column = NumericColumn | CategoricalColumn;

/** The column's values at these rows. */
export function takeRows(column: Column, rows: ArrayLike<number>): Column {
  const take = <T>(values: ArrayLike<T>) => Array.from(rows, (row) => values[row]!);
  return column.kind === "numeric"
    ? { ...column, values: Float64Array.from(rows, (row) => column.values[row]!) }
    : { ...column, values: take(column.values) };
}

/** The values that are there, not to be written to. */
export function present(column: NumericColumn): Float64Array;
export function present(column: CategoricalColumn): string[];
export function present(column: Column): Float64Array | string[] {
  if (column.kind === "categorical") return column.values.filter((value) => value !== null);
  // Mostly nothing is missing; then nothing is copied.
  return column.values.some((value) => Number.isNaN(value))
    ? column.values.filter((value) => !Number.isNaN(value))
    : column.values;
}

/** The position of a column given by name or by number; negative numbers count from the end. */
export function columnIndex(names: readonly string[], which: string | number, argument: string): number {
  if (typeof which === "number" && Number.isInteger(which)) {
    const index = which < 0 ? which + names.length : which;
    if (index >= 0 && index < names.length) return index;
  } else if (typeof which === "string") {
    const index = names.indexOf(which);
    if (index >= 0) return index;
    // A number typed on a command line; a column of that very name wins.
    if (/^-?\d+$/.test(which)) return columnIndex(names, Number(which), argument);
  }
  const list = names.length > 12 ? `${names.slice(0, 12).join(", ")}, …` : names.join(", ");
  const what = `a column (${list}) or its number in ${-names.length}..${names.length - 1}`;
  throw new ArgumentError(expected(what, argument, describe(which)));
}
