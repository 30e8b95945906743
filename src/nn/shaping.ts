/** Layers without parameters that arrange: Identity, Flatten, Residual. */

import { checkInteger, checkOptions, expected, ShapeError } from "../errors.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { Layer } from "./module.js";

/** y = x. */
export class Identity extends Layer {
  override forward(x: Tensor): Tensor {
    return x;
  }
}

/** Dimensions from `startDim` (default 1) to `endDim` (default −1, the last; included) as one, in row-major order. */
export class Flatten extends Layer {
  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
  ) {
    super();
    checkInteger(startDim, "startDim");
    checkInteger(endDim, "endDim");
  }

  override forward(x: Tensor): Tensor {
    return x.flatten(this.startDim, this.endDim);
  }

  protected override describe(): string {
    return `${this.startDim}, ${this.endDim}`;
  }
}

export interface ResidualOptions {
  /** What brings x to the shape of inner(x) where they differ, such as a Linear. Default: x itself. */
  readonly shortcut?: Layer;
}

/**
 * y = inner(x) + shortcut(x): dx has the summand dy, however deep the network (He et al., 2016).
 *
 * @throws ShapeError when the two summands differ in shape.
 */
export class Residual extends Layer {
  readonly inner: Layer;
  readonly shortcut: Layer | null;

  constructor(inner: Layer, options: ResidualOptions = {}) {
    super();
    checkOptions(options, ["shortcut"], "Residual");
    this.inner = inner;
    this.shortcut = options.shortcut ?? null;
  }

  override forward(x: Tensor): Tensor {
    const y = this.inner.forward(x);
    const past = this.shortcut === null ? x : this.shortcut.forward(x);
    if (!sameShape(y.shape, past.shape)) {
      throw new ShapeError(
        expected(`a shortcut of shape ${formatShape(y.shape)}`, "Residual", formatShape(past.shape)),
      );
    }
    return y.add(past);
  }
}
