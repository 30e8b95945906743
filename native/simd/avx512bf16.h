// What AVX512_BF16 adds to avx512.h: products of pairs of bfloat16. A V holds kWidth pairs, one in
// the bits of each lane, the element that comes first in the low half.
namespace {

/** Rounded to bfloat16 (to nearest even; denormals become 0): lane i is the pair (even[i], odd[i]). */
inline V bf16_pairs(V even, V odd) {
  const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(even.v));
  const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd.v));
  return {_mm512_castsi512_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 16)))};
}

/** The same for 2 kWidth elements in order, first those of a: the pairs (a[0], a[1]) ... */
inline V bf16_neighbours(V a, V b) { return {_mm512_castsi512_ps((__m512i)_mm512_cvtne2ps_pbh(b.v, a.v))}; }

/** c plus both products of every pair of a and b, in float32. */
inline V bf16_multiply_add(V a, V b, V c) {
  return {_mm512_dpbf16_ps(c.v, (__m512bh)_mm512_castps_si512(a.v), (__m512bh)_mm512_castps_si512(b.v))};
}

}  // namespace
