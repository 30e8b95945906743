/**
 * Backpropagation through the classic 3-2-1 network, every quantity beside the hand computation.
 *
 *     x (3 inputs) -> z = x·W1 -> a = f(z) (2 hidden units) -> o = a·w2 -> y = f(o)
 *     f(s) = 1/(1+e^-s),  no biases,  L = ½(y − t)²
 *
 * The engine's numbers come from `grad`, which knows none of the formulas below.
 */

import { fileURLToPath } from "node:url";
import { grad, type Tensor, tensor } from "nabla";

const x = [0.9, 0.1, 0.8];
const target = 0.25;
/** W1[i][j]: from input i to hidden unit j. */
const w1 = [
  [0.3, -0.2],
  [0.7, 0.5],
  [-0.4, 0.6],
];
/** w2[j]: from hidden unit j to the output. */
const w2 = [0.8, -0.5];

// ---- by hand ------------------------------------------------------------------------------------------

const f = (s: number) => 1 / (1 + Math.exp(-s));
/** f′ in terms of f's value: f′ = f(1 − f). */
const slope = (value: number) => value * (1 - value);
const sum = (terms: number[]) => terms.reduce((a, b) => a + b, 0);

/** Forward, then the chain rule from the last layer to the first. */
export function byHand() {
  const z = [0, 1].map((j) => sum(x.map((xi, i) => xi * w1[i]![j]!)));
  const a = z.map(f);
  const o = sum(a.map((aj, j) => aj * w2[j]!));
  const y = f(o);
  const loss = 0.5 * (y - target) ** 2;
  const dy = y - target;
  const dOut = dy * slope(y);
  const dw2 = a.map((aj) => dOut * aj);
  const da = w2.map((w) => dOut * w);
  const dz = da.map((d, j) => d * slope(a[j]!));
  const dw1 = x.map((xi) => dz.map((d) => d * xi));
  return { z, a, o, y, loss, dy, dOut, dw2, da, dz, dw1 };
}

// ---- by the engine ------------------------------------------------------------------------------------

export function byEngine() {
  const weights = (values: number[] | number[][]) => tensor(values, { dtype: "float64", requiresGrad: true });
  const [W1, W2] = [weights(w1), weights(w2)];
  const z = tensor(x, { dtype: "float64" }).matmul(W1);
  const a = z.sigmoid();
  const o = a.mul(W2).sum();
  const y = o.sigmoid();
  const loss = y.sub(target).square().mul(0.5);
  const [dy, dOut, dw2, da, dz, dw1] = grad(loss, [y, o, W2, a, z, W1]) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  return { z, a, o, y, loss, dy, dOut, dw2, da, dz, dw1 };
}

// ---- side by side -------------------------------------------------------------------------------------

const formulas: readonly [key: keyof ReturnType<typeof byHand>, name: string, formula: string][] = [
  ["z", "z_j", "Σ_i x_i·w(1)_ij"],
  ["a", "a_j", "f(z_j)"],
  ["o", "o", "Σ_j a_j·w(2)_j"],
  ["y", "y", "f(o)"],
  ["loss", "L", "½(y − t)²"],
  ["dy", "∂L/∂y", "y − t"],
  ["dOut", "∂L/∂o", "(y − t)·f(o)(1 − f(o))"],
  ["dw2", "∇w(2)_j", "(y − t)·f(o)(1 − f(o))·a_j"],
  ["da", "∇a_j", "(y − t)·f(o)(1 − f(o))·w(2)_j"],
  ["dz", "∇z_j", "∇a_j·f(z_j)(1 − f(z_j))"],
  ["dw1", "∇w(1)_ij", "∇a_j·f(z_j)(1 − f(z_j))·x_i"],
];

/** The name with the indices, counted from 1 as in the formulas. */
function numbered(name: string, index: number, count: number): string {
  if (count === 1) return name;
  if (count === 2) return name.replace("_j", `_${index + 1}`);
  return name.replace("_ij", `_${Math.floor(index / 2) + 1}${(index % 2) + 1}`);
}

function table(): void {
  const [hand, engine] = [byHand(), byEngine()];
  console.log(
    `${"quantity".padEnd(12)}${"formula".padEnd(34)}${"engine".padStart(20)}${"by hand".padStart(20)}${"difference".padStart(13)}`,
  );
  for (const [key, name, formula] of formulas) {
    const values = [hand[key]].flat(2);
    engine[key].dataSync().forEach((value, i) => {
      const difference = Math.abs(value - values[i]!).toExponential(1);
      const numbers = value.toFixed(15).padStart(20) + values[i]!.toFixed(15).padStart(20);
      console.log(
        numbered(name, i, values.length).padEnd(12) + formula.padEnd(34) + numbers + difference.padStart(13),
      );
    });
  }
}

// ---- what common write-ups get wrong --------------------------------------------------------------------

/** The loss after w(2) and w(1) have gone `rate` against the given gradients. */
export function lossAfter(rate: number, dw2: number[], dw1: number[][]): number {
  const v1 = w1.map((row, i) => row.map((w, j) => w - rate * dw1[i]![j]!));
  const v2 = w2.map((w, j) => w - rate * dw2[j]!);
  const a = [0, 1].map((j) => f(sum(x.map((xi, i) => xi * v1[i]![j]!))));
  return 0.5 * (f(sum(a.map((aj, j) => aj * v2[j]!))) - target) ** 2;
}

function mixUps(): void {
  const { loss, dw2, dw1, dz } = byHand();
  const negated = lossAfter(
    1,
    dw2.map((d) => -d),
    dw1.map((row) => row.map((d) => -d)),
  );
  console.log(`\nTwo mistakes to know when comparing with a textbook or a blog:

1. The sign. ∂L/∂y of ½(y − t)² is y − t. Many write-ups have t − y, which is minus the gradient: right only
   where the update is then written w ← w + η·(…). With w ← w − η·(…) it climbs. One step with η = 1:
     loss before                 ${loss.toFixed(9)}
     after w ← w − η(y − t)·…    ${lossAfter(1, dw2, dw1).toFixed(9)}   falls
     after w ← w − η(t − y)·…    ${negated.toFixed(9)}   rises`);
  const epsilon = 1e-6;
  const bump = (i: number, j: number) => w1.map((row, k) => row.map((_, l) => (k === i && l === j ? -1 : 0)));
  const measured =
    (lossAfter(epsilon, [0, 0], bump(2, 0)) - lossAfter(-epsilon, [0, 0], bump(2, 0))) / (2 * epsilon);
  console.log(`
2. The indices. The gradient of a weight is (what arrives at the unit it leads TO) × (what the unit it comes
   FROM sends): ∇w(1)_ij = ∇z_j·x_i, and ∇a_j goes back through w(2)_j, the weights of the layer BEHIND a.
   Write-ups that number layers and units alike end with x_j or w(1) there. For w(1)_31:
     measured by nudging the weight   ${measured.toFixed(9)}
     ∇z_1·x_3 (right)                 ${(dz[0]! * x[2]!).toFixed(9)}
     ∇z_1·x_1 (indices mixed up)      ${(dz[0]! * x[0]!).toFixed(9)}`);
}

export function main(): void {
  table();
  mixUps();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
