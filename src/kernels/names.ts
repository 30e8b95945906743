/** The functions of one element under their names in TypeScript. */

import { type PointwiseName, pointwiseRows } from "../native/kernels.generated.js";

/** gelu_tanh as geluTanh. */
export type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;

type RowOf<Arity> = Extract<(typeof pointwiseRows)[number], { readonly arity: Arity }>["name"];

export type UnaryName = Camel<RowOf<1>>;
export type BinaryName = Camel<RowOf<2>>;
export type TernaryName = Camel<RowOf<3>>;
export type FunctionName = UnaryName | BinaryName | TernaryName;

const camel = (name: string): string =>
  name.replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase());

const namesOf = (arity: number) =>
  pointwiseRows.filter((row) => row.arity === arity).map((row) => camel(row.name));

export const unaryNames = namesOf(1) as readonly UnaryName[];
export const binaryNames = namesOf(2) as readonly BinaryName[];
export const ternaryNames = namesOf(3) as readonly TernaryName[];

/** The row of pointwise.inc a name stands for. */
export const rowNames = Object.fromEntries(pointwiseRows.map(({ name }) => [camel(name), name])) as Readonly<
  Record<FunctionName, PointwiseName>
>;
