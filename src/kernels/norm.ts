/** Batch, layer and root-mean-square normalisation of x [rows, columns], and their gradients. */

import { checkNumber, checkOptions } from "../errors.js";
import { ArrayCall, checkSize, type FloatArray, type KernelOptions, rowsIn } from "./call.js";

export interface NormOptions extends KernelOptions {
  readonly columns: number;
  /** Default: as many as x holds. */
  readonly rows?: number;
  /** Default 10⁻⁵. */
  readonly epsilon?: number;
}

function normCall(x: FloatArray, options: NormOptions, name: string) {
  checkOptions(options, ["columns", "rows", "epsilon", "isa"], name);
  const columns = checkSize(options.columns, "columns");
  const rows = rowsIn(x, columns, options.rows, "x");
  const epsilon = checkNumber(options.epsilon ?? 1e-5, "epsilon", { min: 0 });
  return { call: new ArrayCall(options.isa), rows, columns, shape: [rows, columns], epsilon };
}

/** γ and β, [columns]; absent: 1 and 0. */
interface Affine {
  readonly gamma?: FloatArray;
  readonly beta?: FloatArray;
}

/** y = γ·(x − mean)/√(variance + ε) + β by column; mean, biased variance and rstd = 1/√(variance + ε) are kept. */
export function batchNorm(
  arrays: Affine & {
    readonly x: FloatArray;
    readonly y: FloatArray;
    readonly mean: FloatArray;
    readonly variance: FloatArray;
    readonly rstd: FloatArray;
  },
  options: NormOptions,
): void {
  const { call, columns, shape, epsilon } = normCall(arrays.x, options, "batchNorm");
  const column = (name: "mean" | "variance" | "rstd") => call.float(name, arrays[name], [columns]);
  call.emit.batchNormForward(
    {
      x: call.float("x", arrays.x, shape),
      gamma: call.optionalFloat("gamma", arrays.gamma, [columns]),
      beta: call.optionalFloat("beta", arrays.beta, [columns]),
    },
    {
      y: call.float("y", arrays.y, shape),
      mean: column("mean"),
      variance: column("variance"),
      rstd: column("rstd"),
    },
    { epsilon },
  );
  call.run();
}

interface NormGradients {
  readonly x: FloatArray;
  readonly dy: FloatArray;
  readonly gamma?: FloatArray;
  readonly rstd: FloatArray;
  /** May be dy. */
  readonly dx: FloatArray;
  readonly dgamma: FloatArray;
}

/** dx = γ·rstd·(dy − mean(dy) − x̂·mean(dy·x̂)), dγ = Σ dy·x̂, dβ = Σ dy, over the rows of each column. */
export function batchNormBackward(
  arrays: NormGradients & { readonly mean: FloatArray; readonly dbeta: FloatArray },
  options: NormOptions,
): void {
  const { call, columns, shape } = normCall(arrays.x, options, "batchNormBackward");
  call.emit.batchNormBackward(
    {
      x: call.float("x", arrays.x, shape),
      dy: call.float("dy", arrays.dy, shape),
      gamma: call.optionalFloat("gamma", arrays.gamma, [columns]),
      mean: call.float("mean", arrays.mean, [columns]),
      rstd: call.float("rstd", arrays.rstd, [columns]),
    },
    {
      dx: call.float("dx", arrays.dx, shape),
      dgamma: call.float("dgamma", arrays.dgamma, [columns]),
      dbeta: call.float("dbeta", arrays.dbeta, [columns]),
    },
  );
  call.run();
}

/** y = γ·(x − mean)/√(variance + ε) + β by row; mean and rstd are kept. */
export function layerNorm(
  arrays: Affine & {
    readonly x: FloatArray;
    readonly y: FloatArray;
    readonly mean: FloatArray;
    readonly rstd: FloatArray;
  },
  options: NormOptions,
): void {
  const { call, rows, columns, shape, epsilon } = normCall(arrays.x, options, "layerNorm");
  call.emit.layerNormForward(
    {
      x: call.float("x", arrays.x, shape),
      gamma: call.optionalFloat("gamma", arrays.gamma, [columns]),
      beta: call.optionalFloat("beta", arrays.beta, [columns]),
    },
    {
      y: call.float("y", arrays.y, shape),
      mean: call.float("mean", arrays.mean, [rows]),
      rstd: call.float("rstd", arrays.rstd, [rows]),
    },
    { epsilon },
  );
  call.run();
}

/** With g = γ·dy: dx = rstd·(g − mean(g) − x̂·mean(g·x̂)) by row; dγ = Σ dy·x̂, dβ = Σ dy by column. */
export function layerNormBackward(
  arrays: NormGradients & { readonly mean: FloatArray; readonly dbeta: FloatArray },
  options: NormOptions,
): void {
  const { call, rows, columns, shape } = normCall(arrays.x, options, "layerNormBackward");
  call.emit.layerNormBackward(
    {
      x: call.float("x", arrays.x, shape),
      dy: call.float("dy", arrays.dy, shape),
      gamma: call.optionalFloat("gamma", arrays.gamma, [columns]),
      mean: call.float("mean", arrays.mean, [rows]),
      rstd: call.float("rstd", arrays.rstd, [rows]),
    },
    {
      dx: call.float("dx", arrays.dx, shape),
      dgamma: call.float("dgamma", arrays.dgamma, [columns]),
      dbeta: call.float("dbeta", arrays.dbeta, [columns]),
    },
  );
  call.run();
}

/** y = γ·x/√(mean(x²) + ε) by row; rstd = 1/√(mean(x²) + ε) is kept. */
export function rmsNorm(
  arrays: {
    readonly gamma?: FloatArray;
    readonly x: FloatArray;
    readonly y: FloatArray;
    readonly rstd: FloatArray;
  },
  options: NormOptions,
): void {
  const { call, rows, columns, shape, epsilon } = normCall(arrays.x, options, "rmsNorm");
  call.emit.rmsNormForward(
    { x: call.float("x", arrays.x, shape), gamma: call.optionalFloat("gamma", arrays.gamma, [columns]) },
    { y: call.float("y", arrays.y, shape), rstd: call.float("rstd", arrays.rstd, [rows]) },
    { epsilon },
  );
  call.run();
}

/** With g = γ·dy and x̂ = x·rstd: dx = rstd·(g − x̂·mean(g·x̂)) by row; dγ = Σ dy·x̂ by column. */
export function rmsNormBackward(arrays: NormGradients, options: NormOptions): void {
  const { call, rows, columns, shape } = normCall(arrays.x, options, "rmsNormBackward");
  call.emit.rmsNormBackward(
    {
      x: call.float("x", arrays.x, shape),
      dy: call.float("dy", arrays.dy, shape),
      gamma: call.optionalFloat("gamma", arrays.gamma, [columns]),
      rstd: call.float("rstd", arrays.rstd, [rows]),
    },
    { dx: call.float("dx", arrays.dx, shape), dgamma: call.float("dgamma", arrays.dgamma, [columns]) },
  );
  call.run();
}
