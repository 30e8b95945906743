/** Tables from comma-separated values. */

import { readFile } from "node:fs/promises";
import { CsvError, parse } from "csv-parse/sync";
import { ArgumentError, checkBoolean, checkOptions, DataError, describe, expected } from "../errors.js";
import { type Column, columnIndex } from "./columns.js";
import type { Task } from "./dataset.js";
import { Table } from "./table.js";

export interface CsvOptions {
  /** Name or number of the column to be predicted; negative numbers count from the end. */
  target?: string | number;
  /** By default classification when the target is text or a few distinct integers. */
  task?: Task;
  /** What stands for a missing value. */
  missing?: readonly string[];
  /** Whether the first line holds names; by default found out. Without names columns are c0, c1, … */
  header?: boolean;
  /** One character; by default found out from the first line: comma, semicolon, tab or bar. */
  separator?: string;
  /** Columns to leave out. */
  ignore?: readonly (string | number)[];
}

const optionNames = ["target", "task", "missing", "header", "separator", "ignore"];

export const defaultMissing: readonly string[] = ["", "?", "NA", "N/A", "NaN", "nan", "null", "NULL"];

/** The table in a CSV file, plain UTF-8. */
export async function csv(file: string, options: CsvOptions = {}): Promise<Table> {
  return parseCsv(await readFile(file, "utf8"), options, file);
}

/**
 * The table in CSV text. A column is numeric when every value that is not missing is a number,
 * otherwise categorical. `name` is what errors call the text.
 */
export function parseCsv(text: string, options: CsvOptions = {}, name = "CSV text"): Table {
  checkOptions(options, optionNames, "csv");
  const missing = new Set(options.missing ?? defaultMissing);
  const { records, lines } = readRecords(text, separatorOf(text, options.separator), name);
  const header =
    options.header === undefined ? looksLikeHeader(records, missing) : checkBoolean(options.header, "header");
  const names = header ? columnNames(records[0]!, name) : records[0]!.map((_, i) => `c${i}`);
  const rows = header ? records.slice(1) : records;
  if (rows.length === 0) {
    throw new DataError(expected("at least one row of data", `${name}, line 2`, "only a header line"), {
      line: 2,
    });
  }
  const rowLines = header ? lines.slice(1) : lines;
  const ignored = new Set((options.ignore ?? []).map((which) => columnIndex(names, which, "ignore")));
  const target = options.target === undefined ? undefined : columnIndex(names, options.target, "target");
  if (target !== undefined && ignored.has(target)) {
    throw new ArgumentError(expected("a column that is not ignored", "target", describe(options.target)));
  }
  const columns: Column[] = [];
  names.forEach((columnName, i) => {
    if (!ignored.has(i))
      columns.push(
        typedColumn(
          columnName,
          rows.map((row) => row[i]!),
          missing,
          rowLines,
        ),
      );
  });
  const targetName = target === undefined ? undefined : names[target];
  return new Table({ columns, target: targetName, task: options.task, lines: rowLines });
}

/** The cells of every row, all rows equally long, with the line each row ends on. */
function readRecords(text: string, separator: string, name: string) {
  const lines: number[] = [];
  const records: string[][] = [];
  // The parser counts \r\n inside quotes as two lines, so line ends are made one character first.
  const unix = text.replace(/\r\n?/g, "\n");
  try {
    parse(unix, {
      bom: true,
      delimiter: separator,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      on_record: (record: string[], { lines: line }) => {
        records.push(record);
        lines.push(line);
        return null;
      },
    });
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const line = typeof cause.lines === "number" ? cause.lines : lines.length + 1;
    throw new DataError(expected("well-formed CSV", `${name}, line ${line}`, cause.message), { cause, line });
  }
  const width = records[0]?.length;
  if (width === undefined) {
    throw new DataError(expected("at least one row of data", `${name}, line 1`, "an empty file"), {
      line: 1,
    });
  }
  const ragged = records.findIndex((record) => record.length !== width);
  if (ragged >= 0) {
    const line = lines[ragged]!;
    const what = `${width} values, as many as in the first row,`;
    throw new DataError(expected(what, `${name}, line ${line}`, `${records[ragged]!.length}`), { line });
  }
  return { records, lines };
}

/** The separator given, or the candidate that the first line has most of outside quotes. */
function separatorOf(text: string, given: string | undefined): string {
  if (given !== undefined) {
    if (typeof given === "string" && given.length === 1 && !/["\r\n]/.test(given)) return given;
    throw new ArgumentError(expected("one character", "separator", describe(given)));
  }
  const first = /[^\r\n]+/.exec(text)?.[0] ?? "";
  const plain = first.replace(/"[^"]*"/g, "");
  const count = (separator: string) => plain.split(separator).length - 1;
  return [",", ";", "\t", "|"].reduce((best, next) => (count(next) > count(best) ? next : best));
}

const numberPattern = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)$/i;
const isNumber = (cell: string): boolean => numberPattern.test(cell);

/**
 * A first line is taken for names when its cells are distinct and none is a number or missing, and
 * either some column below it is all numbers or none of the names occurs below in its own column.
 */
function looksLikeHeader(records: readonly string[][], missing: ReadonlySet<string>): boolean {
  const [first, ...rest] = records as [string[], ...string[][]];
  if (first.some((cell) => isNumber(cell) || missing.has(cell))) return false;
  if (new Set(first).size !== first.length) return false;
  if (rest.length === 0) return true;
  const values = first.map((_, i) => rest.map((row) => row[i]!).filter((cell) => !missing.has(cell)));
  if (values.some((cells) => cells.length > 0 && cells.every(isNumber))) return true;
  return first.every((cell, i) => !values[i]!.includes(cell));
}

function columnNames(first: readonly string[], file: string): string[] {
  const names = first.map((cell, i) => (cell === "" ? `c${i}` : cell));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new DataError(expected("distinct column names", `${file}, line 1`, `${describe(twice)} twice`), {
      line: 1,
    });
  }
  return names;
}

function typedColumn(
  name: string,
  cells: readonly string[],
  missing: ReadonlySet<string>,
  lines: readonly number[],
): Column {
  if (!cells.every((cell) => missing.has(cell) || isNumber(cell))) {
    return { kind: "categorical", name, values: cells.map((cell) => (missing.has(cell) ? null : cell)) };
  }
  // "inf" is no number to JavaScript, and an overflowing one is infinite: neither can be trained on.
  const values = Float64Array.from(cells, (cell) => {
    if (missing.has(cell)) return Number.NaN;
    return /^[+-]?i/i.test(cell) ? Number.POSITIVE_INFINITY : Number(cell);
  });
  const row = values.findIndex((value) => Math.abs(value) === Number.POSITIVE_INFINITY);
  if (row >= 0) {
    const line = lines[row]!;
    throw new DataError(expected("a finite number", `column ${name}, line ${line}`, cells[row]!), {
      line,
      row,
    });
  }
  return { kind: "numeric", name, values };
}
