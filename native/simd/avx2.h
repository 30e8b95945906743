// vec.h in AVX2 with FMA: 8 floats, masks as vectors of all or no bits.
namespace {

using Real = float;
using Int = int32_t;
constexpr int kWidth = 8;

struct V {
  __m256 v;
};
struct VI {
  __m256i v;
};
struct M {
  __m256 m;
};

inline __m256i first_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// memory
inline V load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline void store(float* p, V a) { _mm256_storeu_ps(p, a.v); }
inline V load_n(const float* p, int64_t n) { return {_mm256_maskload_ps(p, first_lanes(n))}; }
inline void store_n(float* p, V a, int64_t n) { _mm256_maskstore_ps(p, first_lanes(n), a.v); }
inline void store_stream(float* p, V a) { _mm256_stream_ps(p, a.v); }
inline void stream_fence() { _mm_sfence(); }
inline V load_i32(const int32_t* p, int64_t n) {
  return {_mm256_cvtepi32_ps(_mm256_maskload_epi32(p, first_lanes(n)))};
}
inline V load_u8(const uint8_t* p, int64_t n) {
  uint64_t bytes = 0;
  if (n == kWidth)
    std::memcpy(&bytes, p, 8);
  else
    for (int64_t i = 0; i < n; ++i) bytes |= static_cast<uint64_t>(p[i]) << (8 * i);
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(bytes))))};
}
inline void store_i32(int32_t* p, V a, int64_t n) {
  // The conversion gives INT32_MIN for whatever does not fit; too high (all bits flip) and NaN are put right
  // after.
  const __m256 high = _mm256_cmp_ps(a.v, _mm256_set1_ps(2147483648.0f), _CMP_GE_OQ);
  const __m256 number = _mm256_cmp_ps(a.v, a.v, _CMP_ORD_Q);
  const __m256i i = _mm256_xor_si256(_mm256_cvttps_epi32(a.v), _mm256_castps_si256(high));
  _mm256_maskstore_epi32(p, first_lanes(n), _mm256_and_si256(i, _mm256_castps_si256(number)));
}
inline void store_u8(uint8_t* p, V a, int64_t n) {
  const int set = _mm256_movemask_ps(_mm256_cmp_ps(a.v, _mm256_setzero_ps(), _CMP_NEQ_UQ));
  for (int64_t i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(set >> i & 1);
}
[[gnu::always_inline]] inline void prefetch(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
}
[[gnu::always_inline]] inline void prefetch_far(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1);
}

// make
inline V set1(float x) { return {_mm256_set1_ps(x)}; }
inline V zero() { return {_mm256_setzero_ps()}; }
inline V iota() { return {_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7)}; }

// arithmetic
inline V operator+(V a, V b) { return {_mm256_add_ps(a.v, b.v)}; }
inline V operator-(V a, V b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline V operator*(V a, V b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline V operator/(V a, V b) { return {_mm256_div_ps(a.v, b.v)}; }
inline V neg(V a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
inline V abs(V a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
inline V sqrt(V a) { return {_mm256_sqrt_ps(a.v)}; }
inline V fma(V a, V b, V c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
constexpr bool kHalfIsCheaper = false;
inline V fma_half(V a, V b, V c) { return fma(a, b, c); }
inline V fnma(V a, V b, V c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
inline V fms(V a, V b, V c) { return {_mm256_fmsub_ps(a.v, b.v, c.v)}; }
inline V floor(V a) { return {_mm256_round_ps(a.v, 9)}; }
inline V ceil(V a) { return {_mm256_round_ps(a.v, 10)}; }
inline V trunc(V a) { return {_mm256_round_ps(a.v, 11)}; }
inline V round_even(V a) { return {_mm256_round_ps(a.v, 8)}; }
inline V copysign(V a, V sign_of) {
  return {_mm256_or_ps(abs(a).v, _mm256_and_ps(sign_of.v, _mm256_set1_ps(-0.0f)))};
}
// The machine returns the second operand when either is NaN; a first one that is NaN is kept here.
inline V min(V a, V b) {
  return {_mm256_blendv_ps(_mm256_min_ps(a.v, b.v), a.v, _mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q))};
}
inline V max(V a, V b) {
  return {_mm256_blendv_ps(_mm256_max_ps(a.v, b.v), a.v, _mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q))};
}
inline V at_least(V x, V bound) { return {_mm256_max_ps(bound.v, x.v)}; }
inline V at_most(V x, V bound) { return {_mm256_min_ps(bound.v, x.v)}; }

// compare
inline M lt(V a, V b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
inline M le(V a, V b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
inline M gt(V a, V b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
inline M ge(V a, V b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
inline M eq(V a, V b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
inline M ne(V a, V b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)}; }
inline M is_nan(V a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
inline M is_finite(V a) { return {_mm256_cmp_ps(abs(a).v, _mm256_set1_ps(__builtin_inff()), _CMP_LT_OQ)}; }
inline M mask_and(M a, M b) { return {_mm256_and_ps(a.m, b.m)}; }
inline M mask_or(M a, M b) { return {_mm256_or_ps(a.m, b.m)}; }
inline M mask_xor(M a, M b) { return {_mm256_xor_ps(a.m, b.m)}; }
inline M mask_not(M a) { return {_mm256_xor_ps(a.m, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))}; }
inline bool any(M a) { return _mm256_movemask_ps(a.m) != 0; }
inline bool all(M a) { return _mm256_movemask_ps(a.m) == 0xff; }
inline V select(M m, V a, V b) { return {_mm256_blendv_ps(b.v, a.v, m.m)}; }
inline V from_mask(M m) { return {_mm256_and_ps(m.m, _mm256_set1_ps(1.0f))}; }

// integers
inline VI iset1(int32_t x) { return {_mm256_set1_epi32(x)}; }
inline VI operator+(VI a, VI b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline VI operator-(VI a, VI b) { return {_mm256_sub_epi32(a.v, b.v)}; }
inline VI operator&(VI a, VI b) { return {_mm256_and_si256(a.v, b.v)}; }
inline VI operator|(VI a, VI b) { return {_mm256_or_si256(a.v, b.v)}; }
inline VI operator^(VI a, VI b) { return {_mm256_xor_si256(a.v, b.v)}; }
inline M lt(VI a, VI b) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(b.v, a.v))}; }
inline M eq(VI a, VI b) { return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))}; }
template <int N>
inline VI shift_left(VI a) {
  return {_mm256_slli_epi32(a.v, N)};
}
template <int N>
inline VI shift_right(VI a) {
  return {_mm256_srai_epi32(a.v, N)};
}
template <int N>
inline VI shift_right_logical(VI a) {
  return {_mm256_srli_epi32(a.v, N)};
}
inline VI to_int(V a) { return {_mm256_cvtps_epi32(a.v)}; }
inline V to_real(VI a) { return {_mm256_cvtepi32_ps(a.v)}; }
inline VI as_int(V a) { return {_mm256_castps_si256(a.v)}; }
inline V as_real(VI a) { return {_mm256_castsi256_ps(a.v)}; }
inline VI select(M m, VI a, VI b) { return as_int(select(m, as_real(a), as_real(b))); }

inline V power2_int(VI i) { return as_real(shift_left<23>(i + iset1(127))); }
/** Three factors, of which only the last can round: it takes the whole -126 when i is below that,
 *  and then an earlier one loses bits only if the result is below 2^-252. */
inline V scale2(V a, VI i) {
  const __m256i low = _mm256_set1_epi32(-126), high = _mm256_set1_epi32(127);
  const VI last = {_mm256_min_epi32(_mm256_max_epi32(i.v, low), high)};
  const VI second = {_mm256_min_epi32(_mm256_max_epi32((i - last).v, low), high)};
  const VI rest = i - last - second;
  const VI first = {_mm256_min_epi32(_mm256_max_epi32(rest.v, low), high)};
  return a * power2_int(first) * power2_int(second) * power2_int(last);
}
inline V scale2_near(V a, V n) {
  const VI i = to_int(n), half = shift_right<1>(i);
  return a * power2_int(half) * power2_int(i - half);
}
inline V power2(V n) { return power2_int(to_int(n)); }

// across: halves are folded onto each other
inline float reduce_add(V a) {
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
inline float reduce_max(V a) {
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return any(is_nan(a)) ? __builtin_nanf("") : _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
inline float reduce_min(V a) { return -reduce_max(neg(a)); }

// unsigned 32-bit lanes
constexpr int kWords = 8;
struct VU {
  __m256i v;
};
inline VU uset1(uint32_t x) { return {_mm256_set1_epi32(static_cast<int32_t>(x))}; }
inline VU operator+(VU a, VU b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline VU operator^(VU a, VU b) { return {_mm256_xor_si256(a.v, b.v)}; }
inline void mul_wide(VU a, VU b, VU& high, VU& low) {
  const __m256i even = _mm256_mul_epu32(a.v, b.v);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a.v, 32), _mm256_srli_epi64(b.v, 32));
  high.v = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
  low.v = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}
inline VU block_iota() { return {_mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7)}; }
inline void store_blocks(uint32_t* p, VU a, VU b, VU c, VU d) {
  const __m256i ab0 = _mm256_unpacklo_epi32(a.v, b.v), ab1 = _mm256_unpackhi_epi32(a.v, b.v);
  const __m256i cd0 = _mm256_unpacklo_epi32(c.v, d.v), cd1 = _mm256_unpackhi_epi32(c.v, d.v);
  __m256i* out = reinterpret_cast<__m256i*>(p);
  _mm256_storeu_si256(out, _mm256_unpacklo_epi64(ab0, cd0));
  _mm256_storeu_si256(out + 1, _mm256_unpackhi_epi64(ab0, cd0));
  _mm256_storeu_si256(out + 2, _mm256_unpacklo_epi64(ab1, cd1));
  _mm256_storeu_si256(out + 3, _mm256_unpackhi_epi64(ab1, cd1));
}

}  // namespace
