import { expect, test } from "vitest";
import { evaluate, programFor } from "../../src/graph/evaluate.js";
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

test("a value read later on is a further result of the chain that computes it", () => {
  const size = x().tanh();
  const h = size.mul(2).add(x());
  const y = linear(h, w()).sum().mul(size);
  expect(kernels(y)).toEqual(["pointwise", "gemm", "reduce", "pointwise"]);
  const [a, b] = [x().arraySync(), w().arraySync()] as [number[][], number[][]];
  const t = a.map((row) => row.map((v) => Math.tanh(v)));
  const sum = a
    .flatMap((row, i) => b.map((v) => v.reduce((s, factor, k) => s + factor * (2 * t[i]![k]! + row[k]!), 0)))
    .reduce((p, q) => p + q);
  const result = y.arraySync() as number[][];
  for (const [i, row] of result.entries())
    for (const [k, v] of row.entries()) expect(v).toBeCloseTo(sum * t[i]![k]!, 4);
});

test("a value that something before the end of the chain needs is computed by itself", () => {
  const t = x().tanh();
  const y = t.add(t.sum());
  expect(kernels(y)).toEqual(["pointwise", "reduce", "pointwise"]);
  const all = [1, -2, 3, 4, 5, -6].map(Math.tanh);
  const sum = all.reduce((a, b) => a + b);
  for (const [i, v] of (y.arraySync() as number[][]).flat().entries())
    expect(v).toBeCloseTo(all[i]! + sum, 5);
});

test("a chain has at most four results", () => {
  let y = x();
  const parts: Tensor[] = [];
  for (let i = 0; i < 6; i++) {
    y = y.add(1).tanh();
    parts.push(y);
  }
  const total = parts.reduce((a, b) => a.mul(b), linear(y, w()).sum());
  expect(kernels(total)).toEqual(["pointwise", "pointwise", "gemm", "reduce", "pointwise"]);
  let expected = [1, -2, 3, 4, 5, -6];
  const products = expected.map(() => 1);
  for (let i = 0; i < 6; i++) {
    expected = expected.map((v) => Math.tanh(v + 1));
    expected.forEach((v, k) => {
      products[k]! *= v;
    });
  }
  const b = w().arraySync() as number[][];
  const sum = [0, 1]
    .flatMap((i) => b.map((row) => row.reduce((s, v, k) => s + v * expected[3 * i + k]!, 0)))
    .reduce((p, q) => p + q);
  for (const [k, v] of (total.arraySync() as number[][]).flat().entries())
    expect(v).toBeCloseTo(products[k]! * sum, 4);
});

test("a further result may take the place of an input that the chain reads again", () => {
  const product = linear(x(), w()); // read by two, so that nothing goes into its epilogue
  const size = product.tanh();
  const h = size.mul(product);
  const y = h.sum().mul(size);
  // h leaves the program and has memory of its own, so that size gets the product's.
  const program = programFor([y.value, h.value]);
  expect(program.source.instructions[1]!.row.name).toBe("pointwise");
  expect(program.arenaBytes).toBe(2 * 64); // product and size share theirs; the sum
  const [a, b] = [x().arraySync(), w().arraySync()] as [number[][], number[][]];
  evaluate([y.value, h.value]);
  const p = a.flatMap((row) => b.map((v) => v.reduce((s, factor, k) => s + factor * row[k]!, 0)));
  const sum = p.reduce((s, v) => s + Math.tanh(v) * v, 0);
  for (const [i, v] of (y.arraySync() as number[][]).flat().entries())
    expect(v).toBeCloseTo(sum * Math.tanh(p[i]!), 4);
  for (const [i, v] of (h.arraySync() as number[][]).flat().entries())
    expect(v).toBeCloseTo(Math.tanh(p[i]!) * p[i]!, 5);
});
