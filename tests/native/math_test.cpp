// The elementary functions of native/simd/math.h on every instruction set of the machine.
//
//   math_test                          about a million arguments a function, over all exponents
//   math_test --exhaustive [isa]       every float for exp log tanh sigmoid erf, on the widest set or `isa`
//
// A line for each function and instruction set: its largest error in ULP and where it is. Functions
// are also run with denormals flushed, as programs run: the bounds for normal numbers must hold.
#include <string>
#include <thread>

#include "simd_units.h"

namespace {

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
    {"normal_cdf", Id::normal_cdf, 16,
     [](double x, double) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }, false},
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
  if (size >= kTooLarge)
    return result == std::copysign(HUGE_VAL, reference) ? 0 : size < 0x1p128 ? 1 : HUGE_VAL;
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
  std::fflush(stdout);
  return ok;
}

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
    const double range = function.id == Id::pow && x != 0 && std::isfinite(x)
                             ? 100 / (std::fabs(std::log(std::fabs(double{x}))) + 1e-3)
                             : 1;
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
        worst.take(compare(function, *isa.probe, flush, &xs[i], &ys[i], &reference[i],
                           n - i < kBlock ? n - i : kBlock));
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
    for (const Function& function : kFunctions) test_function(function, isas);
  }
  return finish();
}
