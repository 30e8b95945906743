import { type CategoricalColumn, type Column, type NumericColumn, Table } from "../data/index.js";

const DAY_MS = 86_400_000;
const YEAR_DAYS = 365.2425;
const datePattern = /^\d{4}-\d{2}-\d{2}$/;

/** Days from 1970; NaN for a missing value. */
const daysOf = (date: string | null): number => (date === null ? Number.NaN : Date.parse(date) / DAY_MS);

const isDates = (column: Column): column is CategoricalColumn =>
  column.kind === "categorical" &&
  column.values.some((value) => value !== null) &&
  column.values.every(
    (value) => value === null || (datePattern.test(value) && !Number.isNaN(Date.parse(value))),
  );

/** Each column of dates (YYYY-MM-DD) becomes its day number and the place in the year as an angle's sine and cosine. */
export function expandDates(table: Table): Table {
  const columns = table.columns.flatMap((column) =>
    column !== table.target && isDates(column) ? numbersOf(column) : [column],
  );
  return new Table({ columns, target: table.target?.name, task: table.task, lines: table.lines });
}

function numbersOf({ name, values }: CategoricalColumn): NumericColumn[] {
  const days = values.map(daysOf);
  const angle = (day: number) => (2 * Math.PI * day) / YEAR_DAYS;
  const column = (suffix: string, map: (day: number) => number): NumericColumn => ({
    kind: "numeric",
    name: `${name}.${suffix}`,
    values: Float64Array.from(days, map),
  });
  return [
    column("day", (day) => day),
    column("sine", (day) => Math.sin(angle(day))),
    column("cosine", (day) => Math.cos(angle(day))),
  ];
}
