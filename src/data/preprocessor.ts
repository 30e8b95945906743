import {
  ArgumentError,
  checkBoolean,
  checkOptions,
  DataError,
  describe,
  expected,
  FormatError,
  StateError,
} from "../errors.js";
import { sizeOf } from "../shape.js";
import { Affine } from "./affine.js";
import type { Column } from "./columns.js";
import { Dataset } from "./dataset.js";
import { Imputed, impute } from "./impute.js";
import { OneHot, oneHot } from "./one-hot.js";
import { standardize } from "./standardize.js";
import { type FittedStep, JsonReader, type Step } from "./step.js";
import { Table } from "./table.js";
import {
  type FittedTarget,
  fitTarget,
  scaled,
  tableTargets,
  targetFromJSON,
  targetToJSON,
  unscaled,
} from "./target.js";

export interface PreprocessorOptions {
  /** Train on y = (t − μ)/σ in regression; `unscaleTargets` brings predictions back. Off by default. */
  scaleTarget?: boolean;
}

interface Input {
  readonly name: string;
  readonly kind: Column["kind"];
}

interface Fitted {
  readonly inputs: readonly Input[];
  readonly steps: readonly FittedStep[];
  readonly target: FittedTarget | undefined;
}

const readers: Record<string, (json: JsonReader) => FittedStep> = {
  affine: Affine.fromJSON,
  impute: Imputed.fromJSON,
  oneHot: OneHot.fromJSON,
};

/**
 * What is done to rows before a network sees them: steps that learn from the training rows only
 * (`fit`) and are then applied to any rows (`transform`). Saved with a model by `toJSON`.
 */
export class Preprocessor {
  readonly #steps: readonly Step[];
  readonly #scaleTarget: boolean;
  #fitted: Fitted | undefined;

  /** By default missing values are imputed, numbers standardised, and categories one-hot encoded. */
  constructor(
    steps: readonly Step[] = [impute(), standardize(), oneHot()],
    options: PreprocessorOptions = {},
  ) {
    if (!Array.isArray(steps)) throw new ArgumentError(expected("a list of steps", "steps", describe(steps)));
    for (const step of steps) {
      if (typeof step?.fit !== "function")
        throw new ArgumentError(expected("a step", "steps", describe(step)));
    }
    checkOptions(options, ["scaleTarget"], "Preprocessor");
    this.#steps = steps;
    this.#scaleTarget = checkBoolean(options.scaleTarget ?? false, "scaleTarget");
  }

  /** Learns from the training rows; what was learned before is forgotten. */
  fit(training: Table | Dataset): this {
    const inputs = columnsOf(training);
    if (training.length === 0) throw new DataError(expected("at least one row", "fit", "none"));
    const steps: FittedStep[] = [];
    let columns: readonly Column[] = inputs;
    for (const step of this.#steps) {
      const fitted = step.fit(columns);
      columns = fitted.apply(columns);
      steps.push(fitted);
    }
    this.#fitted = {
      inputs: inputs.map(({ name, kind }) => ({ name, kind })),
      steps,
      target: fitTarget(training, this.#scaleTarget),
    };
    return this;
  }

  /** The rows as a network wants them. The source must have a target. */
  transform(source: Table | Dataset): Dataset {
    const fitted = this.#require();
    const { features, shape, featureNames } = this.transformFeatures(source);
    if (source instanceof Dataset) {
      const targets = scaled(source.targets, fitted.target);
      return new Dataset({
        features,
        shape,
        targets,
        targetShape: source.targetShape,
        classNames: source.classNames,
        featureNames,
      });
    }
    return new Dataset({ features, shape, featureNames, ...tableTargets(source, fitted.target) });
  }

  /** The features alone, for rows whose target is not known. */
  transformFeatures(source: Table | Dataset): {
    features: Float32Array;
    shape: number[];
    featureNames: string[];
  } {
    const { inputs, steps } = this.#require();
    let columns = matchColumns(source, inputs);
    for (const step of steps) columns = step.apply(columns);
    const features = interleave(columns, source);
    const keepsShape = source instanceof Dataset && sizeOf(source.shape) === columns.length;
    return {
      features,
      shape: keepsShape ? [...source.shape] : [columns.length],
      featureNames: columns.map((column) => column.name),
    };
  }

  fitTransform(training: Table | Dataset): Dataset {
    return this.fit(training).transform(training);
  }

  /** Names of the classes, in the order of their labels; undefined in regression. */
  get classNames(): readonly string[] | undefined {
    return this.#require().target?.classes;
  }

  /** Predictions in the target's own units: t = μ + σ·y. */
  unscaleTargets(predictions: Float32Array): Float32Array {
    return unscaled(predictions, this.#require().target);
  }

  toJSON() {
    const { inputs, steps, target } = this.#require();
    return { version: 1, inputs, steps: steps.map((step) => step.toJSON()), target: targetToJSON(target) };
  }

  /** The preprocessor that `toJSON` described; `json` is that object or its text. */
  static fromJSON(json: unknown): Preprocessor {
    const reader = new JsonReader(typeof json === "string" ? parseText(json) : json, "preprocessor");
    const version = reader.field("version");
    if (version.value !== 1) version.fail("1");
    const preprocessor = new Preprocessor([]);
    preprocessor.#fitted = {
      inputs: reader
        .field("inputs")
        .list()
        .map((input) => ({
          name: input.field("name").text(),
          kind: input.field("kind").oneOf("numeric", "categorical"),
        })),
      steps: reader
        .field("steps")
        .list()
        .map((step) => {
          const kind = step.field("kind");
          return readers[kind.oneOf(...Object.keys(readers))]!(step);
        }),
      target: targetFromJSON(reader.field("target")),
    };
    return preprocessor;
  }

  #require(): Fitted {
    if (this.#fitted) return this.#fitted;
    throw new StateError(expected("a fitted preprocessor", "this call", "one on which fit was not called"));
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(expected("JSON", "preprocessor", describe(text)), { cause });
  }
}

/** The features of a source as columns. */
function columnsOf(source: Table | Dataset): Column[] {
  if (source instanceof Table) return source.features;
  if (!(source instanceof Dataset))
    throw new ArgumentError(expected("a Table or a Dataset", "rows", describe(source)));
  const width = sizeOf(source.shape);
  const values = Array.from({ length: width }, () => new Float64Array(source.length));
  // Row by row, as the features lie in memory.
  for (let row = 0, at = 0; row < source.length; row++) {
    for (let i = 0; i < width; i++) values[i]![row] = source.features[at++]!;
  }
  return values.map((column, i) => ({
    kind: "numeric",
    name: source.featureNames?.[i] ?? `f${i}`,
    values: column,
  }));
}

/** The source's columns that the preprocessor was fitted on, in that order and of that kind. */
function matchColumns(source: Table | Dataset, inputs: readonly Input[]): Column[] {
  const columns = new Map(columnsOf(source).map((column) => [column.name, column]));
  return inputs.map(({ name, kind }) => {
    const column = columns.get(name);
    if (column === undefined) {
      const names = [...columns.keys()].slice(0, 12).join(", ");
      throw new DataError(
        expected(`a column ${describe(name)}, which was there in training,`, "the rows", `columns ${names}`),
      );
    }
    if (column.kind === kind) return column;
    if (column.kind === "numeric") {
      const values = Array.from(column.values, (value) => (Number.isNaN(value) ? null : String(value)));
      return { kind: "categorical", name, values };
    }
    const row = column.values.findIndex((value) => value !== null && !Number.isFinite(Number(value)));
    if (row >= 0) throw errorAt(source, column, row, "a number, as in training,");
    const values = Float64Array.from(column.values, (value) => (value === null ? Number.NaN : Number(value)));
    return { kind: "numeric", name, values };
  });
}

/** Columns to rows: (N, number of columns). Every value must be a finite float32. */
function interleave(columns: readonly Column[], source: Table | Dataset): Float32Array {
  const width = columns.length;
  const values = columns.map((column) => {
    if (column.kind === "numeric") return column.values;
    const what = "numbers after all steps (oneHot makes them of categories)";
    throw new DataError(expected(what, `column ${column.name}`, "categories"));
  });
  const features = new Float32Array(source.length * width);
  for (let row = 0, at = 0; row < source.length; row++) {
    for (let i = 0; i < width; i++) features[at++] = values[i]![row]!;
  }
  const bad = features.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const column = columns[bad % width]!;
    const what = Number.isNaN(features[bad]) ? "a value (impute fills missing ones)" : "a finite float32";
    throw errorAt(source, column, Math.floor(bad / width), what);
  }
  return features;
}

function errorAt(source: Table | Dataset, column: Column, row: number, what: string): DataError {
  if (source instanceof Table) return source.errorAt(column, row, what);
  return new DataError(expected(what, `column ${column.name}, row ${row}`, describe(column.values[row])), {
    row,
  });
}
