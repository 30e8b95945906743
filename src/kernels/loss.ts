/** Softmax cross-entropy on logits and integer labels, and the element of each row that a label names. */

import { checkNumber, checkOptions } from "../errors.js";
import { ArrayCall, checkSize, type FloatArray, type KernelOptions, rowsIn } from "./call.js";

export interface CrossEntropyKernelOptions extends KernelOptions {
  readonly columns: number;
  /** Default: as many as logits hold. */
  readonly rows?: number;
  /** Default 0. */
  readonly smoothing?: number;
  /** Rows with this label count nothing. Default −100. */
  readonly ignoreIndex?: number;
}

export interface CrossEntropyArrays {
  /** [rows, columns] */
  readonly logits: FloatArray;
  /** [rows] */
  readonly labels: Int32Array;
  /** [columns] */
  readonly weight?: FloatArray;
}

const crossEntropyOptions = ["columns", "rows", "smoothing", "ignoreIndex", "isa"];

function crossEntropyCall(
  { logits, labels, weight }: CrossEntropyArrays,
  options: CrossEntropyKernelOptions,
  name: string,
) {
  checkOptions(options, crossEntropyOptions, name);
  const { smoothing = 0, ignoreIndex = -100 } = options;
  const columns = checkSize(options.columns, "columns");
  const rows = rowsIn(logits, columns, options.rows, "logits");
  const call = new ArrayCall(options.isa);
  return {
    call,
    shape: [rows, columns],
    inputs: {
      logits: call.float("logits", logits, [rows, columns]),
      labels: call.int32("labels", labels, [rows]),
      weight: call.optionalFloat("weight", weight, [columns]),
    },
    parameters: {
      smoothing: checkNumber(smoothing, "smoothing", { min: 0, max: 1 }),
      ignoreIndex: checkNumber(ignoreIndex, "ignoreIndex"),
    },
  };
}

/**
 * loss[r] = (1−s)·w_t·l_t + s/c·Σ_j w_j·l_j with l_j = logsumexp(x) − x_j, t the row's label;
 * logsumexp[r] is kept for the backward pass.
 *
 * @throws OutOfRangeError when a label is no column; nothing is written then.
 */
export function crossEntropy(
  arrays: CrossEntropyArrays & { readonly loss: FloatArray; readonly logsumexp: FloatArray },
  options: CrossEntropyKernelOptions,
): void {
  const { call, shape, inputs, parameters } = crossEntropyCall(arrays, options, "crossEntropy");
  const rows = [shape[0]!];
  const outputs = {
    loss: call.float("loss", arrays.loss, rows),
    logsumexp: call.float("logsumexp", arrays.logsumexp, rows),
  };
  call.emit.crossEntropyForward(inputs, outputs, parameters);
  call.run("labels");
}

/** dlogits; without smoothing and weights (softmax(x) − onehot(t))·dloss. `dlogits` may be logits. */
export function crossEntropyBackward(
  arrays: CrossEntropyArrays & {
    readonly logsumexp: FloatArray;
    readonly dloss: FloatArray;
    readonly dlogits: FloatArray;
  },
  options: CrossEntropyKernelOptions,
): void {
  const { call, shape, inputs, parameters } = crossEntropyCall(arrays, options, "crossEntropyBackward");
  const rows = [shape[0]!];
  const further = {
    logsumexp: call.float("logsumexp", arrays.logsumexp, rows),
    dloss: call.float("dloss", arrays.dloss, rows),
  };
  call.emit.crossEntropyBackward(
    { ...inputs, ...further },
    { dlogits: call.float("dlogits", arrays.dlogits, shape) },
    parameters,
  );
  call.run("labels");
}

export interface PickOptions extends KernelOptions {
  readonly columns: number;
}

/** out[r] = x[r, index[r]]. */
export function pick(x: FloatArray, index: Int32Array, out: FloatArray, options: PickOptions): void {
  checkOptions(options, ["columns", "isa"], "pick");
  const columns = checkSize(options.columns, "columns");
  const rows = rowsIn(x, columns, undefined, "x");
  const call = new ArrayCall(options.isa);
  call.emit.pickForward(
    { x: call.float("x", x, [rows, columns]), index: call.int32("index", index, [rows]) },
    { y: call.float("out", out, [rows]) },
  );
  call.run();
}

/** dx[r, c] = dy[r] where c = index[r], else 0. */
export function pickBackward(dy: FloatArray, index: Int32Array, dx: FloatArray, options: PickOptions): void {
  checkOptions(options, ["columns", "isa"], "pickBackward");
  const columns = checkSize(options.columns, "columns");
  const rows = dy.length;
  const call = new ArrayCall(options.isa);
  call.emit.pickBackward(
    { dy: call.float("dy", dy, [rows]), index: call.int32("index", index, [rows]) },
    { dx: call.float("dx", dx, [rows, columns]) },
  );
  call.run();
}
