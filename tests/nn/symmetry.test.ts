/** Why all-zero weights fail (MISSION row 2), and that the default does not. */

import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import * as losses from "../../src/losses/index.js";
import * as nn from "../../src/nn/index.js";
import { manualSeed } from "../../src/ops/random.js";
import { SGD } from "../../src/optim/index.js";
import { type Tensor, tensor } from "../../src/tensor.js";

const x = tensor([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]);
const xor = tensor([[0], [1], [1], [0]]);
const HIDDEN = 8;

function network(activation: nn.Layer, zero: boolean) {
  const options = zero ? { init: nn.init.zeros, biasInit: nn.init.zeros } : {};
  const [first, last] = [new nn.Linear(2, HIDDEN, options), new nn.Linear(HIDDEN, 1, options)];
  const model = new nn.Sequential(first, activation, last);
  const step = compile((input: Tensor, target: Tensor) => losses.mse(model.forward(input), target), {
    optimizer: new SGD({ learningRate: 0.2 }),
  });
  return { first, last, activation, step: () => step(x, xorShifted).loss };
}

/** Not balanced, so that the output bias has somewhere to go. */
const xorShifted = xor.add(0.25);
const isZero = (values: ArrayLike<number>) => Array.from(values).every((v) => v === 0);
/** Rows of a weight: what each unit has. */
const units = (weight: nn.Parameter) => new Set((weight.arraySync() as number[][]).map((row) => row.join()));

describe("all weights and biases 0", () => {
  test("sigmoid: every hidden activation is ½, and in the first step only the last layer moves", () => {
    const { first, last, activation, step } = network(new nn.Sigmoid(), true);
    expect(new Set(activation.forward(first.forward(x)).dataSync())).toEqual(new Set([0.5]));
    step();
    expect(isZero(first.weight.values)).toBe(true);
    expect(isZero(first.bias!.values)).toBe(true);
    expect(isZero(last.weight.values)).toBe(false);
    expect(isZero(last.bias!.values)).toBe(false);
  });

  test("sigmoid: later the first layer moves too, its units the same for ever: one effective unit", () => {
    const { first, last, step } = network(new nn.Sigmoid(), true);
    for (let i = 0; i < 500; i++) {
      step();
      expect(units(first.weight).size).toBe(1);
      expect(new Set(first.bias!.values).size).toBe(1);
      expect(new Set(last.weight.values).size).toBe(1);
    }
    expect(isZero(first.bias!.values)).toBe(false);
  });

  test.each([
    ["tanh", new nn.Tanh()],
    ["ReLU", new nn.ReLU()],
  ])("%s: only the output bias ever moves", (_name, activation) => {
    const { first, last, step } = network(activation, true);
    for (let i = 0; i < 200; i++) step();
    expect(isZero(first.weight.values)).toBe(true);
    expect(isZero(first.bias!.values)).toBe(true);
    expect(isZero(last.weight.values)).toBe(true);
    // The best constant: the mean of the targets.
    expect(last.bias!.item()).toBeCloseTo(0.75, 5);
  });
});

describe("equal weights other than 0", () => {
  test("stay equal from unit to unit", () => {
    const constant: nn.Initializer = (w) => nn.init.constant(w, 0.3);
    const [first, last] = [
      new nn.Linear(2, HIDDEN, { init: constant }),
      new nn.Linear(HIDDEN, 1, { init: constant }),
    ];
    nn.init.zeros(first.bias!);
    const model = new nn.Sequential(first, new nn.Tanh(), last);
    const step = compile(() => losses.mse(model.forward(x), xorShifted), {
      optimizer: new SGD({ learningRate: 0.5 }),
    });
    for (let i = 0; i < 200; i++) step();
    expect(units(first.weight).size).toBe(1);
    expect(isZero(first.weight.values)).toBe(false);
  });
});

describe("the default", () => {
  test.each([
    ["tanh", () => new nn.Tanh()],
    ["ReLU", () => new nn.ReLU()],
  ])("%s learns XOR with units that differ", (_name, make) => {
    manualSeed(1);
    const { first, step } = network(make(), false);
    let loss = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 2000; i++) loss = step();
    expect(units(first.weight).size).toBe(HIDDEN);
    expect(loss).toBeLessThan(0.01);
  });
});
