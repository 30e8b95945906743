/** The matrix product and what may be done with its result while it is in registers. */

import { checkNumber, checkOneOf, checkOptions } from "../errors.js";
import { ArrayCall, checkSize, type FloatArray, type KernelOptions } from "./call.js";
import { type BinaryName, binaryNames, rowNames, type UnaryName, unaryNames } from "./names.js";

export interface GemmOptions extends KernelOptions {
  /** Rows of a and out. */
  readonly m: number;
  /** Columns of b and out. */
  readonly n: number;
  /** Columns of a, rows of b. */
  readonly k: number;
  /** Products one behind the other in each array. Default 1. */
  readonly batch?: number;
  /** a is stored [k, m]. Default false. */
  readonly transposeA?: boolean;
  /** b is stored [n, k]. Default false. */
  readonly transposeB?: boolean;
  /** Elements from one stored row to the next; default: no gap. */
  readonly lda?: number;
  readonly ldb?: number;
  readonly ldc?: number;
  /** Default 1. */
  readonly alpha?: number;
  /** Default 0: what `out` holds is not read. */
  readonly beta?: number;
  /** [n], added to every row. */
  readonly bias?: FloatArray;
  readonly activation?: UnaryName;
  /** [m, n], combined with the result; needs `combine`. */
  readonly aux?: FloatArray;
  /** Function of (aux, result). */
  readonly combine?: BinaryName;
}

const names = [
  "m",
  "n",
  "k",
  "batch",
  "transposeA",
  "transposeB",
  "lda",
  "ldb",
  "ldc",
  "alpha",
  "beta",
  "bias",
  "activation",
  "aux",
  "combine",
  "isa",
] as const;

/** Shape and strides of one operand: [rows, columns] as the product reads it. */
function matrix(
  batch: number,
  rows: number,
  columns: number,
  transposed: boolean,
  leading: number | undefined,
  name: string,
) {
  const [storedRows, storedColumns] = transposed ? [columns, rows] : [rows, columns];
  const row = leading ?? storedColumns;
  if (leading !== undefined) checkSize(leading, name);
  const plane = storedRows * row;
  return { shape: [batch, rows, columns], strides: transposed ? [plane, 1, row] : [plane, row, 1] };
}

/**
 * out = combine(aux, activation(alpha·a·b + beta·out + bias)) for a [m, k], b [k, n], out [m, n], row-major.
 *
 * @throws ShapeError naming the array that is too short; ArgumentError when `out` overlaps another array.
 */
export function gemm(a: FloatArray, b: FloatArray, out: FloatArray, options: GemmOptions): void {
  checkOptions(options, names, "gemm");
  const {
    batch = 1,
    transposeA = false,
    transposeB = false,
    lda,
    ldb,
    ldc,
    alpha = 1,
    beta = 0,
    bias,
    activation,
    aux,
    combine,
    isa,
  } = options;
  const [m, n, k] = [checkSize(options.m, "m"), checkSize(options.n, "n"), checkSize(options.k, "k")];
  checkSize(batch, "batch");
  checkNumber(alpha, "alpha");
  checkNumber(beta, "beta");
  if (activation !== undefined) checkOneOf(activation, unaryNames, "activation");
  if (combine !== undefined || aux !== undefined) checkOneOf(combine, binaryNames, "combine");
  const call = new ArrayCall(isa);
  const x = matrix(batch, m, k, transposeA, lda, "lda");
  const w = matrix(batch, k, n, transposeB, ldb, "ldb");
  const y = matrix(batch, m, n, false, ldc, "ldc");
  call.emit.gemm(
    {
      a: call.float("a", a, x.shape, x.strides),
      w: call.float("b", b, w.shape, w.strides),
      bias: call.optionalFloat("bias", bias, [n]),
      aux: combine === undefined ? undefined : call.float("aux", aux, y.shape),
    },
    { c: call.float("out", out, y.shape, y.strides) },
    {
      alpha,
      beta,
      activation: activation === undefined ? null : rowNames[activation],
      combine: combine === undefined ? null : rowNames[combine],
    },
  );
  call.run();
}
