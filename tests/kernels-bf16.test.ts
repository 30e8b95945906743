import { describe, expect, it } from "vitest";
import * as kernels from "../src/kernels.js";

describe.skipIf(!kernels.info().isas.includes("avx512bf16"))("on avx512bf16", () => {
  it("a product of numbers that bfloat16 holds is exact; others are off by the rounding of two factors", () => {
    const [m, n, k] = [33, 65, 70];
    const options = { m, n, k, isa: "avx512bf16" };
    const whole = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 7) % 17) - 8);
    const out = new Float32Array(m * n);
    const exact = new Float32Array(m * n);
    kernels.gemm(whole(m * k), whole(k * n), out, options);
    kernels.gemm(whole(m * k), whole(k * n), exact, { ...options, isa: "scalar" });
    expect(out).toEqual(exact);

    const a = Float32Array.from({ length: m * k }, (_, i) => Math.sin(i));
    const b = Float32Array.from({ length: k * n }, (_, i) => Math.cos(3 * i));
    const magnitude = new Float32Array(m * n);
    kernels.gemm(a, b, out, options);
    kernels.gemm(a, b, exact, { ...options, isa: "scalar" });
    kernels.gemm(a.map(Math.abs), b.map(Math.abs), magnitude, { ...options, isa: "scalar" });
    // Each factor is rounded to 8 bits: half a unit is 2^-9 of it.
    const worst = out.reduce((w, y, i) => Math.max(w, Math.abs(y - exact[i]!) / magnitude[i]!), 0);
    expect(worst).toBeLessThan(2 ** -8);
    expect(worst).toBeGreaterThan(2 ** -20);
  });

  it("is never chosen by itself", () => {
    expect(kernels.info().isa === "avx512bf16").toBe(process.env.NABLA_ISA === "avx512bf16");
  });
});
