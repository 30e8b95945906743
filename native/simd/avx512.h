// vec.h in AVX-512 (F, DQ, BW, VL): 16 floats, masks in mask registers. Forms with a full constant mask
// compile to the plain instruction; GCC 12 warns of an uninitialised value inside the unmasked ones.
namespace {

using Real = float;
using Int = int32_t;
constexpr int kWidth = 16;

struct V {
  __m512 v;
};
struct VI {
  __m512i v;
};
struct M {
  __mmask16 m;
};

inline __mmask16 first_lanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

// memory
inline V load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, V a) { _mm512_storeu_ps(p, a.v); }
inline V load_n(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(first_lanes(n), p)}; }
inline void store_n(float* p, V a, int64_t n) { _mm512_mask_storeu_ps(p, first_lanes(n), a.v); }
inline void store_stream(float* p, V a) { _mm512_stream_ps(p, a.v); }
inline void stream_fence() { _mm_sfence(); }
inline V load_i32(const int32_t* p, int64_t n) {
  return {_mm512_maskz_cvtepi32_ps(0xffff, _mm512_maskz_loadu_epi32(first_lanes(n), p))};
}
inline V load_u8(const uint8_t* p, int64_t n) {
  return {_mm512_maskz_cvtepi32_ps(
      0xffff, _mm512_maskz_cvtepu8_epi32(0xffff, _mm_maskz_loadu_epi8(first_lanes(n), p)))};
}
inline void store_i32(int32_t* p, V a, int64_t n) {
  // The conversion gives INT32_MIN for whatever does not fit; too high and NaN are put right after.
  const __mmask16 high = _mm512_cmp_ps_mask(a.v, _mm512_set1_ps(2147483648.0f), _CMP_GE_OQ);
  const __mmask16 number = _mm512_cmp_ps_mask(a.v, a.v, _CMP_ORD_Q);
  const __m512i i =
      _mm512_mask_mov_epi32(_mm512_maskz_cvttps_epi32(0xffff, a.v), high, _mm512_set1_epi32(INT32_MAX));
  _mm512_mask_storeu_epi32(p, first_lanes(n), _mm512_maskz_mov_epi32(number, i));
}
inline void store_u8(uint8_t* p, V a, int64_t n) {
  const __mmask16 set = _mm512_cmp_ps_mask(a.v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
  _mm_mask_storeu_epi8(p, first_lanes(n), _mm_maskz_mov_epi8(set, _mm_set1_epi8(1)));
}
[[gnu::always_inline]] inline void prefetch(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
}
[[gnu::always_inline]] inline void prefetch_far(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1);
}

// make
inline V set1(float x) { return {_mm512_set1_ps(x)}; }
inline V zero() { return {_mm512_setzero_ps()}; }
inline V iota() { return {_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)}; }

// arithmetic
inline V operator+(V a, V b) { return {_mm512_add_ps(a.v, b.v)}; }
inline V operator-(V a, V b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline V operator*(V a, V b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline V operator/(V a, V b) { return {_mm512_div_ps(a.v, b.v)}; }
inline V neg(V a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }
inline V abs(V a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
inline V sqrt(V a) { return {_mm512_maskz_sqrt_ps(0xffff, a.v)}; }
inline V fma(V a, V b, V c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
constexpr bool kHalfIsCheaper = true;
inline V fma_half(V a, V b, V c) {
  return {_mm512_castps256_ps512(_mm256_fmadd_ps(_mm512_castps512_ps256(a.v), _mm512_castps512_ps256(b.v),
                                                 _mm512_castps512_ps256(c.v)))};
}
inline V fnma(V a, V b, V c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
inline V fms(V a, V b, V c) { return {_mm512_fmsub_ps(a.v, b.v, c.v)}; }
// roundscale: 8 + the rounding direction suppresses the inexact flag
inline V floor(V a) { return {_mm512_maskz_roundscale_ps(0xffff, a.v, 9)}; }
inline V ceil(V a) { return {_mm512_maskz_roundscale_ps(0xffff, a.v, 10)}; }
inline V trunc(V a) { return {_mm512_maskz_roundscale_ps(0xffff, a.v, 11)}; }
inline V round_even(V a) { return {_mm512_maskz_roundscale_ps(0xffff, a.v, 8)}; }
inline V copysign(V a, V sign_of) {
  const __m512i sign =
      _mm512_set1_epi32(INT32_MIN);  // 0xca: bits of sign_of where the mask is set, else of a
  return {_mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(sign, _mm512_castps_si512(sign_of.v), _mm512_castps_si512(a.v), 0xca))};
}
// The machine returns the second operand when either is NaN; a first one that is NaN is kept here.
inline V min(V a, V b) {
  return {_mm512_mask_min_ps(a.v, _mm512_cmp_ps_mask(a.v, a.v, _CMP_ORD_Q), a.v, b.v)};
}
inline V max(V a, V b) {
  return {_mm512_mask_max_ps(a.v, _mm512_cmp_ps_mask(a.v, a.v, _CMP_ORD_Q), a.v, b.v)};
}
inline V at_least(V x, V bound) { return {_mm512_maskz_max_ps(0xffff, bound.v, x.v)}; }
inline V at_most(V x, V bound) { return {_mm512_maskz_min_ps(0xffff, bound.v, x.v)}; }

// compare
inline M lt(V a, V b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
inline M le(V a, V b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
inline M gt(V a, V b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
inline M ge(V a, V b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
inline M eq(V a, V b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
inline M ne(V a, V b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
inline M is_nan(V a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
inline M is_finite(V a) {
  return {_mm512_cmp_ps_mask(abs(a).v, _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ)};
}
inline M mask_and(M a, M b) { return {static_cast<__mmask16>(a.m & b.m)}; }
inline M mask_or(M a, M b) { return {static_cast<__mmask16>(a.m | b.m)}; }
inline M mask_xor(M a, M b) { return {static_cast<__mmask16>(a.m ^ b.m)}; }
inline M mask_not(M a) { return {static_cast<__mmask16>(~a.m)}; }
inline bool any(M a) { return a.m != 0; }
inline bool all(M a) { return a.m == 0xffff; }
inline V select(M m, V a, V b) { return {_mm512_mask_blend_ps(m.m, b.v, a.v)}; }
inline V from_mask(M m) { return {_mm512_maskz_mov_ps(m.m, _mm512_set1_ps(1.0f))}; }

// integers
inline VI iset1(int32_t x) { return {_mm512_set1_epi32(x)}; }
inline VI operator+(VI a, VI b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline VI operator-(VI a, VI b) { return {_mm512_sub_epi32(a.v, b.v)}; }
inline VI operator&(VI a, VI b) { return {_mm512_and_si512(a.v, b.v)}; }
inline VI operator|(VI a, VI b) { return {_mm512_or_si512(a.v, b.v)}; }
inline VI operator^(VI a, VI b) { return {_mm512_xor_si512(a.v, b.v)}; }
inline M lt(VI a, VI b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
inline M eq(VI a, VI b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
inline VI select(M m, VI a, VI b) { return {_mm512_mask_blend_epi32(m.m, b.v, a.v)}; }
template <int N>
inline VI shift_left(VI a) {
  return {_mm512_maskz_slli_epi32(0xffff, a.v, N)};
}
template <int N>
inline VI shift_right(VI a) {
  return {_mm512_maskz_srai_epi32(0xffff, a.v, N)};
}
template <int N>
inline VI shift_right_logical(VI a) {
  return {_mm512_maskz_srli_epi32(0xffff, a.v, N)};
}
inline VI to_int(V a) { return {_mm512_maskz_cvtps_epi32(0xffff, a.v)}; }
inline V to_real(VI a) { return {_mm512_maskz_cvtepi32_ps(0xffff, a.v)}; }
inline VI as_int(V a) { return {_mm512_castps_si512(a.v)}; }
inline V as_real(VI a) { return {_mm512_castsi512_ps(a.v)}; }
inline V scale2(V a, VI i) { return {_mm512_maskz_scalef_ps(0xffff, a.v, to_real(i).v)}; }
inline V scale2_near(V a, V n) { return {_mm512_maskz_scalef_ps(0xffff, a.v, n.v)}; }
inline V power2(V n) { return scale2_near(set1(1), n); }

// across: halves are folded onto each other
inline float reduce_add(V a) {
  const __m256 h =
      _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xff, a.v, 0), _mm512_maskz_extractf32x8_ps(0xff, a.v, 1));
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
inline float reduce_max(V a) {
  const __m256 h =
      _mm256_max_ps(_mm512_maskz_extractf32x8_ps(0xff, a.v, 0), _mm512_maskz_extractf32x8_ps(0xff, a.v, 1));
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return any(is_nan(a)) ? __builtin_nanf("") : _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
inline float reduce_min(V a) { return -reduce_max(neg(a)); }

// unsigned 32-bit lanes
constexpr int kWords = 16;
struct VU {
  __m512i v;
};
inline VU uset1(uint32_t x) { return {_mm512_set1_epi32(static_cast<int32_t>(x))}; }
inline VU operator+(VU a, VU b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline VU operator^(VU a, VU b) { return {_mm512_xor_si512(a.v, b.v)}; }
inline void mul_wide(VU a, VU b, VU& high, VU& low) {
  const __m512i even = _mm512_maskz_mul_epu32(0xff, a.v, b.v);
  const __m512i odd = _mm512_maskz_mul_epu32(0xff, _mm512_maskz_srli_epi64(0xff, a.v, 32),
                                             _mm512_maskz_srli_epi64(0xff, b.v, 32));
  high.v = _mm512_mask_blend_epi32(0xaaaa, _mm512_maskz_srli_epi64(0xff, even, 32), odd);
  low.v = _mm512_mask_blend_epi32(0xaaaa, even, _mm512_maskz_slli_epi64(0xff, odd, 32));
}
inline VU block_iota() { return {_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)}; }
inline void store_blocks(uint32_t* p, VU a, VU b, VU c, VU d) {
  const __m512i ab0 = _mm512_maskz_unpacklo_epi32(0xffff, a.v, b.v),
                ab1 = _mm512_maskz_unpackhi_epi32(0xffff, a.v, b.v);
  const __m512i cd0 = _mm512_maskz_unpacklo_epi32(0xffff, c.v, d.v),
                cd1 = _mm512_maskz_unpackhi_epi32(0xffff, c.v, d.v);
  _mm512_storeu_si512(p, _mm512_maskz_unpacklo_epi64(0xff, ab0, cd0));
  _mm512_storeu_si512(p + 16, _mm512_maskz_unpackhi_epi64(0xff, ab0, cd0));
  _mm512_storeu_si512(p + 32, _mm512_maskz_unpacklo_epi64(0xff, ab1, cd1));
  _mm512_storeu_si512(p + 48, _mm512_maskz_unpackhi_epi64(0xff, ab1, cd1));
}

}  // namespace
