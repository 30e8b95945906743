/**
 * Why weights must not all start at zero: a 2-8-1 network on XOR, initialised by zeros and by default.
 *
 * With sigmoid units the network is dead in its first step but for the last layer, and its hidden units
 * stay copies of each other for ever. With tanh or ReLU (and zero biases) only the output bias ever moves.
 */

import { fileURLToPath } from "node:url";
import { compile, grad, losses, manualSeed, nn, optim, type Tensor, tensor } from "nabla";

const x = tensor([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]);
const xor = tensor([[0], [1], [1], [0]]);
/** Its mean is not ½, the answer of a network of zeros: unlike with XOR, there is a gradient in the first step. */
const or = tensor([[0], [1], [1], [1]]);
const activations = { sigmoid: nn.Sigmoid, tanh: nn.Tanh, relu: nn.ReLU };
type Name = keyof typeof activations;

function build(name: Name, zero: boolean) {
  manualSeed(3);
  const options = zero ? { init: nn.init.zeros, biasInit: nn.init.zeros } : {};
  const hidden = new nn.Linear(2, 8, options);
  const output = new nn.Linear(8, 1, options);
  const model = new nn.Sequential(hidden, new activations[name](), output, new nn.Sigmoid());
  const loss = (input: Tensor, target: Tensor) => losses.mse(model.forward(input), target);
  return { hidden, output, model, loss };
}

const largest = (values: ArrayLike<number>) => Math.max(...Array.from(values, Math.abs));
const format = (value: number) => (value === 0 ? "0" : value.toExponential(1)).padStart(9);

const parts = ["hidden.weight", "hidden.bias", "output.weight", "output.bias"] as const;

/** The hidden activations and the largest gradient of each parameter in the first step from zeros, on OR. */
export function firstStep(name: Name) {
  const { hidden, model, loss } = build(name, true);
  const hiddenValues = [...new Set(new activations[name]().forward(hidden.forward(x)).dataSync())];
  const gradients = grad(loss(x, or), model.parameters()).map((g) => largest(g.dataSync()));
  return { hiddenValues, gradients };
}

/** Rows of a hidden weight matrix that are different from each other, to the bit. */
function distinctUnits(layer: nn.Linear): number {
  const { weight, bias } = layer;
  const units = Array.from({ length: 8 }, (_, j) =>
    [weight.values[2 * j], weight.values[2 * j + 1], bias!.values[j]].join(),
  );
  return new Set(units).size;
}

/** Trains on OR or XOR; tells what moved, how many hidden units differ, and what was learned. */
export function train(name: Name, zero: boolean, task: "OR" | "XOR", steps: number) {
  const { hidden, model, loss } = build(name, zero);
  const target = task === "OR" ? or : xor;
  const before = model.parameters().map((p) => [...p.values]);
  const step = compile(() => loss(x, target), { optimizer: new optim.Adam({ learningRate: 0.05 }) });
  const { losses: curve } = step.many(steps);
  const moved = parts.filter((_, k) =>
    [...model.parameters()[k]!.values].some((v, i) => v !== before[k]![i]),
  );
  const wrong = [...model.forward(x).dataSync()].filter(
    (p, i) => Math.round(p) !== target.dataSync()[i],
  ).length;
  return { first: curve[0]!, last: curve[steps - 1]!, moved, wrong, units: distinctUnits(hidden) };
}

export function main(): void {
  const names = Object.keys(activations) as Name[];
  console.log("The first step from zeros, on OR:");
  for (const name of names) {
    const { hiddenValues, gradients } = firstStep(name);
    console.log(`  ${name.padEnd(8)} every hidden activation is ${hiddenValues.join(", ")}`);
    console.log(
      `           largest gradient: ${parts.map((part, i) => `${part} ${format(gradients[i]!)}`).join("  ")}`,
    );
  }
  console.log("\nAfter 1 and after 2000 steps from zeros, on OR (which one unit can learn):");
  for (const name of names) {
    const [one, many] = [train(name, true, "OR", 1), train(name, true, "OR", 2000)];
    console.log(`  ${name.padEnd(8)} after 1 moved: ${one.moved.join(", ")}`);
    console.log(
      `           after 2000 moved: ${many.moved.join(", ")}; different hidden units: ${many.units} of 8; loss ${many.last.toFixed(4)}`,
    );
  }
  console.log("\nXOR, 2000 steps of Adam:");
  for (const name of names) {
    for (const zero of [true, false]) {
      const { last, wrong, units } = train(name, zero, "XOR", 2000);
      console.log(
        `  ${name.padEnd(8)} ${zero ? "zeros  " : "default"}  loss ${last.toFixed(6)}  wrong ${wrong} of 4  different hidden units ${units} of 8`,
      );
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
