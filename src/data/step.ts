/** One step of preprocessing: fitted on training rows, then applied to any rows. */

import { describe, expected, FormatError } from "../errors.js";
import type { Column } from "./columns.js";

/** A step that has learned nothing yet. */
export interface Step {
  fit(columns: readonly Column[]): FittedStep;
}

/** A step with what it learned. Columns are matched by name; the others pass unchanged. */
export interface FittedStep {
  readonly kind: string;
  apply(columns: readonly Column[]): Column[];
  toJSON(): { kind: string };
}

/** The fields of parsed JSON, each checked as it is read; a wrong one is a FormatError. */
export class JsonReader {
  constructor(
    readonly value: unknown,
    readonly place: string,
  ) {}

  fail(what: string): never {
    throw new FormatError(expected(what, this.place, describe(this.value)));
  }

  field(key: string): JsonReader {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.fail("an object");
    const inner = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
    return new JsonReader(inner, `${this.place}.${key}`);
  }

  list(): JsonReader[] {
    if (!Array.isArray(this.value)) this.fail("a list");
    return this.value.map((item, i) => new JsonReader(item, `${this.place}[${i}]`));
  }

  text(): string {
    return typeof this.value === "string" ? this.value : this.fail("a string");
  }

  number(): number {
    return typeof this.value === "number" && Number.isFinite(this.value)
      ? this.value
      : this.fail("a finite number");
  }

  oneOf<T extends string>(...choices: T[]): T {
    return choices.includes(this.value as T) ? (this.value as T) : this.fail(choices.join(" or "));
  }
}
