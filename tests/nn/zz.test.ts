import { test } from "vitest";
import { tensor } from "../../src/tensor.js";
import { grad } from "../../src/graph/differentiate.js";
import { programFor } from "../../src/graph/evaluate.js";
import { project } from "../check-gradient.js";
test("x", () => {
  for (const v of [0.1, 0.1+1e-5, 0.1-1e-5]) {
    const x = tensor(Float64Array.of(v), { requiresGrad: true });
    const g = grad(project(x.pow(x)), [x])[0]!;
    const l = project(g);
    if (v === 0.1) console.log(programFor([l.value]).toString());
    console.log(v, l.item(), v ** v * (Math.log(v) + 1)*1.1953759570416897**2, project(x).item()/v);
  }
});
