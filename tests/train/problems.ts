/** Small models and data for the tests of training. */

import { data, losses, manualSeed, nn, optim, Random, Trainer, type TrainerOptions } from "./imports.js";

/** Points of two features in three clouds. */
export function clouds(count = 90, seed = 1): data.Dataset {
  const random = new Random(seed);
  const targets = Int32Array.from({ length: count }, (_, i) => i % 3);
  const features = Float32Array.from({ length: 2 * count }, (_, i) => {
    const label = targets[i >> 1]!;
    return 0.4 * random.normal() + (i % 2 === 0 ? Math.cos(2.1 * label) : Math.sin(2.1 * label));
  });
  return new data.Dataset({ features, shape: [2], targets });
}

/** y = 2x₀ − x₁ + 1 with a little noise. */
export function plane(count = 64, seed = 2): data.Dataset {
  const random = new Random(seed);
  const features = Float32Array.from({ length: 2 * count }, () => random.normal());
  const targets = Float32Array.from(
    { length: count },
    (_, i) => 2 * features[2 * i]! - features[2 * i + 1]! + 1 + 0.01 * random.normal(),
  );
  return new data.Dataset({ features, shape: [2], targets });
}

/** Everything that keeps state: batch normalisation, dropout. */
export const network = (seed = 5): nn.Sequential => {
  manualSeed(seed);
  return new nn.Sequential(
    new nn.Linear(2, 16),
    new nn.BatchNorm1d(16),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(16, 3),
  );
};

export const classifier = (options: Partial<TrainerOptions> = {}, model: nn.Module = network()): Trainer =>
  new Trainer(model, {
    loss: new losses.CrossEntropy(),
    optimizer: new optim.Adam({ learningRate: 1e-2 }),
    metrics: ["accuracy"],
    seed: 7,
    ...options,
  });

/** All parameters and buffers, as text that shows every bit. */
export const bits = (model: nn.Module): string[] =>
  [...model.stateDict()].map(
    ([key, { data: d }]) => `${key} ${Buffer.from(d.buffer, d.byteOffset, d.byteLength).toString("hex")}`,
  );
