import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  compile,
  grad,
  nn,
  noGrad,
  ops,
  optim,
  ShapeError,
  StateError,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../../src/index.js";

const numbers = (t: Tensor) => [...t.dataSync()];

test("paths to the same input add up, in any graph", () => {
  const x = tensor([2], { requiresGrad: true });
  const a = x.mul(3);
  const b = a.mul(a).add(x);
  const [dx] = grad(b.mul(a).sum(), [x]);
  // y = (9x² + x)·3x = 27x³ + 3x²
  expect(numbers(dx!)).toEqual([81 * 4 + 6 * 2]);
});

test("gradients by results in the middle", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  const h = x.mul(2);
  const [dh] = grad(h.square().sum(), [h]);
  expect(numbers(dh!)).toEqual([4, 8]);
});

test("a loss that was read can still be differentiated", () => {
  const x = tensor([3], { requiresGrad: true });
  const loss = x.square().sum();
  expect(loss.item()).toBe(9);
  expect(numbers(grad(loss, [x])[0]!)).toEqual([6]);
});

test("detach and noGrad cut", () => {
  const x = tensor([3], { requiresGrad: true });
  expect(numbers(grad(x.mul(x.detach()).sum(), [x])[0]!)).toEqual([3]);
  const constant = noGrad(() => x.mul(2));
  expect(constant.requiresGrad).toBe(false);
  expect(numbers(grad(x.mul(constant).sum(), [x])[0]!)).toEqual([6]);
});

test("second derivatives", () => {
  const x = tensor([2], { requiresGrad: true });
  const [dx] = grad(x.pow(3).sum(), [x]);
  expect(numbers(grad(dx!.sum(), [x])[0]!)).toEqual([12]);
});

test("a gradient of the user's own", () => {
  const round = ops.customGradient(
    (x) => x.round(),
    (_x, _y, dy) => [dy],
  );
  const x = tensor([0.4, 1.6], { requiresGrad: true });
  const y = round(x);
  expect(numbers(y)).toEqual([0, 2]);
  expect(numbers(grad(y.mul(tensor([2, 3])).sum(), [x])[0]!)).toEqual([2, 3]);
  const wrong = ops.customGradient(
    (v) => v,
    () => [tensor([1, 2, 3])],
  );
  expect(() => grad(wrong(x).sum(), [x])).toThrow(ShapeError);
});

test("valueAndGrad", () => {
  const { value, gradients } = valueAndGrad((a, b) => a.mul(b).sum())(tensor([1, 2]), tensor([3, 4]));
  expect(value.item()).toBe(11);
  expect(gradients.map(numbers)).toEqual([
    [3, 4],
    [1, 2],
  ]);
});

describe("what cannot be differentiated says so", () => {
  const x = tensor([1, 2], { requiresGrad: true });

  test("a loss of several elements", () =>
    expect(() => grad(x.mul(2), [x])).toThrow(/loss of one element.*\[2\]/));
  test("a target without requiresGrad", () =>
    expect(() => grad(x.sum(), [tensor([1])])).toThrow(/requiresGrad for grad target 0/));
  test("a target the loss does not depend on", () => {
    const other = tensor([1], { requiresGrad: true });
    expect(() => grad(x.sum(), [other])).toThrow(ArgumentError);
    expect(numbers(grad(x.sum(), [other], { allowUnused: true })[0]!)).toEqual([0]);
  });
  test("an async function for noGrad", () => expect(() => noGrad(async () => 1)).toThrow(StateError));
});

describe("parameters of a step", () => {
  const data = tensor([[1, 2]]);

  test("tied weights learn from every use", () => {
    const shared = new nn.Parameter([1, 0, 0, 1], [2, 2]);
    const step = compile((x: Tensor) => ops.linear(ops.linear(x, shared), shared).sum(), {
      optimizer: new optim.SGD({ learningRate: 1 }),
    });
    step(data);
    // y = Σ W(Wx); dW = 1·(Wx)ᵀ + (Wᵀ1)·xᵀ at W = I
    expect([...shared.grad!]).toEqual([2, 4, 2, 4]);
    expect([...shared.values]).toEqual([-1, -4, -2, -3]);
  });

  test("frozen ones stay, released ones learn again", () => {
    const a = new nn.Parameter([2], [1]);
    const b = new nn.Parameter([3], [1]);
    const step = compile(() => a.mul(b).sum(), { optimizer: new optim.SGD({ learningRate: 0.5 }) });
    a.requiresGrad = false;
    step();
    expect([a.values[0], b.values[0]]).toEqual([2, 2]);
    a.requiresGrad = true;
    step();
    expect([a.values[0], b.values[0]]).toEqual([1, 1]);
  });

  test("views taken before training become empty, not stale", () => {
    const p = new nn.Parameter([1, 2], [2]);
    const before = p.values;
    compile(() => p.sum(), { optimizer: new optim.SGD({ learningRate: 1 }) })();
    expect(before.length).toBe(0);
    expect([...p.values]).toEqual([0, 1]);
  });

  test("groups have settings of their own", () => {
    const a = new nn.Parameter([1], [1]);
    const b = new nn.Parameter([1], [1]);
    const optimizer = new optim.SGD({ learningRate: 0.25, groups: [{ parameters: [b], learningRate: 0.5 }] });
    compile(() => a.add(b).sum(), { optimizer })();
    expect([a.values[0], b.values[0]]).toEqual([0.75, 0.5]);
  });

  test("a loss without a parameter is refused", () => {
    expect(() => compile(() => data.sum(), { optimizer: new optim.SGD() })()).toThrow(
      /depends on at least one parameter/,
    );
  });

  test("clipping by value, then by norm, returns the norm in between", () => {
    const p = new nn.Parameter([0, 0], [2]);
    const slope = tensor([30, 4]);
    const clip = { value: 3, norm: 1 };
    const { gradNorm } = compile(() => p.mul(slope).sum(), {
      optimizer: new optim.SGD({ learningRate: 1 }),
      clip,
    })();
    expect(gradNorm).toBeCloseTo(Math.hypot(3, 3), 5);
    expect([...p.values].map((v) => v.toFixed(4))).toEqual(["-0.7071", "-0.7071"]);
  });

  test("a step that is not finite changes nothing", () => {
    const p = new nn.Parameter([1], [1]);
    const seen = new nn.Buffer([5], [1]);
    const optimizer = new optim.Adam({ learningRate: 0.1 });
    const step = compile(
      (x: Tensor) => {
        nn.assignState(seen, x);
        return p.mul(x).log().sum();
      },
      { optimizer },
    );
    step(tensor([2]));
    const [value, state] = [
      p.values[0],
      JSON.stringify([...optimizer.stateDict([["p", p]]).tensors.values()]),
    ];
    expect(seen.values[0]).toBe(2);
    expect(() => step(tensor([-1]))).toThrow(/finite loss and gradient for training step 1 .*NaN/);
    expect(p.values[0]).toBe(value);
    expect(seen.values[0]).toBe(2);
    expect(JSON.stringify([...optimizer.stateDict([["p", p]]).tensors.values()])).toBe(state);
    expect(optimizer.stepCount).toBe(1);
  });
});
