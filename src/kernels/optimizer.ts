/** One step of an optimizer over a flat array of parameters: one pass over memory. Formulas: see `optim`. */

import { checkInteger, checkNumber, checkOptions } from "../errors.js";
import { ArrayCall, type FloatArray, type KernelOptions } from "./call.js";

interface StepArrays {
  /** Parameters, changed in place. */
  readonly p: FloatArray;
  /** Gradient. */
  readonly g: FloatArray;
}

export interface OptimizerStepOptions extends KernelOptions {
  readonly learningRate: number;
  /** From 1: the first step starts velocities and corrects averages. Default 1. */
  readonly step?: number;
  /** What the gradient is multiplied by first, as clipping by norm does. Default 1. */
  readonly scale?: number;
  /** Default 0. */
  readonly weightDecay?: number;
  /** Climb instead of descend. Default false. */
  readonly maximize?: boolean;
}

const commonOptions = ["learningRate", "step", "scale", "weightDecay", "maximize", "isa"];
const flag = (value: boolean | undefined): number => (value === true ? 1 : 0);

function stepCall(
  { p, g }: StepArrays,
  options: OptimizerStepOptions,
  own: readonly string[],
  name: string,
  beta1 = 0,
  beta2 = 0,
) {
  checkOptions(options, [...commonOptions, ...own], name);
  const { step = 1, scale, weightDecay = 0 } = options;
  const learningRate = checkNumber(options.learningRate, "learningRate", { min: 0 });
  checkInteger(step, "step", { min: 1 });
  checkNumber(weightDecay, "weightDecay", { min: 0 });
  const n = [p.length];
  const call = new ArrayCall(options.isa);
  const numbers = [learningRate, step, 1 - beta1 ** step, 1 - beta2 ** step];
  const gradient = call.float("g", g, n);
  const scalars = g instanceof Float64Array ? Float64Array.from(numbers) : Float32Array.from(numbers);
  return {
    call,
    inputs: {
      g: gradient,
      scalars: call.float("scalars", scalars, [4]),
      scale: scale === undefined ? undefined : call.number("scale", scale, [1]),
    },
    p: call.float("p", p, n),
    state: (key: string, array: FloatArray) => call.float(key, array, n),
    optional: (key: string, array: FloatArray | undefined) => call.optionalFloat(key, array, n),
    common: { weightDecay, maximize: flag(options.maximize) },
  };
}

export interface SgdStepOptions extends OptimizerStepOptions {
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
  /** The learning rate enters the velocity (Keras) instead of the update (PyTorch). Default false. */
  readonly rateInVelocity?: boolean;
}

/** `v`: velocity, needed with momentum. */
export function sgdStep(arrays: StepArrays & { readonly v?: FloatArray }, options: SgdStepOptions): void {
  const own = ["momentum", "dampening", "nesterov", "rateInVelocity"];
  const { call, inputs, p, optional, common } = stepCall(arrays, options, own, "sgdStep");
  const { momentum = 0, dampening = 0, nesterov, rateInVelocity } = options;
  const parameters = {
    ...common,
    momentum,
    dampening,
    nesterov: flag(nesterov),
    rateInVelocity: flag(rateInVelocity),
  };
  call.emit.sgdStep(inputs, { p, v: optional("v", arrays.v) }, parameters);
  call.run();
}

export interface EpsilonOptions {
  readonly epsilon?: number;
  /** √(s + ε) instead of √s + ε. Default false. */
  readonly epsilonInside?: boolean;
}

/** `s`: sum of squared gradients. Default ε = 10⁻¹⁰. */
export function adagradStep(
  arrays: StepArrays & { readonly s: FloatArray },
  options: OptimizerStepOptions & EpsilonOptions,
): void {
  const { call, inputs, p, state, common } = stepCall(
    arrays,
    options,
    ["epsilon", "epsilonInside"],
    "adagradStep",
  );
  const { epsilon = 1e-10, epsilonInside } = options;
  call.emit.adagradStep(
    inputs,
    { p, s: state("s", arrays.s) },
    { ...common, epsilon, epsilonInside: flag(epsilonInside) },
  );
  call.run();
}

export interface RmspropStepOptions extends OptimizerStepOptions, EpsilonOptions {
  /** Default 0.99. */
  readonly alpha?: number;
  readonly momentum?: number;
}

/** `s`: average of squares; `mean`: average of gradients (centred form); `v`: velocity, needed with momentum. Default ε = 10⁻⁸. */
export function rmspropStep(
  arrays: StepArrays & { readonly s: FloatArray; readonly mean?: FloatArray; readonly v?: FloatArray },
  options: RmspropStepOptions,
): void {
  const own = ["alpha", "momentum", "epsilon", "epsilonInside"];
  const { call, inputs, p, state, optional, common } = stepCall(arrays, options, own, "rmspropStep");
  const { alpha = 0.99, momentum = 0, epsilon = 1e-8, epsilonInside } = options;
  const outputs = {
    p,
    s: state("s", arrays.s),
    mean: optional("mean", arrays.mean),
    v: optional("v", arrays.v),
  };
  call.emit.rmspropStep(inputs, outputs, {
    ...common,
    alpha,
    momentum,
    epsilon,
    epsilonInside: flag(epsilonInside),
  });
  call.run();
}

export interface AdamStepOptions extends OptimizerStepOptions, EpsilonOptions {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** AdamW: the decay shrinks the weights and leaves the gradient alone. Default false. */
  readonly decoupled?: boolean;
}

/** `m`, `v`: averages of gradients and of squares; `vmax`: the largest v so far (AMSGrad). Default ε = 10⁻⁸. */
export function adamStep(
  arrays: StepArrays & { readonly m: FloatArray; readonly v: FloatArray; readonly vmax?: FloatArray },
  options: AdamStepOptions,
): void {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, epsilonInside, decoupled } = options;
  const own = ["beta1", "beta2", "epsilon", "epsilonInside", "decoupled"];
  const { call, inputs, p, state, optional, common } = stepCall(
    arrays,
    options,
    own,
    "adamStep",
    beta1,
    beta2,
  );
  const outputs = {
    p,
    m: state("m", arrays.m),
    v: state("v", arrays.v),
    vmax: optional("vmax", arrays.vmax),
  };
  const parameters = {
    ...common,
    beta1,
    beta2,
    epsilon,
    epsilonInside: flag(epsilonInside),
    decoupled: flag(decoupled),
  };
  call.emit.adamStep(inputs, outputs, parameters);
  call.run();
}

/** Index of the first element that is NaN or infinite, or −1. */
export function firstNotFinite(x: FloatArray, options: KernelOptions = {}): number {
  checkOptions(options, ["isa"], "firstNotFinite");
  const call = new ArrayCall(options.isa);
  call.emit.checkFinite({ x: call.float("x", x, [x.length]) }, {});
  const status = call.tryRun();
  return status === null ? -1 : status[3]!;
}
