import type { Column, NumericColumn } from "./columns.js";
import type { FittedStep, JsonReader } from "./step.js";

export interface AffineMap {
  readonly offset: number;
  readonly scale: number;
}

/** y = (x − offset)/scale, each numeric column with an offset and a scale of its own. */
export class Affine implements FittedStep {
  readonly kind = "affine";

  constructor(readonly maps: ReadonlyMap<string, AffineMap>) {}

  /** One map a numeric column, made from its values that are not missing. */
  static fit(columns: readonly Column[], map: (column: NumericColumn) => AffineMap): Affine {
    const numeric = columns.filter((column) => column.kind === "numeric");
    return new Affine(new Map(numeric.map((column) => [column.name, map(column)])));
  }

  static fromJSON(json: JsonReader): Affine {
    const columns = json.field("columns").list();
    return new Affine(new Map(columns.map((column) => [column.field("name").text(), readAffineMap(column)])));
  }

  apply(columns: readonly Column[]): Column[] {
    return columns.map((column) => {
      const map = this.maps.get(column.name);
      if (map === undefined || column.kind !== "numeric") return column;
      return { ...column, values: column.values.map((x) => (x - map.offset) / map.scale) };
    });
  }

  toJSON() {
    return { kind: this.kind, columns: [...this.maps].map(([name, map]) => ({ name, ...map })) };
  }
}

export function readAffineMap(json: JsonReader): AffineMap {
  const scale = json.field("scale");
  if (scale.number() === 0) scale.fail("a number other than 0");
  return { offset: json.field("offset").number(), scale: scale.number() };
}
