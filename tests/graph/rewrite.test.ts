import { expect, test } from "vitest";
import { programFor } from "../../src/graph/evaluate.js";
import { linear } from "../../src/ops/matmul.js";
import { type Tensor, tensor } from "../../src/tensor.js";

const x = () =>
  tensor([
    [1, -2, 3],
    [4, 5, -6],
  ]);
const w = () =>
  tensor([
    [1, 0, 2],
    [-1, 3, 1],
  ]);
const kernels = (...results: Tensor[]) =>
  programFor(results.map((t) => t.value)).source.instructions.map((i) => i.row.name);

test("bias and activation go into the matrix product", () => {
  const y = linear(x(), w(), tensor([0.5, -0.5])).tanh();
  expect(kernels(y)).toEqual(["gemm"]);
  expect(y.arraySync()).toEqual(
    [
      [7.5, -4.5],
      [-7.5, 4.5],
    ].map((row) => row.map((v) => Math.fround(Math.tanh(v)))),
  );
});

test("a product read twice keeps its own result", () => {
  const product = linear(x(), w());
  expect(kernels(product.tanh(), product.exp())).toEqual(["gemm", "pointwise", "pointwise"]);
});

test("a residual goes into the product", () => {
  const input = tensor([
    [1, 2],
    [3, 4],
  ]);
  const y = linear(
    input,
    tensor([
      [1, 1],
      [0, 1],
    ]),
    tensor([1, 1]),
  )
    .relu()
    .add(input);
  expect(kernels(y)).toEqual(["gemm"]);
  expect(y.arraySync()).toEqual([
    [5, 5],
    [11, 9],
  ]);
});

test("a subtraction with the product on the left is not taken as one with it on the right", () => {
  const input = tensor([
    [1, 2],
    [3, 4],
  ]);
  const product = linear(
    input,
    tensor([
      [1, 0],
      [0, 1],
    ]),
  );
  expect(
    product
      .sub(
        tensor([
          [10, 20],
          [30, 40],
        ]),
      )
      .arraySync(),
  ).toEqual([
    [-9, -18],
    [-27, -36],
  ]);
  expect(
    tensor([
      [10, 20],
      [30, 40],
    ])
      .sub(
        linear(
          input,
          tensor([
            [1, 0],
            [0, 1],
          ]),
        ),
      )
      .arraySync(),
  ).toEqual([
    [9, 18],
    [27, 36],
  ]);
});

test("a chain of functions is one instruction", () => {
  const y = x().mul(2).add(1).tanh().square().sub(x());
  expect(kernels(y)).toEqual(["pointwise"]);
});

test("a long chain is cut and stays right", () => {
  let y = tensor([1, 2, 3]);
  for (let i = 0; i < 60; i++) y = y.add(i).mul(0.5);
  let expected = [1, 2, 3];
  for (let i = 0; i < 60; i++) expected = expected.map((v) => Math.fround(Math.fround(v + i) * 0.5));
  expect(y.arraySync()).toEqual(expected);
});

test("a chain of many inputs is cut and stays right", () => {
  const parts = Array.from({ length: 20 }, (_, i) => tensor([i, 2 * i]));
  const sum = parts.reduce((a, b) => a.add(b));
  expect(sum.arraySync()).toEqual([190, 380]);
});

test("a value that is both in a chain and a result is right in both", () => {
  const a = x().mul(3);
  const b = a.add(1);
  const program = programFor([a.value, b.value]);
  expect(program.source.instructions.length).toBe(2);
  expect(a.arraySync()).toEqual([
    [3, -6, 9],
    [12, 15, -18],
  ]);
  expect(b.arraySync()).toEqual([
    [4, -5, 10],
    [13, 16, -17],
  ]);
});
