/**
 * The errors of this package and the checks that throw them. Every message has one form:
 * `Expected <what> for <argument> but received <what came>`.
 */

/** What all errors of this package are; `code` tells them apart without comparing classes. */
export class NablaError extends Error {
  static readonly code: string = "ERR_NABLA";
  readonly code: string;

  /** `detail`: a code of its own, or what caused the error. */
  constructor(message: string, detail: string | ErrorOptions = {}) {
    super(message, typeof detail === "string" ? {} : detail);
    this.code = typeof detail === "string" ? detail : new.target.code;
    // Before the trace is taken, since its first line shows the name; not enumerable, so that
    // printing an error does not repeat it.
    Object.defineProperty(this, "name", { value: new.target.name, configurable: true, writable: true });
    Error.captureStackTrace(this, new.target);
  }
}

/** An argument of the wrong kind, or an unknown option. */
export class ArgumentError extends NablaError {
  static override readonly code = "ERR_NABLA_ARGUMENT";
}

/** Shapes that do not fit together, or are no shapes. */
export class ShapeError extends NablaError {
  static override readonly code = "ERR_NABLA_SHAPE";
}

/** An element type that does not fit. */
export class DTypeError extends NablaError {
  static override readonly code = "ERR_NABLA_DTYPE";
}

/** A number of the right kind outside its range: an axis, an index, a rate. */
export class OutOfRangeError extends NablaError {
  static override readonly code = "ERR_NABLA_RANGE";
}

/** Data that cannot be used; `line` or `row` says where, when that is known. */
export class DataError extends NablaError {
  static override readonly code = "ERR_NABLA_DATA";
  /** Line of the file, from 1. */
  declare readonly line?: number;
  /** Row of the data, from 0. */
  declare readonly row?: number;

  constructor(message: string, options: ErrorOptions & { line?: number; row?: number } = {}) {
    super(message, options);
    if (options.line !== undefined) this.line = options.line;
    if (options.row !== undefined) this.row = options.row;
  }
}

/** A file that is not what its format says. */
export class FormatError extends NablaError {
  static override readonly code = "ERR_NABLA_FORMAT";
}

/** A loss or gradient that is NaN or infinite. The model is as it was before that step. */
export class NotFiniteError extends NablaError {
  static override readonly code = "ERR_NABLA_NOT_FINITE";

  constructor(
    message: string,
    /** The step that was refused, from 0. */
    readonly step: number,
    readonly loss: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Something that is in use by a run that has not ended. */
export class BusyError extends NablaError {
  static override readonly code = "ERR_NABLA_BUSY";
}

/** A call that is not possible in this state or place. */
export class StateError extends NablaError {
  static override readonly code = "ERR_NABLA_STATE";
}

/**
 * The one form of message. `received` is described by `describe`, except that a string stands for
 * itself: pass `describe(value)` where the value itself may be a string.
 */
export function expected(what: string, argument: string, received: unknown): string {
  const came = typeof received === "string" ? received : describe(received);
  return `Expected ${what} for ${argument} but received ${came}`;
}

const MAX_TEXT = 40;
const MAX_ITEMS = 6;

/** A value in a few words: `"abc"`, `NaN`, `Float32Array(3)`, `[1, 2]`, `{a, b}`, `function f`. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return value.name ? `function ${value.name}` : "a function";
    case "object":
      return value === null ? "null" : describeObject(value);
    default:
      return String(value);
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return describeArray(value);
  const name = value.constructor?.name ?? "";
  if (ArrayBuffer.isView(value) && "length" in value) return `${name}(${value.length})`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength})`;
  if (value instanceof Map || value instanceof Set) return `${name}(${value.size})`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (name !== "Object" && name !== "") return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
  const keys = Object.keys(value);
  const shown = keys.slice(0, MAX_ITEMS);
  return `{${shown.join(", ")}${keys.length > shown.length ? ", …" : ""}}`;
}

function describeArray(value: readonly unknown[]): string {
  if (value.length > MAX_ITEMS) return `Array(${value.length})`;
  const items = value.map((item) => (Array.isArray(item) ? `Array(${item.length})` : describe(item)));
  return `[${items.join(", ")}]`;
}

export interface IntegerRange {
  min?: number;
  max?: number;
}

export interface NumberRange extends IntegerRange {
  /** The value must be greater than this. */
  minExclusive?: number;
  /** The value must be less than this. */
  maxExclusive?: number;
}

/** `value` when it is a safe integer in `range`. */
export function checkInteger(value: unknown, name: string, range: IntegerRange = {}): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new ArgumentError(expected(`an integer${rangeText(range)}`, name, describe(value)));
  }
  if (inRange(value, range)) return value;
  throw new OutOfRangeError(expected(`an integer${rangeText(range)}`, name, value));
}

/** `value` when it is a finite number in `range`. */
export function checkNumber(value: unknown, name: string, range: NumberRange = {}): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new ArgumentError(expected(`a finite number${rangeText(range)}`, name, describe(value)));
  }
  if (inRange(value, range)) return value;
  throw new OutOfRangeError(expected(`a finite number${rangeText(range)}`, name, value));
}

function inRange(value: number, { min, max, minExclusive, maxExclusive }: NumberRange): boolean {
  if (min !== undefined && value < min) return false;
  if (max !== undefined && value > max) return false;
  if (minExclusive !== undefined && value <= minExclusive) return false;
  return maxExclusive === undefined || value < maxExclusive;
}

function rangeText({ min, max, minExclusive, maxExclusive }: NumberRange): string {
  const low = minExclusive !== undefined ? `> ${minExclusive}` : min !== undefined ? `>= ${min}` : "";
  const high = maxExclusive !== undefined ? `< ${maxExclusive}` : max !== undefined ? `<= ${max}` : "";
  const bounds = [low, high].filter((text) => text !== "");
  return bounds.length > 0 ? ` ${bounds.join(" and ")}` : "";
}

/** `value` when it is one of `choices`. */
export function checkOneOf<const T extends string | number | boolean>(
  value: unknown,
  choices: readonly T[],
  name: string,
): T {
  if (choices.includes(value as T)) return value as T;
  const list = choices.map((choice) => describe(choice)).join(", ");
  const what = choices.length === 1 ? list : `one of ${list}`;
  throw new ArgumentError(expected(what, name, describe(value)));
}

export function checkBoolean(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new ArgumentError(expected("true or false", name, describe(value)));
}

export function checkString(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new ArgumentError(expected("a string", name, describe(value)));
}

export function checkFunction<T extends (...args: never[]) => unknown>(value: T, name: string): T {
  if (typeof value === "function") return value;
  throw new ArgumentError(expected("a function", name, describe(value)));
}

/** `options` when it is an object with no key outside `allowed`. */
export function checkOptions<T extends object>(options: T, allowed: readonly string[], name: string): T {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ArgumentError(expected("an object of options", name, describe(options)));
  }
  for (const key of Object.keys(options)) {
    if (allowed.includes(key)) continue;
    const near = nearest(key, allowed);
    const hint = near === undefined ? "" : ` (did you mean ${describe(near)}?)`;
    const what = allowed.length === 0 ? "no options" : `options among ${allowed.join(", ")}`;
    throw new ArgumentError(`${expected(what, name, describe(key))}${hint}`);
  }
  return options;
}

/** The candidate fewest edits away from `word`, when that is no more than about half of the word. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein's distance: insertions, deletions and replacements from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(replace, previous[j] + 1, current[j - 1] + 1);
    }
    previous = current;
  }
  return previous[b.length];
}
