// Makes src/native/kernels.generated.ts from the two lists of native code, kernels.inc and
// pointwise.inc (their grammar stands in their heads). `npm run build` and the tests run it;
// the result is not committed, and not rewritten when it would not change.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const kernelList = join(root, "native/kernels/kernels.inc");
const pointwiseList = join(root, "native/kernels/pointwise.inc");
const target = join(root, "src/native/kernels.generated.ts");

/** The text of a list without its comment lines. */
function rowsOf(path) {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line.trim() !== "" && !line.trimStart().startsWith("//"));
}

function fail(row, why) {
  throw new Error(`${why} in the row: ${row}`);
}

/** POINTWISE(name, arity, expression) -> {name, arity} */
function parsePointwise(row) {
  const match = /^POINTWISE\((\w+), ([123]), .+\)$/.exec(row.trim());
  if (!match) fail(row, "Expected POINTWISE(name, arity, expression)");
  return { name: match[1], arity: Number(match[2]) };
}

/** name:dtype[dims]flags -> {name, dtype, dims, optional, strided, readWrite, alias} */
function parseOperand(text, row) {
  const match = /^(\w+):(f|i32|u8|t|any)\[([\w,*]+)\]([?~+]*)(?:@(\w+))?([?~+]*)$/.exec(text);
  if (!match) fail(row, `Expected name:dtype[dims]flags but found "${text}"`);
  const [, name, dtype, dims, before, alias, after] = match;
  const flags = before + after;
  return {
    name,
    dtype,
    dims: dims === "*" ? null : dims.split(","),
    optional: flags.includes("?"),
    strided: flags.includes("~"),
    readWrite: flags.includes("+"),
    alias: alias ?? null,
  };
}

/** name | name:lo..hi | name:unary | name:binary | name... -> {name, kind, low?, high?} */
function parseParameter(text, row) {
  const match = /^(\w+)(?:(\.\.\.)|:(unary|binary)|:(-?\d+)\.\.(-?\d+))?$/.exec(text);
  if (!match) fail(row, `Expected a parameter but found "${text}"`);
  const [, name, rest, arity, low, high] = match;
  if (rest) return { name, kind: "code" };
  if (arity) return { name, kind: arity };
  if (low !== undefined) return { name, kind: "integer", low: Number(low), high: Number(high) };
  return { name, kind: "number" };
}

/** KERNEL(name, "inputs", "outputs", "parameters") -> one entry of kernelRows */
function parseKernel(row) {
  const match = /^KERNEL\((\w+), "([^"]*)", "([^"]*)", "([^"]*)"\)$/.exec(row.trim());
  if (!match) fail(row, 'Expected KERNEL(name, "inputs", "outputs", "parameters")');
  const [, name, inputs, outputs, parameters] = match;
  const words = (text) => text.split(/\s+/).filter((word) => word !== "");
  const kernel = {
    name,
    inputs: words(inputs).map((text) => parseOperand(text, row)),
    outputs: words(outputs).map((text) => parseOperand(text, row)),
    parameters: words(parameters).map((text) => parseParameter(text, row)),
  };
  const names = [...kernel.inputs, ...kernel.outputs].map((operand) => operand.name);
  if (new Set(names).size !== names.length) fail(row, "Two operands of one name");
  for (const { alias } of kernel.outputs) {
    if (alias && !kernel.inputs.some((input) => input.name === alias)) {
      fail(row, `@${alias} names no input`);
    }
  }
  if (kernel.parameters.some((p, i) => p.kind === "code" && i + 1 < kernel.parameters.length)) {
    fail(row, "code... must be the last parameter");
  }
  return kernel;
}

const camelCase = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

function interfaceOf(operands) {
  if (operands.length === 0) return "Record<string, never>";
  const fields = operands.map(({ name, optional }) => `${camelCase(name)}${optional ? "?" : ""}: OperandRef`);
  return `{ ${fields.join("; ")} }`;
}

function parameterType({ kind }) {
  if (kind === "code") return "readonly number[]";
  if (kind === "unary" || kind === "binary") return "PointwiseName | null";
  return "number";
}

function parameterValue({ name, kind }) {
  const value = `parameters.${camelCase(name)}`;
  if (kind === "code") return `...${value}`;
  if (kind === "unary" || kind === "binary") return `rowOf(${value})`;
  return value;
}

/** The method of Emitter that appends one instruction of this kernel. */
function methodOf(kernel, index) {
  const { name, inputs, outputs, parameters } = kernel;
  const lines = [];
  const fields = parameters.map((p) => `${camelCase(p.name)}: ${parameterType(p)}`);
  lines.push(`  /** ${describe(kernel)} */`);
  lines.push(`  ${camelCase(name)}(`);
  lines.push(`    ${inputs.length > 0 ? "inputs" : "_inputs"}: ${interfaceOf(inputs)},`);
  lines.push(`    ${outputs.length > 0 ? "outputs" : "_outputs"}: ${interfaceOf(outputs)},`);
  if (fields.length > 0) lines.push(`    parameters: { ${fields.join("; ")} },`);
  lines.push("  ): void {");
  const operands = [
    ...inputs.map((o) => `inputs.${camelCase(o.name)}`),
    ...outputs.map((o) => `outputs.${camelCase(o.name)}`),
  ];
  const values = parameters.map(parameterValue);
  lines.push(`    this.push(rows[${index}] as KernelRow, [${operands.join(", ")}], [${values.join(", ")}]);`);
  lines.push("  }");
  return lines.join("\n");
}

/** One line of documentation: the operands with their dimensions. */
function describe({ inputs, outputs }) {
  const shape = ({ name, dims, optional }) =>
    `${camelCase(name)}${optional ? "?" : ""} (${dims ? dims.join(", ") : "any shape"})`;
  const list = (operands) => operands.map(shape).join(", ") || "nothing";
  return `${list(inputs)} -> ${list(outputs)}`;
}

function source(kernels, functions) {
  const table = kernels.map((kernel) => `  ${JSON.stringify(kernel)},`).join("\n");
  const names = functions.map(({ name, arity }) => `  { name: "${name}", arity: ${arity} },`).join("\n");
  const index = functions.map(({ name }, i) => `  ${name}: ${i},`).join("\n");
  return `// Made by scripts/generate-kernels.mjs from native/kernels/kernels.inc and pointwise.inc.
import type { OperandRef } from "../graph/operand.js";

/** The functions of one element, in the order native code knows them. */
export const pointwiseRows = [
${names}
] as const;

export type PointwiseName = (typeof pointwiseRows)[number]["name"];

export const pointwiseIndex: Record<PointwiseName, number> = {
${index}
};

export interface KernelOperand {
  readonly name: string;
  /** "f": the float type of the program; "t": any, the same for every "t" of the row. */
  readonly dtype: "f" | "i32" | "u8" | "t" | "any";
  /** One name is one size throughout the row, a number is literal; null: any shape. */
  readonly dims: readonly string[] | null;
  readonly optional: boolean;
  readonly strided: boolean;
  /** An output that is also read. */
  readonly readWrite: boolean;
  /** The input whose very memory this output may be. */
  readonly alias: string | null;
}

export interface KernelParameter {
  readonly name: string;
  readonly kind: "number" | "integer" | "unary" | "binary" | "code";
  readonly low?: number;
  readonly high?: number;
}

export interface KernelRow {
  readonly name: string;
  readonly inputs: readonly KernelOperand[];
  readonly outputs: readonly KernelOperand[];
  readonly parameters: readonly KernelParameter[];
}

export const kernelRows = [
${table}
] as const satisfies readonly KernelRow[];

export type KernelName = (typeof kernelRows)[number]["name"];

export const kernelIndex: Record<KernelName, number> = {
${kernels.map(({ name }, i) => `  ${name}: ${i},`).join("\n")}
};

const rows: readonly KernelRow[] = kernelRows;

function rowOf(name: PointwiseName | null): number {
  return name === null ? -1 : pointwiseIndex[name];
}

/** Appends instructions, one method a kernel; a subclass says what appending means. */
export abstract class Emitter {
  protected abstract push(
    row: KernelRow,
    operands: (OperandRef | undefined)[],
    parameters: number[],
  ): void;

${kernels.map(methodOf).join("\n\n")}
}
`;
}

/** Writes the file when its text changes. Returns whether it did. */
export function generate() {
  const kernels = rowsOf(kernelList).map(parseKernel);
  const functions = rowsOf(pointwiseList).map(parsePointwise);
  const text = source(kernels, functions);
  let current = null;
  try {
    current = readFileSync(target, "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  if (current === text) return false;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
  return true;
}

/** What the test runner calls before the first test. */
export function setup() {
  generate();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) generate();
