/**
 * Initial values. Every function fills a parameter in place and returns it; as an option of a layer
 * it is given as it is, or wrapped to choose settings:
 *
 *     new Linear(784, 128, { init: init.xavierUniform })
 *     new Linear(784, 128, { init: (w) => init.orthogonal(w, { gain: 4 }) })
 *
 * The variance of a weight decides whether signals keep their size from layer to layer. With
 * `fanIn` inputs to each unit, var(w) = gain²/fanIn keeps the forward signal, gain²/fanOut the
 * gradient. Equal weights make equal units, which stay equal for ever: only biases may be constant.
 *
 * Random numbers come from `options.random`, or from the next stream of the seed set by `manualSeed`.
 */

import { checkNumber, checkOneOf, checkOptions, expected, OutOfRangeError, ShapeError } from "../errors.js";
import { takeStream } from "../ops/random.js";
import { Random } from "../random.js";
import { formatShape, type Shape, sizeOf } from "../shape.js";
import { orthonormalColumns } from "./orthonormal.js";
import type { StoredTensor } from "./parameter.js";

/** Fills a parameter; what it returns is not looked at. */
export type Initializer = (parameter: StoredTensor) => unknown;

export interface RandomOptions {
  /** Where numbers come from. Default: a stream of its own of the global seed. */
  readonly random?: Random;
}

function generator(options: RandomOptions): Random {
  if (options.random !== undefined) return options.random;
  const { seed, stream } = takeStream();
  return new Random(seed, stream);
}

function fill<T extends StoredTensor>(parameter: T, next: (index: number) => number): T {
  const values = parameter.values;
  for (let i = 0; i < values.length; i++) values[i] = next(i);
  return parameter;
}

// ---- without randomness -----------------------------------------------------------------------------

/** Every element 0. Right for biases; for weights it leaves units that never become different. */
export const zeros = <T extends StoredTensor>(parameter: T): T => fill(parameter, () => 0);
/** Every element 1. */
export const ones = <T extends StoredTensor>(parameter: T): T => fill(parameter, () => 1);

/** Every element `value`. */
export function constant<T extends StoredTensor>(parameter: T, value: number): T {
  checkNumber(value, "constant value");
  return fill(parameter, () => value);
}

/** The identity matrix: w_ij = 1 where i = j, else 0. @throws ShapeError unless the rank is 2. */
export function eye<T extends StoredTensor>(parameter: T): T {
  if (parameter.rank !== 2) throw new ShapeError(expected("a matrix", "eye", formatShape(parameter.shape)));
  const columns = parameter.shape[1]!;
  return fill(parameter, (i) => (Math.floor(i / columns) === i % columns ? 1 : 0));
}

// ---- distributions ----------------------------------------------------------------------------------

export interface UniformOptions extends RandomOptions {
  /** Default 0. */
  readonly low?: number;
  /** Default 1. */
  readonly high?: number;
}

/** Independent, uniform in [low, high); variance (high − low)²/12. */
export function uniform<T extends StoredTensor>(parameter: T, options: UniformOptions = {}): T {
  checkOptions(options, ["low", "high", "random"], "uniform");
  const { low = 0, high = 1 } = options;
  checkNumber(low, "uniform low");
  checkNumber(high, "uniform high", { min: low });
  const random = generator(options);
  return fill(parameter, () => low + (high - low) * random.uniform());
}

export interface NormalOptions extends RandomOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Standard deviation. Default 1. */
  readonly std?: number;
}

/** Independent, normal with the given mean and standard deviation. */
export function normal<T extends StoredTensor>(parameter: T, options: NormalOptions = {}): T {
  checkOptions(options, ["mean", "std", "random"], "normal");
  const { mean = 0, std = 1 } = options;
  checkNumber(mean, "normal mean");
  checkNumber(std, "normal std", { min: 0 });
  const random = generator(options);
  return fill(parameter, () => mean + std * random.normal());
}

export interface TruncatedNormalOptions extends NormalOptions {
  /** Least value, absolute (not in deviations). Default −2. */
  readonly low?: number;
  /** Greatest value, absolute. Default 2. */
  readonly high?: number;
}

/**
 * Normal with the given mean and deviation *before* truncation, conditioned on lying in [low, high].
 *
 * By rejection: normal proposals where the interval holds much of the distribution, else uniform
 * ones accepted with φ(x)/max φ.
 */
export function truncatedNormal<T extends StoredTensor>(
  parameter: T,
  options: TruncatedNormalOptions = {},
): T {
  checkOptions(options, ["mean", "std", "low", "high", "random"], "truncatedNormal");
  const { mean = 0, std = 1, low = -2, high = 2 } = options;
  checkNumber(mean, "truncatedNormal mean");
  checkNumber(std, "truncatedNormal std", { minExclusive: 0 });
  checkNumber(low, "truncatedNormal low");
  checkNumber(high, "truncatedNormal high", { minExclusive: low });
  const random = generator(options);
  const [a, b] = [(low - mean) / std, (high - mean) / std];
  const draw = a < 0.5 && b > -0.5 && b - a > 1 ? fromNormal(random, a, b) : fromUniform(random, a, b);
  // Rounding to the element type must not lead out of the interval.
  return fill(parameter, () => Math.min(high, Math.max(low, mean + std * draw())));
}

function fromNormal(random: Random, a: number, b: number): () => number {
  return () => {
    for (;;) {
      const z = random.normal();
      if (z >= a && z <= b) return z;
    }
  };
}

function fromUniform(random: Random, a: number, b: number): () => number {
  const nearest = Math.min(Math.max(0, a), b);
  // Ten decades of e below the peak nothing is ever accepted: do not propose it.
  const width = (10 * Math.LN10) / Math.max(1, Math.abs(nearest));
  const from = Math.max(a, nearest - width);
  const to = Math.min(b, nearest + width);
  return () => {
    for (;;) {
      const z = from + (to - from) * random.uniform();
      if (Math.log(1 - random.uniform()) <= (nearest * nearest - z * z) / 2) return z;
    }
  };
}

// ---- scaled by the number of inputs -----------------------------------------------------------------

export interface Fans {
  /** Inputs a unit adds up. */
  readonly fanIn: number;
  /** Units an input goes to. */
  readonly fanOut: number;
}

/** Of a weight [out, in, …receptive field]. @throws ShapeError when the rank is below 2. */
export function fansOf(shape: Shape): Fans {
  if (shape.length < 2) {
    throw new ShapeError(
      expected("a weight [out, in, …]", "an initialiser scaled by fan-in or fan-out", formatShape(shape)),
    );
  }
  const field = sizeOf(shape.slice(2));
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field };
}

const nonlinearities = ["linear", "sigmoid", "tanh", "relu", "leakyRelu", "selu"] as const;
export type Nonlinearity = (typeof nonlinearities)[number];

/**
 * By how much an activation shrinks a signal of variance 1, inverted (PyTorch's table): linear and
 * sigmoid 1, tanh 5/3, ReLU √2, leaky ReLU √(2/(1+slope²)), SELU 3/4.
 */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  checkOneOf(nonlinearity, nonlinearities, "nonlinearity");
  checkNumber(slope, "slope");
  const gains: Record<Nonlinearity, number> = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + slope * slope)),
    selu: 3 / 4,
  };
  return gains[nonlinearity];
}

/** With mean 0 and standard deviation `std`, uniform in ±√3·std or normal. */
function withDeviation<T extends StoredTensor>(
  parameter: T,
  std: number,
  shape: "uniform" | "normal",
  random: Random,
): T {
  const bound = Math.sqrt(3) * std;
  return shape === "normal"
    ? normal(parameter, { std, random })
    : uniform(parameter, { low: -bound, high: bound, random });
}

export interface GainOptions extends RandomOptions {
  /** Default 1; see `calculateGain`. */
  readonly gain?: number;
}

function xavier<T extends StoredTensor>(parameter: T, options: GainOptions, shape: "uniform" | "normal"): T {
  checkOptions(options, ["gain", "random"], "xavier initialiser");
  const { fanIn, fanOut } = fansOf(parameter.shape);
  const gain = checkNumber(options.gain ?? 1, "gain");
  const std = gain * Math.sqrt(2 / Math.max(fanIn + fanOut, 1));
  return withDeviation(parameter, Math.abs(std), shape, generator(options));
}

/** Uniform in ±gain·√(6/(fanIn + fanOut)): variance gain²·2/(fanIn + fanOut) (Glorot and Bengio, 2010). For tanh, sigmoid, softmax. */
export const xavierUniform = <T extends StoredTensor>(parameter: T, options: GainOptions = {}): T =>
  xavier(parameter, options, "uniform");
/** Normal with variance gain²·2/(fanIn + fanOut) (Glorot and Bengio, 2010). */
export const xavierNormal = <T extends StoredTensor>(parameter: T, options: GainOptions = {}): T =>
  xavier(parameter, options, "normal");

export interface KaimingOptions extends RandomOptions {
  /** Keep the variance of the forward signal or that of the gradient. Default "fanIn". */
  readonly mode?: "fanIn" | "fanOut";
  /** What the gain is for. Default "leakyRelu". */
  readonly nonlinearity?: Nonlinearity;
  /** Slope of the leaky ReLU. Default 0, a plain ReLU. */
  readonly a?: number;
}

function kaiming<T extends StoredTensor>(
  parameter: T,
  options: KaimingOptions,
  shape: "uniform" | "normal",
): T {
  checkOptions(options, ["mode", "nonlinearity", "a", "random"], "kaiming initialiser");
  const { mode = "fanIn", nonlinearity = "leakyRelu", a = 0 } = options;
  const fan = fansOf(parameter.shape)[checkOneOf(mode, ["fanIn", "fanOut"], "mode")];
  const std = calculateGain(nonlinearity, a) / Math.sqrt(Math.max(fan, 1));
  return withDeviation(parameter, std, shape, generator(options));
}

/** Uniform with variance gain²/fan (He et al., 2015). For the ReLU family. */
export const kaimingUniform = <T extends StoredTensor>(parameter: T, options: KaimingOptions = {}): T =>
  kaiming(parameter, options, "uniform");
/** Normal with variance gain²/fan (He et al., 2015). For the ReLU family. */
export const kaimingNormal = <T extends StoredTensor>(parameter: T, options: KaimingOptions = {}): T =>
  kaiming(parameter, options, "normal");

function lecun<T extends StoredTensor>(parameter: T, options: RandomOptions, shape: "uniform" | "normal"): T {
  checkOptions(options, ["random"], "lecun initialiser");
  return withDeviation(
    parameter,
    1 / Math.sqrt(Math.max(fansOf(parameter.shape).fanIn, 1)),
    shape,
    generator(options),
  );
}

/** Uniform with variance 1/fanIn (LeCun et al., 1998). For SELU and linear units. */
export const lecunUniform = <T extends StoredTensor>(parameter: T, options: RandomOptions = {}): T =>
  lecun(parameter, options, "uniform");
/** Normal with variance 1/fanIn; what SELU's derivation asks for (Klambauer et al., 2017). */
export const lecunNormal = <T extends StoredTensor>(parameter: T, options: RandomOptions = {}): T =>
  lecun(parameter, options, "normal");

/**
 * gain·Q with Q uniform among the matrices [out, rest] of orthonormal rows (or columns, where there
 * are more rows than columns): no direction grows or shrinks, however deep the network (Saxe et al.,
 * 2014). @throws ShapeError when the rank is below 2.
 */
export function orthogonal<T extends StoredTensor>(parameter: T, options: GainOptions = {}): T {
  checkOptions(options, ["gain", "random"], "orthogonal");
  const gain = checkNumber(options.gain ?? 1, "gain");
  if (parameter.rank < 2)
    throw new ShapeError(expected("at least two dimensions", "orthogonal", formatShape(parameter.shape)));
  const rows = parameter.shape[0]!;
  const columns = sizeOf(parameter.shape.slice(1));
  if (rows * columns === 0)
    throw new OutOfRangeError(expected("at least one element", "orthogonal", formatShape(parameter.shape)));
  const random = generator(options);
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const q = orthonormalColumns(count, length, () => random.normal());
  return fill(parameter, (i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return gain * (rows <= columns ? q[row]![column]! : q[column]![row]!);
  });
}
