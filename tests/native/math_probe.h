// One instruction set's functions behind plain pointers, included by simd_units.h
// after the simd/ headers in a namespace for each instruction set.
namespace {

template <class Function>
inline void apply(const float* x, const float* y, float* out, int64_t n, Function function) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(out + i, function(load(x + i), load(y + i)));
  if (i < n) store_n(out + i, function(load_n(x + i, n - i), load_n(y + i, n - i)), n - i);
}

void run(Id id, const float* x, const float* y, float* out, int64_t n) {
  switch (id) {
    case Id::exp:
      return apply(x, y, out, n, [](V a, V) { return exp(a); });
    case Id::log:
      return apply(x, y, out, n, [](V a, V) { return log(a); });
    case Id::tanh:
      return apply(x, y, out, n, [](V a, V) { return tanh(a); });
    case Id::sigmoid:
      return apply(x, y, out, n, [](V a, V) { return sigmoid(a); });
    case Id::erf:
      return apply(x, y, out, n, [](V a, V) { return erf(a); });
    case Id::expm1:
      return apply(x, y, out, n, [](V a, V) { return expm1(a); });
    case Id::log1p:
      return apply(x, y, out, n, [](V a, V) { return log1p(a); });
    case Id::log2:
      return apply(x, y, out, n, [](V a, V) { return log2(a); });
    case Id::sin:
      return apply(x, y, out, n, [](V a, V) { return sin(a); });
    case Id::cos:
      return apply(x, y, out, n, [](V a, V) { return cos(a); });
    case Id::normal_cdf:
      return apply(x, y, out, n, [](V a, V) { return normal_cdf(a); });
    case Id::pow:
      return apply(x, y, out, n, [](V a, V b) { return pow(a, b); });
  }
}

inline int64_t lanes_at(int64_t i, int64_t n) { return n - i < kWidth ? n - i : kWidth; }
void apply_load_i32(const int32_t* a, float* out, int64_t n) {
  for (int64_t i = 0; i < n; i += kWidth) {
    float lanes[kWidth];
    store(lanes, load_i32(a + i, lanes_at(i, n)));
    std::memcpy(out + i, lanes, static_cast<size_t>(lanes_at(i, n)) * 4);
  }
}
void apply_load_u8(const uint8_t* a, float* out, int64_t n) {
  for (int64_t i = 0; i < n; i += kWidth) {
    float lanes[kWidth];
    store(lanes, load_u8(a + i, lanes_at(i, n)));
    std::memcpy(out + i, lanes, static_cast<size_t>(lanes_at(i, n)) * 4);
  }
}
void apply_store_i32(const float* a, int32_t* out, int64_t n) {
  for (int64_t i = 0; i < n; i += kWidth) {
    const int64_t lanes = lanes_at(i, n);
    store_i32(out + i, lanes == kWidth ? load(a + i) : load_n(a + i, lanes), lanes);
  }
}
void apply_store_u8(const float* a, uint8_t* out, int64_t n) {
  for (int64_t i = 0; i < n; i += kWidth) {
    const int64_t lanes = lanes_at(i, n);
    store_u8(out + i, lanes == kWidth ? load(a + i) : load_n(a + i, lanes), lanes);
  }
}

/** The operations of vec.h, compared bit by bit with the scalar ones. */
void run_operation(Operation operation, const float* a, const float* b, float* out, int64_t n) {
  const auto each = [&](auto function) { apply(a, b, out, n, function); };
  switch (operation) {
    case Operation::min:
      return each([](V x, V y) { return min(x, y); });
    case Operation::max:
      return each([](V x, V y) { return max(x, y); });
    case Operation::at_least:
      return each([](V x, V) { return at_least(x, set1(1)); });
    case Operation::at_most:
      return each([](V x, V) { return at_most(x, set1(1)); });
    case Operation::copysign:
      return each([](V x, V y) { return copysign(x, y); });
    case Operation::floor:
      return each([](V x, V) { return floor(x); });
    case Operation::ceil:
      return each([](V x, V) { return ceil(x); });
    case Operation::trunc:
      return each([](V x, V) { return trunc(x); });
    case Operation::round_even:
      return each([](V x, V) { return round_even(x); });
    case Operation::neg:
      return each([](V x, V) { return neg(x); });
    case Operation::abs:
      return each([](V x, V) { return abs(x); });
    case Operation::sqrt:
      return each([](V x, V) { return sqrt(x); });
    case Operation::lt:
      return each([](V x, V y) { return from_mask(lt(x, y)); });
    case Operation::le:
      return each([](V x, V y) { return from_mask(le(x, y)); });
    case Operation::gt:
      return each([](V x, V y) { return from_mask(gt(x, y)); });
    case Operation::ge:
      return each([](V x, V y) { return from_mask(ge(x, y)); });
    case Operation::eq:
      return each([](V x, V y) { return from_mask(eq(x, y)); });
    case Operation::ne:
      return each([](V x, V y) { return from_mask(ne(x, y)); });
    case Operation::is_nan:
      return each([](V x, V) { return from_mask(is_nan(x)); });
    case Operation::is_finite:
      return each([](V x, V) { return from_mask(is_finite(x)); });
    case Operation::select:
      return each([](V x, V y) { return select(mask_xor(lt(x, y), mask_not(gt(x, zero()))), x, y); });
    case Operation::fma:
      return each([](V x, V y) { return fma(x, y, x); });
    case Operation::fma_half:
      return each([](V x, V y) {
        return select(lt(iota(), set1(Real{0.5} * kWidth)), fma_half(x, y, x), fma(x, y, x));
      });
    case Operation::fnma:
      return each([](V x, V y) { return fnma(x, y, x); });
    case Operation::fms:
      return each([](V x, V y) { return fms(x, y, x); });
    case Operation::scale2:
      return each([](V x, V y) { return scale2(x, to_int(at_most(at_least(y, set1(-400)), set1(400)))); });
    case Operation::integers:
      return each([](V x, V y) {
        const VI i = as_int(x), j = as_int(y);
        const VI k = shift_left<7>(i) ^ (shift_right<9>(j) & shift_right_logical<3>(i)) ^ (i - j) ^ (i + j);
        return as_real(select(lt(i, j), k | iset1(5), select(eq(i, j), i, k)));
      });
    case Operation::load_i32:
      return apply_load_i32(reinterpret_cast<const int32_t*>(a), out, n);
    case Operation::load_u8:
      return apply_load_u8(reinterpret_cast<const uint8_t*>(a), out, n);
    case Operation::store_i32:
      return apply_store_i32(a, reinterpret_cast<int32_t*>(out), n);
    case Operation::store_u8:
      return apply_store_u8(a, reinterpret_cast<uint8_t*>(out), n);
    case Operation::count:
      return;
  }
}

/** The folds of the first kWidth floats. */
void run_across(const float* x, float* sum_max_min) {
  const V a = load(x);
  sum_max_min[0] = reduce_add(a);
  sum_max_min[1] = reduce_max(a);
  sum_max_min[2] = reduce_min(a);
}

void fill_words(const uint32_t* key, int64_t first, int64_t n, uint32_t* out) {
  philox_fill({{key[0], key[1]}, {key[2], key[3], key[4]}}, first, n, out);
}

constexpr Probe probe = {kWidth, run, run_operation, run_across, fill_words};

}  // namespace
