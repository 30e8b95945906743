/** Dense networks as data: what is trained, and what a model file says so that it can be built again. */

import { JsonReader } from "../data/step.js";
import * as nn from "../nn/index.js";

export interface NetworkShape {
  readonly inputs: number;
  readonly hidden: readonly number[];
  readonly outputs: number;
  /** Share of the inputs, and of the hidden units, left out in training. */
  readonly inputDropout: number;
  readonly dropout: number;
}

/** Each hidden layer: linear, batch normalisation, ReLU, dropout. */
export function buildNetwork({
  inputs,
  hidden,
  outputs,
  inputDropout,
  dropout,
}: NetworkShape): nn.Sequential {
  const layers: nn.Layer[] = [new nn.Flatten(), new nn.Dropout(inputDropout)];
  let width = inputs;
  for (const units of hidden) {
    layers.push(
      new nn.Linear(width, units),
      new nn.BatchNorm1d(units),
      new nn.ReLU(),
      new nn.Dropout(dropout),
    );
    width = units;
  }
  layers.push(new nn.Linear(width, outputs));
  return new nn.Sequential(...layers);
}

export function networkFromJSON(text: string | undefined): NetworkShape {
  const json = new JsonReader(JSON.parse(text ?? "null"), "network");
  const number = (key: string) => json.field(key).number();
  return {
    inputs: number("inputs"),
    hidden: json
      .field("hidden")
      .list()
      .map((units) => units.number()),
    outputs: number("outputs"),
    inputDropout: number("inputDropout"),
    dropout: number("dropout"),
  };
}

export const describeNetwork = ({ inputs, hidden, outputs }: NetworkShape): string =>
  [inputs, ...hidden, outputs].join("-");
