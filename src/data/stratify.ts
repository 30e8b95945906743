import type { Random } from "../random.js";

/**
 * Divides rows into `count` and the rest so that every class has about the same share in both:
 * class c of n_c rows gives floor(n_c·count/N) rows to the first part, and the rows still missing
 * come from the classes with the largest remainders (Hamilton's method), ties by the lower label.
 */
export function stratifiedOrder(labels: Int32Array, count: number, random: Random): [Int32Array, Int32Array] {
  const classes = new Map<number, number[]>();
  for (const row of random.permutation(labels.length)) {
    const label = labels[row]!;
    const rows = classes.get(label);
    if (rows) rows.push(row);
    else classes.set(label, [row]);
  }
  const shares = [...classes]
    .sort(([a], [b]) => a - b)
    .map(([, rows]) => {
      const exact = labels.length === 0 ? 0 : (rows.length * count) / labels.length;
      return { rows, take: Math.floor(exact), remainder: exact - Math.floor(exact) };
    });
  let missing = count - shares.reduce((sum, { take }) => sum + take, 0);
  for (const share of [...shares].sort((a, b) => b.remainder - a.remainder)) {
    if (missing === 0) break;
    share.take++;
    missing--;
  }
  const first = shares.flatMap(({ rows, take }) => rows.slice(0, take));
  const second = shares.flatMap(({ rows, take }) => rows.slice(take));
  return [random.shuffle(Int32Array.from(first)), random.shuffle(Int32Array.from(second))];
}
