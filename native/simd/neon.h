// vec.h in 64-bit NEON: 4 floats, masks as vectors of all or no bits.
namespace {

using Real = float;
using Int = int32_t;
constexpr int kWidth = 4;

struct V {
  float32x4_t v;
};
struct VI {
  int32x4_t v;
};
struct M {
  uint32x4_t m;
};

// memory: partial vectors go lane by lane, so nothing behind them is touched
inline V load(const float* p) { return {vld1q_f32(p)}; }
inline void store(float* p, V a) { vst1q_f32(p, a.v); }
inline V load_n(const float* p, int64_t n) {
  float32x4_t a = vdupq_n_f32(0);
  if (n > 0) a = vld1q_lane_f32(p, a, 0);
  if (n > 1) a = vld1q_lane_f32(p + 1, a, 1);
  if (n > 2) a = vld1q_lane_f32(p + 2, a, 2);
  return {a};
}
inline void store_n(float* p, V a, int64_t n) {
  if (n > 0) vst1q_lane_f32(p, a.v, 0);
  if (n > 1) vst1q_lane_f32(p + 1, a.v, 1);
  if (n > 2) vst1q_lane_f32(p + 2, a.v, 2);
}
inline void store_stream(float* p, V a) { vst1q_f32(p, a.v); }
inline void stream_fence() {}
inline V load_i32(const int32_t* p, int64_t n) {
  int32_t lanes[kWidth] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return {vcvtq_f32_s32(vld1q_s32(lanes))};
}
inline V load_u8(const uint8_t* p, int64_t n) {
  int32_t lanes[kWidth] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return {vcvtq_f32_s32(vld1q_s32(lanes))};
}
inline void store_i32(int32_t* p, V a, int64_t n) {
  int32_t lanes[kWidth];
  vst1q_s32(lanes, vcvtq_s32_f32(a.v));  // toward zero, saturating, NaN to 0
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}
inline void store_u8(uint8_t* p, V a, int64_t n) {
  uint32_t lanes[kWidth];
  vst1q_u32(lanes, vceqq_f32(a.v, vdupq_n_f32(0)));
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i] == 0;
}
[[gnu::always_inline]] inline void prefetch(const void* p) { __builtin_prefetch(p); }
[[gnu::always_inline]] inline void prefetch_far(const void* p) { __builtin_prefetch(p, 0, 2); }

// make
inline V set1(float x) { return {vdupq_n_f32(x)}; }
inline V zero() { return {vdupq_n_f32(0)}; }
inline V iota() {
  const float lanes[kWidth] = {0, 1, 2, 3};
  return {vld1q_f32(lanes)};
}

// arithmetic
inline V operator+(V a, V b) { return {vaddq_f32(a.v, b.v)}; }
inline V operator-(V a, V b) { return {vsubq_f32(a.v, b.v)}; }
inline V operator*(V a, V b) { return {vmulq_f32(a.v, b.v)}; }
inline V operator/(V a, V b) { return {vdivq_f32(a.v, b.v)}; }
inline V neg(V a) { return {vnegq_f32(a.v)}; }
inline V abs(V a) { return {vabsq_f32(a.v)}; }
inline V sqrt(V a) { return {vsqrtq_f32(a.v)}; }
inline V fma(V a, V b, V c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
constexpr bool kHalfIsCheaper = false;
inline V fma_half(V a, V b, V c) { return fma(a, b, c); }
inline V fnma(V a, V b, V c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
inline V fms(V a, V b, V c) { return {vfmaq_f32(vnegq_f32(c.v), a.v, b.v)}; }
inline V floor(V a) { return {vrndmq_f32(a.v)}; }
inline V ceil(V a) { return {vrndpq_f32(a.v)}; }
inline V trunc(V a) { return {vrndq_f32(a.v)}; }
inline V round_even(V a) { return {vrndnq_f32(a.v)}; }
inline V min(V a, V b) { return {vminq_f32(a.v, b.v)}; }
inline V max(V a, V b) { return {vmaxq_f32(a.v, b.v)}; }
inline V at_least(V x, V bound) { return max(x, bound); }
inline V at_most(V x, V bound) { return min(x, bound); }
inline V copysign(V a, V sign_of) { return {vbslq_f32(vdupq_n_u32(0x80000000u), sign_of.v, a.v)}; }

// compare
inline M lt(V a, V b) { return {vcltq_f32(a.v, b.v)}; }
inline M le(V a, V b) { return {vcleq_f32(a.v, b.v)}; }
inline M gt(V a, V b) { return {vcgtq_f32(a.v, b.v)}; }
inline M ge(V a, V b) { return {vcgeq_f32(a.v, b.v)}; }
inline M eq(V a, V b) { return {vceqq_f32(a.v, b.v)}; }
inline M ne(V a, V b) { return {vmvnq_u32(vceqq_f32(a.v, b.v))}; }
inline M is_nan(V a) { return ne(a, a); }
inline M is_finite(V a) { return {vcaltq_f32(a.v, vdupq_n_f32(__builtin_inff()))}; }
inline M mask_and(M a, M b) { return {vandq_u32(a.m, b.m)}; }
inline M mask_or(M a, M b) { return {vorrq_u32(a.m, b.m)}; }
inline M mask_xor(M a, M b) { return {veorq_u32(a.m, b.m)}; }
inline M mask_not(M a) { return {vmvnq_u32(a.m)}; }
inline bool any(M a) { return vmaxvq_u32(a.m) != 0; }
inline bool all(M a) { return vminvq_u32(a.m) != 0; }
inline V select(M m, V a, V b) { return {vbslq_f32(m.m, a.v, b.v)}; }
inline V from_mask(M m) { return {vreinterpretq_f32_u32(vandq_u32(m.m, vdupq_n_u32(0x3f800000u)))}; }

// integers
inline VI iset1(int32_t x) { return {vdupq_n_s32(x)}; }
inline VI operator+(VI a, VI b) { return {vaddq_s32(a.v, b.v)}; }
inline VI operator-(VI a, VI b) { return {vsubq_s32(a.v, b.v)}; }
inline VI operator&(VI a, VI b) { return {vandq_s32(a.v, b.v)}; }
inline VI operator|(VI a, VI b) { return {vorrq_s32(a.v, b.v)}; }
inline VI operator^(VI a, VI b) { return {veorq_s32(a.v, b.v)}; }
inline M lt(VI a, VI b) { return {vcltq_s32(a.v, b.v)}; }
inline M eq(VI a, VI b) { return {vceqq_s32(a.v, b.v)}; }
inline VI select(M m, VI a, VI b) { return {vbslq_s32(m.m, a.v, b.v)}; }
template <int N>
inline VI shift_left(VI a) {
  return {vshlq_n_s32(a.v, N)};
}
template <int N>
inline VI shift_right(VI a) {
  return {vshrq_n_s32(a.v, N)};
}
template <int N>
inline VI shift_right_logical(VI a) {
  return {vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a.v), N))};
}
inline VI to_int(V a) { return {vcvtnq_s32_f32(a.v)}; }
inline V to_real(VI a) { return {vcvtq_f32_s32(a.v)}; }
inline VI as_int(V a) { return {vreinterpretq_s32_f32(a.v)}; }
inline V as_real(VI a) { return {vreinterpretq_f32_s32(a.v)}; }

inline V power2_int(VI i) { return as_real(shift_left<23>(i + iset1(127))); }
/** Three factors, of which only the last can round: it takes the whole -126 when i is below that,
 *  and then an earlier one loses bits only if the result is below 2^-252. */
inline V scale2(V a, VI i) {
  const int32x4_t low = vdupq_n_s32(-126), high = vdupq_n_s32(127);
  const VI last = {vminq_s32(vmaxq_s32(i.v, low), high)};
  const VI second = {vminq_s32(vmaxq_s32((i - last).v, low), high)};
  const VI first = {vminq_s32(vmaxq_s32((i - last - second).v, low), high)};
  return a * power2_int(first) * power2_int(second) * power2_int(last);
}
inline V scale2_near(V a, V n) {
  const VI i = to_int(n), half = shift_right<1>(i);
  return a * power2_int(half) * power2_int(i - half);
}
inline V power2(V n) { return power2_int(to_int(n)); }

// across
inline float reduce_add(V a) { return vaddvq_f32(a.v); }
inline float reduce_max(V a) { return vmaxvq_f32(a.v); }
inline float reduce_min(V a) { return vminvq_f32(a.v); }

// unsigned 32-bit lanes
constexpr int kWords = 4;
struct VU {
  uint32x4_t v;
};
inline VU uset1(uint32_t x) { return {vdupq_n_u32(x)}; }
inline VU operator+(VU a, VU b) { return {vaddq_u32(a.v, b.v)}; }
inline VU operator^(VU a, VU b) { return {veorq_u32(a.v, b.v)}; }
inline void mul_wide(VU a, VU b, VU& high, VU& low) {
  const uint32x4_t first = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a.v), vget_low_u32(b.v)));
  const uint32x4_t second = vreinterpretq_u32_u64(vmull_high_u32(a.v, b.v));
  low.v = vuzp1q_u32(first, second);
  high.v = vuzp2q_u32(first, second);
}
inline VU block_iota() {
  const uint32_t lanes[kWords] = {0, 1, 2, 3};
  return {vld1q_u32(lanes)};
}
inline void store_blocks(uint32_t* p, VU a, VU b, VU c, VU d) {
  const uint32x4x4_t blocks = {{a.v, b.v, c.v, d.v}};
  vst4q_u32(p, blocks);
}

}  // namespace
