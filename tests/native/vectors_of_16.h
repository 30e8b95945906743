// native/simd/vec.h with vectors of 16 floats, each two of AVX2, and tails of half a vector as AVX-512 has
// them: what kernels decide by the length of a vector can be tested on processors without AVX-512. Philox's
// words are left out. The lanes that fma_half leaves undefined are NaN here.
namespace {
namespace half {
#include "../../native/simd/avx2.h"
}  // namespace half

using Real = float;
using Int = int32_t;
constexpr int kWidth = 16;
constexpr bool kHalfIsCheaper = true;

struct V {
  half::V a, b;
};
struct VI {
  half::VI a, b;
};
struct M {
  half::M a, b;
};

/** Of n lanes, those of the first and of the second half. */
inline int64_t first(int64_t n) { return n < 8 ? n : 8; }
inline int64_t second(int64_t n) { return n > 8 ? n - 8 : 0; }

#define NABLA_ONE(result, name, type) \
  inline result name(type x) { return {half::name(x.a), half::name(x.b)}; }
#define NABLA_TWO(result, name, type) \
  inline result name(type x, type y) { return {half::name(x.a, y.a), half::name(x.b, y.b)}; }
#define NABLA_THREE(name) \
  inline V name(V x, V y, V z) { return {half::name(x.a, y.a, z.a), half::name(x.b, y.b, z.b)}; }
#define NABLA_LOAD(name, from) \
  inline V name(const from* p, int64_t n) { return {half::name(p, first(n)), half::name(p + 8, second(n))}; }
#define NABLA_STORE(name, to)               \
  inline void name(to* p, V x, int64_t n) { \
    half::name(p, x.a, first(n));           \
    half::name(p + 8, x.b, second(n));      \
  }
#define NABLA_SHIFT(name)                            \
  template <int n>                                   \
  inline VI name(VI x) {                             \
    return {half::name<n>(x.a), half::name<n>(x.b)}; \
  }

// memory
inline V load(const float* p) { return {half::load(p), half::load(p + 8)}; }
inline void store(float* p, V x) {
  half::store(p, x.a);
  half::store(p + 8, x.b);
}
NABLA_LOAD(load_n, float)
NABLA_LOAD(load_i32, int32_t)
NABLA_LOAD(load_u8, uint8_t)
NABLA_STORE(store_n, float)
NABLA_STORE(store_i32, int32_t)
NABLA_STORE(store_u8, uint8_t)
inline void store_stream(float* p, V x) { store(p, x); }
inline void stream_fence() {}
inline void prefetch(const void* p) { half::prefetch(p); }
inline void prefetch_far(const void* p) { half::prefetch_far(p); }

// make
inline V set1(float x) { return {half::set1(x), half::set1(x)}; }
inline V zero() { return set1(0); }
inline V iota() { return {half::iota(), half::operator+(half::iota(), half::set1(8))}; }

// arithmetic
NABLA_TWO(V, operator+, V)
NABLA_TWO(V, operator-, V)
NABLA_TWO(V, operator*, V)
NABLA_TWO(V, operator/, V)
NABLA_ONE(V, neg, V)
NABLA_ONE(V, abs, V)
NABLA_ONE(V, sqrt, V)
NABLA_ONE(V, floor, V)
NABLA_ONE(V, ceil, V)
NABLA_ONE(V, trunc, V)
NABLA_ONE(V, round_even, V)
NABLA_TWO(V, min, V)
NABLA_TWO(V, max, V)
NABLA_TWO(V, at_least, V)
NABLA_TWO(V, at_most, V)
NABLA_TWO(V, copysign, V)
NABLA_THREE(fma)
NABLA_THREE(fnma)
NABLA_THREE(fms)
inline V fma_half(V x, V y, V z) { return {half::fma(x.a, y.a, z.a), half::set1(__builtin_nanf(""))}; }

// compare
NABLA_TWO(M, lt, V)
NABLA_TWO(M, le, V)
NABLA_TWO(M, gt, V)
NABLA_TWO(M, ge, V)
NABLA_TWO(M, eq, V)
NABLA_TWO(M, ne, V)
NABLA_ONE(M, is_nan, V)
NABLA_ONE(M, is_finite, V)
NABLA_TWO(M, mask_and, M)
NABLA_TWO(M, mask_or, M)
NABLA_TWO(M, mask_xor, M)
NABLA_ONE(M, mask_not, M)
inline bool any(M x) { return half::any(x.a) || half::any(x.b); }
inline bool all(M x) { return half::all(x.a) && half::all(x.b); }
inline V select(M m, V x, V y) { return {half::select(m.a, x.a, y.a), half::select(m.b, x.b, y.b)}; }
NABLA_ONE(V, from_mask, M)

// integers
NABLA_ONE(VI, to_int, V)
NABLA_ONE(V, to_real, VI)
NABLA_ONE(VI, as_int, V)
NABLA_ONE(V, as_real, VI)
inline VI iset1(int32_t x) { return {half::iset1(x), half::iset1(x)}; }
NABLA_TWO(VI, operator+, VI)
NABLA_TWO(VI, operator-, VI)
NABLA_TWO(VI, operator&, VI)
NABLA_TWO(VI, operator|, VI)
NABLA_TWO(VI, operator^, VI)
NABLA_TWO(M, lt, VI)
NABLA_TWO(M, eq, VI)
inline VI select(M m, VI x, VI y) { return {half::select(m.a, x.a, y.a), half::select(m.b, x.b, y.b)}; }
NABLA_SHIFT(shift_left)
NABLA_SHIFT(shift_right)
NABLA_SHIFT(shift_right_logical)
inline V scale2(V x, VI i) { return {half::scale2(x.a, i.a), half::scale2(x.b, i.b)}; }
NABLA_TWO(V, scale2_near, V)
NABLA_ONE(V, power2, V)

// across
inline float reduce_add(V x) { return half::reduce_add(half::operator+(x.a, x.b)); }
inline float reduce_max(V x) { return half::reduce_max(half::max(x.a, x.b)); }
inline float reduce_min(V x) { return half::reduce_min(half::min(x.a, x.b)); }

#undef NABLA_ONE
#undef NABLA_TWO
#undef NABLA_THREE
#undef NABLA_LOAD
#undef NABLA_STORE
#undef NABLA_SHIFT
}  // namespace
