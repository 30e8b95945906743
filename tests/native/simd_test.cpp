// The Vec contract (native/simd/vec.h) and Philox on every instruction set of the machine: each
// operation against <cmath> or, where that has no name for it, bit by bit against the scalar unit.
#include "simd_units.h"

namespace {

bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || to_bits(a) == to_bits(b); }

/** min and max leave open which zero they return. */
bool agrees(Operation operation, float a, float b) {
  const bool zeros = operation == Operation::min || operation == Operation::max;
  return same(a, b) || (zeros && a == 0 && b == 0);
}

/** What an operation must give, for those with a name in <cmath>; else the scalar unit's own result. */
float expected(Operation operation, float a, float b, float otherwise) {
  switch (operation) {
    case Operation::min:
      return std::isnan(a) || std::isnan(b) ? NAN : std::fmin(a, b);
    case Operation::max:
      return std::isnan(a) || std::isnan(b) ? NAN : std::fmax(a, b);
    case Operation::at_least:
      return std::isnan(a) ? a : std::fmax(a, 1.0f);
    case Operation::at_most:
      return std::isnan(a) ? a : std::fmin(a, 1.0f);
    case Operation::round_even:
      return std::nearbyint(a);
    case Operation::ne:
      return !(a == b);
    case Operation::is_nan:
      return std::isnan(a);
    case Operation::is_finite:
      return std::isfinite(a);
    case Operation::fma:
    case Operation::fma_half:
      return std::fma(a, b, a);
    case Operation::fnma:
      return std::fma(-a, b, a);
    case Operation::fms:
      return std::fma(a, b, -a);
    case Operation::scale2:
      return std::isnan(b) ? otherwise
                           : static_cast<float>(std::ldexp(
                                 double{a},
                                 static_cast<int>(std::nearbyint(std::fmax(std::fmin(b, 400.0f), -400.0f)))));
    default:
      return otherwise;
  }
}

/** Pairs of special and random values; a NaN count of scale2 has no meaning and is left out. */
void operation_arguments(Operation operation, std::vector<float>& a, std::vector<float>& b) {
  for (float x : kSpecial) {
    for (float y : kSpecial) {
      a.push_back(x);
      b.push_back(operation == Operation::scale2 && std::isnan(y) ? 1.0f : y);
    }
  }
  uint32_t bits = 12345;
  for (int i = 0; i < 20000; ++i) {
    bits = bits * 1664525 + 1013904223;
    a.push_back(from_bits(bits));
    bits = bits * 1664525 + 1013904223;
    const float y = i % 2 ? from_bits(bits) : static_cast<float>(static_cast<int32_t>(bits) >> 22);
    b.push_back(operation == Operation::scale2 && std::isnan(y) ? 1.0f : y);
  }
}

bool bitwise(Operation operation) {
  return operation >= Operation::integers && operation != Operation::load_i32 &&
         operation != Operation::load_u8;
}

void test_operations(const Isa& isa) {
  for (int index = 0; index < static_cast<int>(Operation::count); ++index) {
    const Operation operation = static_cast<Operation>(index);
    std::vector<float> a, b;
    operation_arguments(operation, a, b);
    const int64_t n = static_cast<int64_t>(a.size());
    std::vector<float> out(a.size()), scalar_out(a.size());
    scalar::probe.run_operation(operation, a.data(), b.data(), scalar_out.data(), n);
    isa.probe->run_operation(operation, a.data(), b.data(), out.data(), n);
    int64_t wrong = -1;
    for (int64_t i = 0; i < n && wrong < 0; ++i) {
      const float want = expected(operation, a[i], b[i], scalar_out[i]);
      if (bitwise(operation) ? to_bits(out[i]) != to_bits(want) : !agrees(operation, out[i], want)) wrong = i;
    }
    if (!check(wrong < 0)) {
      std::printf("%s operation %d (%.9g, %.9g) gave %.9g  FAILED\n", isa.name, index, a[wrong], b[wrong],
                  out[wrong]);
    }
  }
}

/** Conversions to integers against what vec.h says, not against another unit. */
void test_store_i32(const Isa& isa) {
  const float x[] = {1.9f,  -1.9f,         0.0f,           NAN,      HUGE_VALF, -HUGE_VALF, 3e9f,
                     -3e9f, 2147483520.0f, -2147483648.0f, 0x1p-149f};
  const int32_t want[] = {1, -1, 0, 0, INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, 2147483520, INT32_MIN, 0};
  const uint8_t set[] = {1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  float out[11], bytes[11];
  isa.probe->run_operation(Operation::store_i32, x, x, out, 11);
  isa.probe->run_operation(Operation::store_u8, x, x, bytes, 11);
  if (!check(std::memcmp(out, want, sizeof want) == 0)) std::printf("%s store_i32  FAILED\n", isa.name);
  if (!check(std::memcmp(bytes, set, sizeof set) == 0)) std::printf("%s store_u8  FAILED\n", isa.name);
}

/** Every length up to past three vectors: what is behind the end stays as it was. */
void test_tails(const Isa& isa) {
  bool ok = true;
  for (int64_t n = 0; n <= 3 * isa.probe->width + 1; ++n) {
    std::vector<float> x(static_cast<size_t>(n) + 1, -2.0f), out(static_cast<size_t>(n) + 40, 7.0f);
    isa.probe->run_operation(Operation::abs, x.data() + 1, x.data() + 1, out.data() + 1, n);
    for (int64_t i = 0; i < n; ++i) ok = ok && out[i + 1] == 2.0f;
    for (int64_t i = n + 1; i < n + 40; ++i) ok = ok && out[i] == 7.0f;
    ok = ok && out[0] == 7.0f;
  }
  if (!check(ok)) std::printf("%s tails  FAILED\n", isa.name);
}

void test_across(const Isa& isa) {
  const int width = isa.probe->width;
  bool ok = true;
  for (int nan = -1; nan < width; ++nan) {
    std::vector<float> x(static_cast<size_t>(width));
    float sum = 0, most = -HUGE_VALF, least = HUGE_VALF;
    for (int i = 0; i < width; ++i) {
      x[i] = static_cast<float>((i * 7 + 3) % 17 - 8);
      sum += x[i];
      most = std::fmax(most, x[i]);
      least = std::fmin(least, x[i]);
    }
    if (nan >= 0) sum = most = least = x[nan] = NAN;
    float out[3];
    isa.probe->run_across(x.data(), out);
    ok = ok && same(out[0], sum) && same(out[1], most) && same(out[2], least);
  }
  if (!check(ok)) std::printf("%s folds  FAILED\n", isa.name);
}

// ---- Philox4x32-10: the known answers published with Random123 (kat_vectors)

struct Known {
  uint32_t counter[4], key[2], words[4];
};
const Known kKnown[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

void test_philox(const Isa& isa) {
  for (const Known& known : kKnown) {
    const uint32_t key[5] = {known.key[0], known.key[1], known.counter[1], known.counter[2],
                             known.counter[3]};
    uint32_t words[4];
    isa.probe->fill_words(key, int64_t{known.counter[0]} * 4, 4, words);
    if (!check(std::memcmp(words, known.words, sizeof words) == 0))
      std::printf("%s philox known answer  FAILED\n", isa.name);
  }
  // any piece of the stream is the same words as the scalar unit's whole
  const uint32_t key[5] = {1, 2, 3, 4, 5};
  std::vector<uint32_t> whole(1024), piece(1024);
  scalar::probe.fill_words(key, 0, 1024, whole.data());
  bool ok = true;
  for (int64_t first = 0; first < 300; first += 4) {
    for (int64_t n = 0; n <= 300; n += 4) {
      isa.probe->fill_words(key, first, n, piece.data());
      ok = ok && std::memcmp(piece.data(), &whole[first], static_cast<size_t>(n) * 4) == 0;
    }
  }
  if (!check(ok)) std::printf("%s philox pieces  FAILED\n", isa.name);
}

}  // namespace

int main() {
  for (const Isa& isa : available()) {
    test_operations(isa);
    test_store_i32(isa);
    test_tails(isa);
    test_across(isa);
    test_philox(isa);
  }
  return finish();
}
