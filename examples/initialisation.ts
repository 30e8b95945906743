/**
 * Why weights must not all start at zero: a 2-8-1 network on XOR, initialised by zeros and by default.
 *
 * With sigmoid units the network is dead in its first step but for the last layer, and its hidden units
 * stay copies of each other for ever. With tanh or ReLU (and zero biases) only the output bias ever moves.
 */

import { compile, grad, losses, manualSeed, nn, optim, type Tensor, tensor } from "nabla";

const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
const y = tensor([[0], [1], [1], [0]]);
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

/** Largest gradient of each parameter in the first step. */
function firstStep(name: Name): void {
  const { hidden, output, model, loss } = build(name, true);
  const activation = new activations[name]().forward(hidden.forward(x)).dataSync();
  const parameters = model.parameters();
  const gradients = grad(loss(x, y), parameters).map((g) => largest(g.dataSync()));
  console.log(`  ${name.padEnd(8)} hidden activations all ${activation[0]} ${new Set(activation).size === 1 ? "(one value)" : ""}`);
  const names = ["hidden.weight", "hidden.bias", "output.weight", "output.bias"];
  console.log(`           largest gradient: ${names.map((n, i) => `${n} ${format(gradients[i]!)}`).join("  ")}`);
  if (output.bias === null) throw new Error("the output layer has a bias");
}

/** Rows of a hidden weight matrix that are different from each other, to the bit. */
function distinctUnits(layer: nn.Linear): number {
  const { weight, bias } = layer;
  const units = Array.from({ length: 8 }, (_, j) => [weight.values[2 * j], weight.values[2 * j + 1], bias!.values[j]].join());
  return new Set(units).size;
}

/** Not balanced as XOR is: with weights a little off symmetry the output layer has something to learn at once. */
const uneven = tensor([[0], [1], [1], [1]]);

function train(name: Name, zero: boolean, target: Tensor, steps: number) {
  const { hidden, model, loss, output } = build(name, zero);
  const before = model.parameters().map((p) => [...p.values]);
  const step = compile(() => loss(x, target), { optimizer: new optim.Adam({ learningRate: 0.05 }) });
  const { losses: curve } = step.many(steps);
  const moved = model.parameters().map((p, k) => [...p.values].some((v, i) => v !== before[k]![i]));
  const wrong = [...model.forward(x).dataSync()].filter((p, i) => Math.round(p) !== target.dataSync()[i]).length;
  return { first: curve[0]!, last: curve[steps - 1]!, moved, wrong, units: distinctUnits(hidden), output };
}

const moves = (moved: boolean[]) => ["hidden.weight", "hidden.bias", "output.weight", "output.bias"].filter((_, i) => moved[i]).join(", ");

console.log("The first step from zeros:");
for (const name of Object.keys(activations) as Name[]) firstStep(name);

console.log("\nAfter 1 and after 2000 steps from zeros, on OR (where there is something to learn for one unit):");
for (const name of Object.keys(activations) as Name[]) {
  const [one, many] = [train(name, true, uneven, 1), train(name, true, uneven, 2000)];
  console.log(`  ${name.padEnd(8)} after 1 moved: ${moves(one.moved)}`);
  console.log(`           after 2000 moved: ${moves(many.moved)}; different hidden units: ${many.units} of 8; loss ${many.last.toFixed(4)}`);
}

console.log("\nXOR, 2000 steps of Adam:");
for (const name of Object.keys(activations) as Name[]) {
  for (const zero of [true, false]) {
    const { last, wrong, units } = train(name, zero, y, 2000);
    console.log(`  ${name.padEnd(8)} ${zero ? "zeros  " : "default"}  loss ${last.toFixed(6)}  wrong ${wrong} of 4  different hidden units ${units} of 8`);
  }
}
