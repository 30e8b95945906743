// The Vec contract (native/simd/vec.h), the elementary functions (math.h) and Philox, on every
// instruction set of the machine.
//
//   math_test                          about a million arguments a function, over all exponents
//   math_test --exhaustive [isa]       every float for exp log tanh sigmoid erf, on the widest set or `isa`
//
// A line for each function and instruction set: its largest error in ULP and where it is. Functions
// are also run with denormals flushed, as programs run: the bounds for normal numbers must hold.
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

enum class Id { exp, log, tanh, sigmoid, erf, expm1, log1p, log2, sin, cos, normal_cdf, pow };
enum class Operation {
  min, max, at_least, at_most, copysign, floor, ceil, trunc, round_even, neg, abs, sqrt, lt, le, gt, ge, eq, ne,
  is_nan, is_finite, select, fma, fnma, fms, scale2, integers, load_i32, load_u8, store_i32, store_u8, count
};

/** What math_probe.h gives of one instruction set. */
struct Probe {
  int width;
  void (*run)(Id id, const float* x, const float* y, float* out, int64_t n);
  void (*run_operation)(Operation operation, const float* a, const float* b, float* out, int64_t n);
  void (*run_across)(const float* x, float* sum_max_min);
  void (*fill_words)(const uint32_t* key, int64_t first, int64_t n, uint32_t* out);
};

namespace scalar {
namespace {
using Real = float;
using Int = int32_t;
}  // namespace
#include "../../native/simd/scalar.h"
#include "../../native/simd/math.h"
#include "../../native/simd/philox.h"
#include "math_probe.h"
}  // namespace scalar

#if defined(__aarch64__)
namespace neon {
#include "../../native/simd/neon.h"
#include "../../native/simd/math.h"
#include "../../native/simd/philox.h"
#include "math_probe.h"
}  // namespace neon
#endif

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace avx2 {
#include "../../native/simd/avx2.h"
#include "../../native/simd/math.h"
#include "../../native/simd/philox.h"
#include "math_probe.h"
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma")
#endif
namespace avx512 {
#include "../../native/simd/avx512.h"
#include "../../native/simd/math.h"
#include "../../native/simd/philox.h"
#include "math_probe.h"
}  // namespace avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

namespace {

int passed = 0, failed = 0;
bool check(bool ok) {
  ++(ok ? passed : failed);
  return ok;
}

struct Isa {
  const char* name;
  const Probe* probe;
};
/** The instruction sets of this machine, the widest last. */
std::vector<Isa> available() {
  std::vector<Isa> list = {{"scalar", &scalar::probe}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list.push_back({"avx2", &avx2::probe});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    list.push_back({"avx512", &avx512::probe});
  }
#elif defined(__aarch64__)
  list.push_back({"neon", &neon::probe});
#endif
  return list;
}

/** Denormals read and written as zero while this lives. */
class Flush {
 public:
  explicit Flush(bool on) : on_(on), saved_(get()) {
    if (on_) set(saved_ | kFlush);
  }
  ~Flush() {
    if (on_) set(saved_);
  }

 private:
#if defined(__x86_64__)
  static constexpr uint64_t kFlush = 0x8040;
  static uint64_t get() { return _mm_getcsr(); }
  static void set(uint64_t mode) { _mm_setcsr(static_cast<uint32_t>(mode)); }
#elif defined(__aarch64__)
  static constexpr uint64_t kFlush = uint64_t{1} << 24;
  static uint64_t get() {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void set(uint64_t mode) { __asm__ volatile("msr fpcr, %0" ::"r"(mode)); }
#else
  static constexpr uint64_t kFlush = 0;
  static uint64_t get() { return 0; }
  static void set(uint64_t) {}
#endif
  bool on_;
  uint64_t saved_;
};

float from_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
uint32_t to_bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

// ---- elementary functions against the C library in double

// Series and limits where the library's result would be no different at float precision, for speed.
double reference_exp(double x) {
  const double size = std::fabs(x);
  if (size < 0x1p-20) return 1 + x;
  return x > 110 ? HUGE_VAL : x < -110 ? 0 : std::exp(x);
}
double reference_sigmoid(double x) { return 1 / (1 + reference_exp(-x)); }
double reference_tanh(double x) {
  const double size = std::fabs(x);
  if (size < 0x1p-10) return x - x * x * x / 3;
  return size > 12 ? std::copysign(1, x) : std::tanh(x);
}
double reference_erf(double x) {
  const double size = std::fabs(x);
  if (size < 0x1p-10) return 1.1283791670955125739 * (x - x * x * x / 3);
  return size > 5 ? std::copysign(1, x) : std::erf(x);
}

struct Function {
  const char* name;
  Id id;
  double bound;  // ULP
  double (*reference)(double x, double y);
  bool denormal_arguments;  // holds for denormal x even where denormals are flushed
};
const Function kFunctions[] = {
    {"exp", Id::exp, 1, [](double x, double) { return reference_exp(x); }, false},
    {"log", Id::log, 1, [](double x, double) { return std::log(x); }, true},
    {"tanh", Id::tanh, 2, [](double x, double) { return reference_tanh(x); }, false},
    {"sigmoid", Id::sigmoid, 2, [](double x, double) { return reference_sigmoid(x); }, false},
    {"erf", Id::erf, 2, [](double x, double) { return reference_erf(x); }, false},
    {"expm1", Id::expm1, 4, [](double x, double) { return std::expm1(x); }, false},
    {"log1p", Id::log1p, 4, [](double x, double) { return std::log1p(x); }, false},
    {"log2", Id::log2, 4, [](double x, double) { return std::log2(x); }, true},
    {"sin", Id::sin, 4, [](double x, double) { return std::sin(x); }, false},
    {"cos", Id::cos, 4, [](double x, double) { return std::cos(x); }, false},
    {"normal_cdf", Id::normal_cdf, 16, [](double x, double) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }, false},
    {"pow", Id::pow, 4, [](double x, double y) { return std::pow(x, y); }, true},
};
constexpr int kExhaustiveFunctions = 5;

struct Worst {
  double ulp = 0;
  float x = 0, y = 0, result = 0;
  void take(const Worst& other) {
    if (other.ulp > ulp) *this = other;
  }
};

/** 2^(23 - e) for a size between 2^e and 2^(e+1) */
double inverse_ulp(double size) {
  uint64_t bits;
  std::memcpy(&bits, &size, 8);
  bits = (uint64_t{2 * 1023 + 23} << 52) - (bits & uint64_t{0x7ff} << 52);
  double result;
  std::memcpy(&result, &bits, 8);
  return result;
}

/** The error in units of the last place of a float of the reference's size. A denormal result
 *  may be off by 2^-126, so that 0 is as good. */
double error_in_ulp(double reference, float result) {
  constexpr double kLeast = 0x1p-126, kTooLarge = 0x1.ffffffp127;
  if (std::isnan(reference)) return std::isnan(result) ? 0 : HUGE_VAL;
  if (std::isnan(result)) return HUGE_VAL;
  const double size = std::fabs(reference);
  if (size >= kTooLarge) return result == std::copysign(HUGE_VAL, reference) ? 0 : size < 0x1p128 ? 1 : HUGE_VAL;
  if (size < kLeast) return std::fabs(result - reference) <= kLeast ? 0 : HUGE_VAL;
  const double value = std::isinf(result) ? std::copysign(0x1p128, result) : result;
  return std::fabs(value - reference) * inverse_ulp(size);
}

/** Runs a block of at most kBlock arguments and compares. */
constexpr int64_t kBlock = 4096;
Worst compare(const Function& function, const Probe& probe, bool flush, const float* x, const float* y,
              const double* reference, int64_t n) {
  float out[kBlock];
  {
    const Flush mode(flush);
    probe.run(function.id, x, y, out, n);
  }
  Worst worst;
  for (int64_t i = 0; i < n; ++i) {
    const bool read_as_zero = (std::fpclassify(x[i]) == FP_SUBNORMAL && !function.denormal_arguments) ||
                              (std::fpclassify(y[i]) == FP_SUBNORMAL && function.id == Id::pow);
    if (flush && read_as_zero) continue;
    worst.take({error_in_ulp(reference[i], out[i]), x[i], y[i], out[i]});
  }
  return worst;
}

bool report(const Isa& isa, const Function& function, const Worst& worst, const char* mode) {
  const bool ok = check(worst.ulp <= function.bound);
  std::printf("%-7s %-10s max %.3f ULP (bound %g) at %.9g%s%s%s%s\n", isa.name, function.name, worst.ulp,
              function.bound, worst.x, function.id == Id::pow ? ", " : "",
              function.id == Id::pow ? std::to_string(worst.y).c_str() : "", mode, ok ? "" : "  FAILED");
  if (!ok) std::printf("        result %.9g\n", worst.result);
  return ok;
}

const float kSpecial[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, -0.5f, 2.0f, -2.0f, 3.0f, -3.0f, HUGE_VALF, -HUGE_VALF,
                          std::numeric_limits<float>::quiet_NaN(), 0x1p-149f, -0x1p-149f, 0x1.fffffcp-127f, 0x1p-126f,
                          -0x1p-126f, 0x1.fffffep127f, -0x1.fffffep127f, 0x1p-24f, 0x1.fffffep-1f, 0x1.000002p0f,
                          88.72283f, 88.7229f, -87.33654f, -88.4f, -103.97f, -104.0f, 89.0f, 128.0f, 8388607.5f, 16777216.0f,
                          16777217.0f, 2147483648.0f, -2147483648.0f, 4294967296.0f, 1e-10f, 1e10f, 2.5f, -2.5f, 0.1f};
constexpr int kSpecials = sizeof kSpecial / sizeof *kSpecial;

/** Arguments over all exponents, those near 0 and 1 again more densely, special values; pow gets
 *  pairs whose result is mostly in range. */
void sample(const Function& function, std::vector<float>& xs, std::vector<float>& ys) {
  constexpr uint32_t kStride = 5003;
  uint64_t random = 0x9e3779b97f4a7c15;
  const auto uniform = [&] {
    random = random * 6364136223846793005 + 1442695040888963407;
    return static_cast<double>(random >> 11) * 0x1p-53;
  };
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += kStride) {
    const float x = from_bits(static_cast<uint32_t>(bits));
    const double range = function.id == Id::pow && x != 0 && std::isfinite(x) ? 100 / (std::fabs(std::log(std::fabs(double{x}))) + 1e-3) : 1;
    xs.push_back(x);
    ys.push_back(static_cast<float>((2 * uniform() - 1) * range));
  }
  for (int i = 0; i < 200000; ++i) {
    const double u = uniform();
    xs.push_back(static_cast<float>(i % 2 ? 240 * u - 120 : 4 * u - 2));
    const double y = (2 * uniform() - 1) * 40;
    ys.push_back(static_cast<float>(i % 4 < 2 ? std::round(y) : y));
  }
  for (float x : kSpecial) {
    for (float y : kSpecial) {
      xs.push_back(x);
      ys.push_back(y);
    }
  }
}

void test_function(const Function& function, const std::vector<Isa>& isas) {
  std::vector<float> xs, ys;
  sample(function, xs, ys);
  const int64_t n = static_cast<int64_t>(xs.size());
  std::vector<double> reference(xs.size());
  for (int64_t i = 0; i < n; ++i) reference[i] = function.reference(xs[i], ys[i]);
  for (const Isa& isa : isas) {
    for (const bool flush : {false, true}) {
      Worst worst;
      for (int64_t i = 0; i < n; i += kBlock) {
        worst.take(compare(function, *isa.probe, flush, &xs[i], &ys[i], &reference[i], n - i < kBlock ? n - i : kBlock));
      }
      report(isa, function, worst, flush ? ", denormals flushed" : "");
    }
  }
}

void test_exhaustive(const Function& function, const Isa& isa) {
  constexpr uint64_t kAll = uint64_t{1} << 32;
  const uint64_t threads = std::thread::hardware_concurrency() ? std::thread::hardware_concurrency() : 1;
  std::vector<Worst> worst(threads);
  std::vector<std::thread> workers;
  for (uint64_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      float x[kBlock];
      double reference[kBlock];
      for (uint64_t first = t * kBlock; first < kAll; first += threads * kBlock) {
        for (uint64_t i = 0; i < kBlock; ++i) {
          x[i] = from_bits(static_cast<uint32_t>(first + i));
          reference[i] = function.reference(x[i], 0);
        }
        worst[t].take(compare(function, *isa.probe, false, x, x, reference, kBlock));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const Worst& other : worst) worst[0].take(other);
  report(isa, function, worst[0], ", every float");
}

// ---- the Vec contract: every instruction set against the scalar one, and that against <cmath>

bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || to_bits(a) == to_bits(b); }

/** min and max leave open which zero they return. */
bool agrees(Operation operation, float a, float b) {
  const bool zeros = operation == Operation::min || operation == Operation::max;
  return same(a, b) || (zeros && a == 0 && b == 0);
}

/** What an operation must give, for those with a name in <cmath>; else the scalar unit's own result. */
float expected(Operation operation, float a, float b, float otherwise) {
  switch (operation) {
    case Operation::min: return std::isnan(a) || std::isnan(b) ? NAN : std::fmin(a, b);
    case Operation::max: return std::isnan(a) || std::isnan(b) ? NAN : std::fmax(a, b);
    case Operation::at_least: return std::isnan(a) ? a : std::fmax(a, 1.0f);
    case Operation::at_most: return std::isnan(a) ? a : std::fmin(a, 1.0f);
    case Operation::round_even: return std::nearbyint(a);
    case Operation::ne: return !(a == b);
    case Operation::is_nan: return std::isnan(a);
    case Operation::is_finite: return std::isfinite(a);
    case Operation::fma: return std::fma(a, b, a);
    case Operation::fnma: return std::fma(-a, b, a);
    case Operation::fms: return std::fma(a, b, -a);
    case Operation::scale2:
      return std::isnan(b) ? otherwise : static_cast<float>(std::ldexp(double{a}, static_cast<int>(std::nearbyint(std::fmax(std::fmin(b, 400.0f), -400.0f)))));
    default: return otherwise;
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

bool bitwise(Operation operation) { return operation >= Operation::integers && operation != Operation::load_i32 && operation != Operation::load_u8; }

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
      std::printf("%s operation %d (%.9g, %.9g) gave %.9g  FAILED\n", isa.name, index, a[wrong], b[wrong], out[wrong]);
    }
  }
}

/** Conversions to integers against what vec.h says, not against another unit. */
void test_store_i32(const Isa& isa) {
  const float x[] = {1.9f, -1.9f, 0.0f, NAN, HUGE_VALF, -HUGE_VALF, 3e9f, -3e9f, 2147483520.0f, -2147483648.0f, 0x1p-149f};
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
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

void test_philox(const Isa& isa) {
  for (const Known& known : kKnown) {
    const uint32_t key[5] = {known.key[0], known.key[1], known.counter[1], known.counter[2], known.counter[3]};
    uint32_t words[4];
    isa.probe->fill_words(key, int64_t{known.counter[0]} * 4, 4, words);
    if (!check(std::memcmp(words, known.words, sizeof words) == 0)) std::printf("%s philox known answer  FAILED\n", isa.name);
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

int main(int count, char** arguments) {
  const std::vector<Isa> isas = available();
  if (count > 1 && std::string(arguments[1]) == "--exhaustive") {
    const std::string name = count > 2 ? arguments[2] : isas.back().name;
    for (const Isa& isa : isas) {
      if (name != isa.name) continue;
      for (int i = 0; i < kExhaustiveFunctions; ++i) test_exhaustive(kFunctions[i], isa);
    }
  } else {
    for (const Isa& isa : isas) {
      test_operations(isa);
      test_store_i32(isa);
      test_tails(isa);
      test_across(isa);
      test_philox(isa);
    }
    for (const Function& function : kFunctions) test_function(function, isas);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed || !passed;
}
