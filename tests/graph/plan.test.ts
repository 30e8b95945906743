import { expect, test } from "vitest";
import { type Instruction, Recorder } from "../../src/graph/lower.js";
import { denseOperand, type OperandRef, Region } from "../../src/graph/operand.js";
import { planArena } from "../../src/graph/plan.js";
import { Random } from "../../src/random.js";

const vector = (n: number): OperandRef => denseOperand(new Region(4 * n), "float32", [n]);

/** A random list of copies, each from something computed before. */
function randomProgram(random: Random, length: number): Instruction[] {
  const recorder = new Recorder();
  const made: OperandRef[] = [vector(1 + Math.floor(random.uniform() * 300))];
  recorder.fill({}, { y: made[0]! }, { value: 1 });
  for (let i = 1; i < length; i++) {
    const x = made[Math.floor(random.uniform() * made.length)]!;
    const fresh = random.uniform() < 0.3;
    const y = vector(fresh ? 1 + Math.floor(random.uniform() * 300) : x.shape[0]!);
    if (fresh) recorder.fill({}, { y }, { value: i });
    else recorder.copy({ x }, { y });
    made.push(y);
  }
  return recorder.instructions;
}

test("regions alive at the same time never overlap", () => {
  const random = new Random(1);
  for (let round = 0; round < 50; round++) {
    const instructions = randomProgram(random, 40);
    const plan = planArena(instructions);
    const life = new Map<Region, { first: number; last: number }>();
    instructions.forEach(({ operands }, i) => {
      for (const o of operands) {
        if (o === undefined) continue;
        const known = life.get(o.region);
        if (known === undefined) life.set(o.region, { first: i, last: i });
        else known.last = i;
      }
    });
    const list = [...life];
    for (const [a, la] of list) {
      expect(plan.offsetOf(a) % 64).toBe(0);
      expect(plan.offsetOf(a) + a.bytes).toBeLessThanOrEqual(plan.arenaBytes);
      for (const [b, lb] of list) {
        if (a === b || la.last < lb.first || lb.last < la.first) continue;
        const apart =
          plan.offsetOf(a) + a.bytes <= plan.offsetOf(b) || plan.offsetOf(b) + b.bytes <= plan.offsetOf(a);
        expect(apart).toBe(true);
      }
    }
  }
});

test("memory is used again once nobody reads it", () => {
  const recorder = new Recorder();
  let x = vector(1000);
  recorder.fill({}, { y: x }, { value: 1 });
  for (let i = 0; i < 10; i++) {
    const y = vector(1000);
    recorder.copy({ x }, { y });
    x = y;
  }
  expect(planArena(recorder.instructions).arenaBytes).toBeLessThan(3 * 4096);
});

test("a pointwise result takes over an input read for the last time, but not one still needed", () => {
  const recorder = new Recorder();
  const [x, y, z] = [vector(64), vector(64), vector(64)];
  recorder.fill({}, { y: x }, { value: 1 });
  const code = [0, 0, 1, 0, 8, 0, 0, 0];
  recorder.pointwise({ x0: x }, { y0: y }, { code });
  recorder.pointwise({ x0: x, x1: y }, { y0: z }, { code });
  const plan = planArena(recorder.instructions);
  expect(plan.offsetOf(y.region)).not.toBe(plan.offsetOf(x.region));
  expect([plan.offsetOf(x.region), plan.offsetOf(y.region)]).toContain(plan.offsetOf(z.region));
});
