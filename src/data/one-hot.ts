import { checkInteger, checkOptions } from "../errors.js";
import { type CategoricalColumn, type Column, type NumericColumn, present } from "./columns.js";
import type { FittedStep, JsonReader, Step } from "./step.js";

export interface OneHotOptions {
  /** At most this many categories of a column are kept, the most frequent; 256 by default. */
  maxCategories?: number;
}

/**
 * Every categorical column becomes one column a category of the training rows, in order of their
 * names: 1 where the value is that category, else 0. A missing value, a category not seen in
 * training and one beyond the most frequent `maxCategories` is 0 in all of them.
 */
export function oneHot(options: OneHotOptions = {}): Step {
  checkOptions(options, ["maxCategories"], "oneHot");
  const most = checkInteger(options.maxCategories ?? 256, "maxCategories", { min: 1 });
  return {
    fit: (columns) => {
      const categorical = columns.filter((column) => column.kind === "categorical");
      return new OneHot(new Map(categorical.map((column) => [column.name, categoriesOf(column, most)])));
    },
  };
}

function categoriesOf(column: CategoricalColumn, most: number): string[] {
  const counts = new Map<string, number>();
  for (const value of present(column).sort()) counts.set(value, (counts.get(value) ?? 0) + 1);
  // The sort is stable: of equally frequent categories the first by name stay.
  const frequent = [...counts].sort(([, a], [, b]) => b - a).slice(0, most);
  return frequent.map(([category]) => category).sort();
}

/** The known categories of each column as columns of their own. */
export class OneHot implements FittedStep {
  readonly kind = "oneHot";

  constructor(readonly categories: ReadonlyMap<string, readonly string[]>) {}

  static fromJSON(json: JsonReader): OneHot {
    const categories = json
      .field("columns")
      .list()
      .map((column): [string, string[]] => {
        const names = column
          .field("categories")
          .list()
          .map((category) => category.text());
        return [column.field("name").text(), names];
      });
    return new OneHot(new Map(categories));
  }

  apply(columns: readonly Column[]): Column[] {
    return columns.flatMap((column) => {
      const categories = this.categories.get(column.name);
      if (categories === undefined || column.kind !== "categorical") return [column];
      return categories.map(
        (category): NumericColumn => ({
          kind: "numeric",
          name: `${column.name}=${category}`,
          values: Float64Array.from(column.values, (value) => (value === category ? 1 : 0)),
        }),
      );
    });
  }

  toJSON() {
    const columns = [...this.categories].map(([name, categories]) => ({ name, categories }));
    return { kind: this.kind, columns };
  }
}
