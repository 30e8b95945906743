import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ReduceOnPlateau, type Schedule, schedules } from "../../src/optim/index.js";

const reference = JSON.parse(
  readFileSync(new URL("../reference/optimizers.json", import.meta.url), "utf8"),
) as {
  schedules: Record<string, number[]>;
  plateau: { values: number[]; min: number[]; max: number[] };
};

/** The settings of scripts/reference/optimizers.py. */
const same: Record<string, Schedule> = {
  step: schedules.step({ every: 7, gamma: 0.5 }),
  multi_step: schedules.multiStep({ milestones: [5, 12, 30], gamma: 0.3 }),
  exponential: schedules.exponential({ gamma: 0.93 }),
  polynomial: schedules.polynomial({ steps: 30, power: 2 }),
  cosine: schedules.cosine({ steps: 40, end: 0.1 }),
  cosine_restarts: schedules.cosineRestarts({ steps: 8, growth: 2, end: 0.05 }),
  cosine_restarts_even: schedules.cosineRestarts({ steps: 9 }),
  one_cycle: schedules.oneCycle({ steps: 41 }),
  one_cycle_linear: schedules.oneCycle({
    steps: 41,
    rise: 0.25,
    startDivisor: 10,
    endDivisor: 100,
    anneal: "linear",
  }),
  linear_warmup: schedules.warmup(10, schedules.constant(), 0.1),
};

describe("factors are PyTorch's", () => {
  for (const [name, values] of Object.entries(reference.schedules)) {
    test(name, () => {
      // PyTorch multiplies step by step, which costs it some units in the last place.
      values.forEach((value, t) => expect(same[name]!.factor(t), `step ${t}`).toBeCloseTo(value, 10));
    });
  }
});

test("by hand: polynomial with an end, inverse time, constant", () => {
  const line = schedules.polynomial({ steps: 10, end: 0.2 });
  expect([0, 5, 10, 99].map((t) => line.factor(t))).toEqual(
    [1, 0.6, 0.2, 0.2].map((x) => expect.closeTo(x, 12)),
  );
  expect(schedules.inverseTime({ decay: 0.5 }).factor(4)).toBe(1 / 3);
  expect(schedules.constant(0.5).factor(7)).toBe(0.5);
});

test("cosine and one cycle stay at their end", () => {
  expect(schedules.cosine({ steps: 5, end: 0.25 }).factor(50)).toBe(0.25);
  const cycle = schedules.oneCycle({ steps: 20 });
  expect(cycle.factor(100)).toBe(cycle.factor(19));
  expect(cycle.factor(19)).toBeCloseTo(1 / 25 / 1e4, 12);
});

test("warm-up rises in a straight line and hands over", () => {
  const warm = schedules.warmup(4, schedules.step({ every: 2, gamma: 0.5 }));
  expect([0, 1, 2, 3, 4, 5, 6, 8].map((t) => warm.factor(t))).toEqual([
    0.25, 0.4375, 0.625, 0.8125, 1, 1, 0.5, 0.25,
  ]);
  const nested = schedules.warmup(2, schedules.warmup(2, schedules.constant(), 0), 0);
  expect([0, 1, 2, 3, 4].map((t) => nested.factor(t))).toEqual([0, 0.5, 0, 0.5, 1]);
});

test("everyEpoch counts epochs", () => {
  const slow = schedules.everyEpoch(schedules.exponential({ gamma: 0.5 }), 10);
  expect([0, 9, 10, 25].map((t) => slow.factor(t))).toEqual([1, 1, 0.5, 0.25]);
});

test("ReduceOnPlateau does as PyTorch's, for minima and maxima", () => {
  const { values, min, max } = reference.plateau;
  const options = { factor: 0.5, patience: 2, threshold: 1e-3, cooldown: 1, minFactor: 0.2 };
  const run = (mode: "min" | "max", sign: number) => {
    const plateau = new ReduceOnPlateau({ ...options, mode });
    return values.map((value) => {
      plateau.observe(sign * value);
      return plateau.factor();
    });
  };
  expect(run("min", 1)).toEqual(min);
  expect(run("max", -1)).toEqual(max);
});

test("a restored ReduceOnPlateau goes on where it was", () => {
  const options = { factor: 0.5, patience: 1 };
  const [whole, half, rest] = [options, options, options].map((o) => new ReduceOnPlateau(o));
  const values = [3, 3, 3, 2, 2, 2, 2, 2];
  const after = (plateau: ReduceOnPlateau, value: number) => {
    plateau.observe(value);
    return plateau.factor();
  };
  const wanted = values.map((v) => after(whole!, v));
  values.slice(0, 4).forEach((v) => half!.observe(v));
  rest!.restore(JSON.parse(JSON.stringify(half!.state)));
  expect(values.slice(4).map((v) => after(rest!, v))).toEqual(wanted.slice(4));
});

test("settings out of range are refused by name", () => {
  expect(() => schedules.step({ every: 0 })).toThrow(/every/);
  expect(() => schedules.cosine({ steps: 1.5 })).toThrow(/steps/);
  expect(() => schedules.exponential({ gamma: 0 })).toThrow(/gamma/);
  expect(() => schedules.oneCycle({ steps: 10, annealing: "linear" } as never)).toThrow(/anneal/);
  expect(() => schedules.warmup(3, {} as never)).toThrow(/then/);
  expect(() => new ReduceOnPlateau({ factor: 1 })).toThrow(/factor/);
});
