/** Random orthonormal vectors, for the orthogonal initialiser. */

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/**
 * `count` orthonormal vectors of `length` ≥ count elements, uniform over all such systems when `next`
 * gives normal numbers: the Q of the QR decomposition with positive diagonal of R (Mezzadri, 2007).
 *
 * Gram and Schmidt with a second pass, which brings |Qᵀq| down to rounding (Giraud et al., 2005).
 */
export function orthonormalColumns(count: number, length: number, next: () => number): Float64Array[] {
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const v = Float64Array.from({ length }, next);
    const before = Math.sqrt(dot(v, v));
    for (let pass = 0; pass < 2; pass++) {
      for (const q of vectors) {
        const along = dot(q, v);
        for (let i = 0; i < length; i++) v[i]! -= along * q[i]!;
      }
    }
    const norm = Math.sqrt(dot(v, v));
    // Nearly dependent on the others: its direction would be rounding noise. Draw again.
    if (!(norm > 1e-8 * before)) continue;
    vectors.push(v.map((x) => x / norm));
  }
  return vectors;
}
