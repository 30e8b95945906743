// brain.js for `npm run bench:compare`: brain.mjs FOLDER, the folder that has its node_modules. Only
// xor_tiny: it trains one sample at a time and knows one activation for all layers, with squared error. A
// step here is one pass over the four samples, four updates, where everybody else makes one: nearest to
// what is asked. Its train() runs many passes a call, as its documentation shows; the error is never
// reached, so that it does not stop. net.toFunction and the GPU classes do not train faster at this size.

import { createRequire } from "node:module";
import { join } from "node:path";
import { serve } from "./protocol.mjs";

const require = createRequire(join(process.argv[2], "package.json"));
const brain = require("brain.js");
const { version } = require("brain.js/package.json");
const PASSES = 200;

serve(({ workload }) => {
  if (workload !== "xor_tiny") return { unable: "one sample at a time" };
  const net = new brain.NeuralNetwork({ hiddenLayers: [8], activation: "tanh" });
  const data = [
    { input: [0, 0], output: [0] },
    { input: [0, 1], output: [1] },
    { input: [1, 0], output: [1] },
    { input: [1, 1], output: [0] },
  ];
  const options = { iterations: PASSES, errorThresh: Number.MIN_VALUE, learningRate: 0.1 };
  return {
    peer: "brain.js",
    version,
    note: "four updates a step",
    step: () => net.train(data, options),
    stepsPerCall: PASSES,
  };
});
