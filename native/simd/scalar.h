// vec.h one element at a time: the reference, and the fallback of every machine. The unit that
// includes this has declared  Real  and  Int  (the signed integer of Real's size) before.
namespace {

constexpr int kWidth = 1;

struct V {
  Real v;
};
struct VI {
  Int v;
};
struct M {
  bool m;
};

// memory
inline V load(const Real* p) { return {*p}; }
inline void store(Real* p, V a) { *p = a.v; }
inline V load_n(const Real* p, int64_t n) { return {n > 0 ? *p : Real{0}}; }
inline void store_n(Real* p, V a, int64_t n) {
  if (n > 0) *p = a.v;
}
inline void store_stream(Real* p, V a) { *p = a.v; }
inline void stream_fence() {}
inline V load_i32(const int32_t* p, int64_t n) { return {n > 0 ? static_cast<Real>(*p) : Real{0}}; }
inline V load_u8(const uint8_t* p, int64_t n) { return {n > 0 ? static_cast<Real>(*p) : Real{0}}; }
inline void store_i32(int32_t* p, V a, int64_t n) {
  if (n <= 0) return;
  if (a.v != a.v)
    *p = 0;
  else if (a.v >= Real{2147483648.0})
    *p = INT32_MAX;
  else if (a.v <= Real{-2147483648.0})
    *p = INT32_MIN;
  else
    *p = static_cast<int32_t>(a.v);
}
inline void store_u8(uint8_t* p, V a, int64_t n) {
  if (n > 0) *p = a.v != Real{0};
}
inline void prefetch(const void*) {}
inline void prefetch_far(const void*) {}

// make
inline V set1(Real x) { return {x}; }
inline V zero() { return {Real{0}}; }
inline V iota() { return {Real{0}}; }

// arithmetic
inline V operator+(V a, V b) { return {a.v + b.v}; }
inline V operator-(V a, V b) { return {a.v - b.v}; }
inline V operator*(V a, V b) { return {a.v * b.v}; }
inline V operator/(V a, V b) { return {a.v / b.v}; }
inline V neg(V a) { return {-a.v}; }
inline V abs(V a) { return {std::fabs(a.v)}; }
inline V sqrt(V a) { return {std::sqrt(a.v)}; }

// Where the baseline machine has no FMA: float through double, whose product is exact, so only a
// sum that falls on a tie of float is rounded twice (2^-29 ULP off, and never where the exact
// result is a float); double as product and sum.
#if defined(__FP_FAST_FMAF) || defined(__aarch64__)
inline float fma_of(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double fma_of(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
inline float fma_of(float a, float b, float c) { return static_cast<float>(static_cast<double>(a) * b + c); }
inline double fma_of(double a, double b, double c) { return a * b + c; }
#endif
inline V fma(V a, V b, V c) { return {fma_of(a.v, b.v, c.v)}; }
constexpr bool kHalfIsCheaper = false;
inline V fma_half(V a, V b, V c) { return fma(a, b, c); }
inline V fnma(V a, V b, V c) { return {fma_of(-a.v, b.v, c.v)}; }
inline V fms(V a, V b, V c) { return {fma_of(a.v, b.v, -c.v)}; }

inline V floor(V a) { return {std::floor(a.v)}; }
inline V ceil(V a) { return {std::ceil(a.v)}; }
inline V trunc(V a) { return {std::trunc(a.v)}; }
inline V copysign(V a, V sign_of) { return {std::copysign(a.v, sign_of.v)}; }
inline V round_even(V a) {
  constexpr Real kWhole = sizeof(Real) == 8 ? Real{4503599627370496.0} : Real{8388608.0};
  const Real size = std::fabs(a.v);
  if (!(size < kWhole)) return a;  // already whole, infinite or NaN
  return {std::copysign((size + kWhole) - kWhole, a.v)};
}
inline V min(V a, V b) { return {a.v != a.v || a.v < b.v ? a.v : b.v}; }
inline V max(V a, V b) { return {a.v != a.v || a.v > b.v ? a.v : b.v}; }
inline V at_least(V x, V bound) { return {x.v < bound.v ? bound.v : x.v}; }
inline V at_most(V x, V bound) { return {x.v > bound.v ? bound.v : x.v}; }

// compare
inline M lt(V a, V b) { return {a.v < b.v}; }
inline M le(V a, V b) { return {a.v <= b.v}; }
inline M gt(V a, V b) { return {a.v > b.v}; }
inline M ge(V a, V b) { return {a.v >= b.v}; }
inline M eq(V a, V b) { return {a.v == b.v}; }
inline M ne(V a, V b) { return {a.v != b.v}; }
inline M is_nan(V a) { return {a.v != a.v}; }
inline M is_finite(V a) { return {a.v - a.v == Real{0}}; }
inline M mask_and(M a, M b) { return {a.m && b.m}; }
inline M mask_or(M a, M b) { return {a.m || b.m}; }
inline M mask_xor(M a, M b) { return {a.m != b.m}; }
inline M mask_not(M a) { return {!a.m}; }
inline bool any(M a) { return a.m; }
inline bool all(M a) { return a.m; }
inline V select(M m, V a, V b) { return m.m ? a : b; }
inline V from_mask(M m) { return {m.m ? Real{1} : Real{0}}; }

// integers
// (through uint64_t, where wrapping around is defined)
inline VI wrap(uint64_t i) { return {static_cast<Int>(i)}; }
inline uint64_t wide(VI a) { return static_cast<uint64_t>(a.v); }
inline VI iset1(Int x) { return {x}; }
inline VI operator+(VI a, VI b) { return wrap(wide(a) + wide(b)); }
inline VI operator-(VI a, VI b) { return wrap(wide(a) - wide(b)); }
inline VI operator&(VI a, VI b) { return {a.v & b.v}; }
inline VI operator|(VI a, VI b) { return {a.v | b.v}; }
inline VI operator^(VI a, VI b) { return {a.v ^ b.v}; }
inline M lt(VI a, VI b) { return {a.v < b.v}; }
inline M eq(VI a, VI b) { return {a.v == b.v}; }
inline VI select(M m, VI a, VI b) { return m.m ? a : b; }
template <int N>
inline VI shift_left(VI a) {
  return wrap(wide(a) << N);
}
template <int N>
inline VI shift_right(VI a) {
  return {static_cast<Int>(a.v >> N)};
}
template <int N>
inline VI shift_right_logical(VI a) {
  return wrap((wide(a) & ~uint64_t{0} >> (64 - 8 * sizeof(Int))) >> N);
}
inline VI to_int(V a) {
  constexpr Real kLimit = sizeof(Int) == 8 ? Real{9223372036854775808.0} : Real{2147483648.0};
  return {std::fabs(a.v) < kLimit ? static_cast<Int>(round_even(a).v) : Int{0}};
}
inline V to_real(VI a) { return {static_cast<Real>(a.v)}; }
inline VI as_int(V a) {
  VI i;
  std::memcpy(&i.v, &a.v, sizeof(Real));
  return i;
}
inline V as_real(VI i) {
  V a;
  std::memcpy(&a.v, &i.v, sizeof(Real));
  return a;
}
inline V scale2(V a, VI i) { return {std::ldexp(a.v, static_cast<int>(i.v))}; }
inline V power2(V n) {
  constexpr bool kDouble = sizeof(Real) == 8;
  // The sum's last bits are the biased exponent; the shift drops all others.
  constexpr Real kBias = kDouble ? Real{6755399441055744.0 + 1023} : Real{12582912.0 + 127};
  return as_real(shift_left < kDouble ? 52 : 23 > (as_int(n + set1(kBias))));
}
inline V scale2_near(V a, V n) {
  const V half = round_even(n * set1(Real{0.5}));
  return a * power2(half) * power2(n - half);
}

// across
inline Real reduce_add(V a) { return a.v; }
inline Real reduce_max(V a) { return a.v; }
inline Real reduce_min(V a) { return a.v; }

// unsigned 32-bit lanes
constexpr int kWords = 1;
struct VU {
  uint32_t v;
};
inline VU uset1(uint32_t x) { return {x}; }
inline VU operator+(VU a, VU b) { return {a.v + b.v}; }
inline VU operator^(VU a, VU b) { return {a.v ^ b.v}; }
inline void mul_wide(VU a, VU b, VU& high, VU& low) {
  const uint64_t product = static_cast<uint64_t>(a.v) * b.v;
  high = {static_cast<uint32_t>(product >> 32)};
  low = {static_cast<uint32_t>(product)};
}
inline VU block_iota() { return {0}; }
inline void store_blocks(uint32_t* p, VU a, VU b, VU c, VU d) {
  p[0] = a.v;
  p[1] = b.v;
  p[2] = c.v;
  p[3] = d.v;
}

}  // namespace
