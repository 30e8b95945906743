// Every row of kernels.inc by its signature: random shapes and strides, operands there or not, odd
// values, guard bands around every output. Each instruction set against scalar, scalar against
// scalar64, and both against plain formulas (kernel_oracles.h).
//   kernels_test [kernel] [--seed N] [--cases N]
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../../native/dispatch.h"
#include "../../native/runtime/memory.h"
#include "../../native/runtime/thread_pool.h"
#include "check.h"
#include "kernel_maker.h"
#include "kernel_oracles.h"

using namespace test;

namespace {

int printed = 0;

/** Counts one case; the first failures are shown. */
void report(const std::string& trouble, const Case& it, const char* what) {
  if (trouble.empty()) {
    ++passed;
    return;
  }
  ++failed;
  if (printed++ < 30) std::printf("%s: %s\n    %s\n", what, trouble.c_str(), it.text().c_str());
}

/** Denormals may be flushed inside a run, and whether a min or a select flushes is the machine's. */
constexpr double kSmallestNormal = 1.1754944e-38;

bool near(double a, double b, double tolerance, double scale) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::fabs(a - b) <= tolerance * scale + kSmallestNormal;
}

/** What float32 makes of a float64 result. */
double as_float32(double value, DType dtype) {
  return dtype == DType::f32 ? static_cast<double>(static_cast<float>(value)) : value;
}

enum class Odd { exactly, arranged };

/** Odd::arranged: sums in another order, formulas arranged in another way and factors that underflow
 *  in float32 alone make NaN or infinity of the same infinities. */
std::string compare_elements(const Case& it, size_t operand, const Numbers& got, const Numbers& wanted,
                             double tolerance, bool sums, Odd odd = Odd::exactly) {
  if (got.size() != wanted.size()) return "sizes differ";
  double largest = 0;
  for (const double value : wanted) {
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  }
  for (size_t i = 0; i < got.size(); ++i) {
    const double right = as_float32(wanted[i], it.operands[operand].dtype);
    const double scale = sums ? 1 + largest : 0.1 + std::fabs(right);
    if (near(got[i], right, tolerance, scale)) continue;
    if (odd == Odd::arranged && !std::isfinite(got[i]) && !std::isfinite(right)) continue;
    return "operand " + it.row->operands[operand].name + " element " + std::to_string(i) + ": " +
           nabla::number_text(got[i]) + " should be " + nabla::number_text(right);
  }
  return "";
}

std::string compare_status(const Outcome& a, const Outcome& b) {
  const bool same =
      a.status.completed == b.status.completed && a.status.failure == b.status.failure &&
      (a.status.value == b.status.value || (std::isnan(a.status.value) && std::isnan(b.status.value)));
  return same ? "" : "one run fails, or another way";
}

/** Memory outside the outputs' elements; after a failure, all memory. Nothing is allocated on the way. */
std::string check_memory(const Case& it, const Outcome& outcome, bool float64) {
  if (outcome.allocations > 0) return "the run allocated memory";
  for (size_t i = 0; i < it.operands.size(); ++i) {
    if (!it.operands[i].present) continue;
    const std::string& name = it.row->operands[i].name;
    if (!others_untouched(it, outcome, i, float64)) return "memory beside operand " + name + " was written";
    if (outcome.status.failure != nabla::Failure::none && it.operands[i].shares < 0 &&
        outcome.memory[i] != memory_before(it.operands[i], float64)) {
      return "operand " + name + " was written by a run that failed";
    }
  }
  return "";
}

/** Outputs of `a` against those of `b`; tolerance 0: equal but for denormals (any NaN equals any). */
std::string compare(const Case& it, const Outcome& a, bool a64, const Outcome& b, bool b64, double tolerance,
                    bool sums) {
  const Odd odd = sums || a64 != b64 ? Odd::arranged : Odd::exactly;
  std::string trouble = compare_status(a, b);
  for (size_t i = 0; i < it.operands.size() && trouble.empty(); ++i) {
    if (!it.row->operands[i].output || !it.operands[i].present) continue;
    if (a.status.failure != nabla::Failure::none) continue;
    trouble = compare_elements(it, i, results(it, a, i, a64), results(it, b, i, b64), tolerance, sums, odd);
  }
  return trouble;
}

std::string compare_with_oracle(const Case& it, const Outcome& outcome, Oracle oracle, double tolerance) {
  if (outcome.status.failure != nabla::Failure::none) return "";
  const std::vector<Numbers> wanted = oracle(it);
  size_t output = 0;
  for (size_t i = 0; i < it.operands.size(); ++i) {
    if (!it.row->operands[i].output) continue;
    const std::string trouble = compare_elements(it, i, results(it, outcome, i, false), wanted[output++],
                                                 tolerance, true, Odd::arranged);
    if (!trouble.empty()) return trouble;
  }
  return "";
}

/** Denormals count as zero in a float32 run and not in a float64 run; tiny numbers soon become some. */
Case without_denormals(Case it) {
  for (CaseOperand& operand : it.operands) {
    for (double& value : operand.values) {
      if (std::fabs(value) < 1e-30) value = 0;
    }
  }
  return it;
}

/** Chains of several steps may meet a threshold (floor, less) with values that differ by one
 *  rounding; a single step cannot. Outputs that are no reals are such thresholds, too. */
bool comparable_with_float64(const Case& it) {
  if (!it.has_real64()) return false;
  if (it.row->name != "pointwise") return true;
  for (size_t i = 8; i < it.operands.size(); ++i) {
    if (it.operands[i].present && it.operands[i].dtype != DType::f32) return false;
  }
  return it.parameters[2] == 1;
}

void test_case(const Case& it, const Tolerance& tolerance) {
  const nabla::Isa& scalar = nabla::find_isa("scalar", "the test");
  const bool integers = it.pass == Pass::integers && tolerance.exact_integers;
  const Outcome base = run_case(it, &scalar, false, 1);
  report(check_memory(it, base, false), it, "scalar");
  for (const nabla::Isa& isa : nabla::available_isas()) {
    if (&isa == &scalar || !isa.automatic) continue;
    const Outcome outcome = run_case(it, &isa, false, 1);
    std::string trouble = check_memory(it, outcome, false);
    if (trouble.empty())
      trouble = compare(it, outcome, false, base, false, integers ? 0 : tolerance.isa, tolerance.sums);
    report(trouble, it, (std::string(isa.name) + " against scalar").c_str());
  }
  const Case plain = without_denormals(it);
  const double loose = integers ? 0 : std::max(tolerance.float64, 0.0);
  const Outcome single = run_case(plain, &scalar, false, 1);
  if (comparable_with_float64(plain)) {
    const Outcome twice = run_case(plain, nullptr, true, 1);
    std::string trouble = check_memory(plain, twice, true);
    if (trouble.empty()) trouble = compare(plain, single, false, twice, true, loose, tolerance.sums);
    report(trouble, plain, "scalar against scalar64");
  }
  if (const Oracle oracle = oracle_of(plain)) {
    report(compare_with_oracle(plain, single, oracle, loose), plain, "scalar against the formula");
  }
}

/** The same bits whatever the number of threads. */
void test_threads(const Case& it) {
  for (const nabla::Isa& isa : nabla::available_isas()) {
    const Outcome one = run_case(it, &isa, false, 1);
    for (const int threads : {2, 3, 8}) {
      const Outcome many = run_case(it, &isa, false, threads);
      report(one.memory == many.memory ? compare_status(one, many)
                                       : "other bits with " + std::to_string(threads) + " threads",
             it, isa.name);
    }
  }
}

void test_row(const KernelRow& row, uint64_t seed, int cases) {
  const Tolerance* tolerance = tolerance_of(row.name);
  if (!tolerance) {
    check(false, "kernel_cases.h has no tolerance for", __FILE__, __LINE__, row.name);
    return;
  }
  Generator generator(seed * 1000 + static_cast<uint64_t>(row.name.size()) +
                      static_cast<uint64_t>(row_number(row.name)));
  for (int i = 0; i < cases; ++i) {
    const Pass pass = i % 3 == 0 ? Pass::normal : i % 3 == 1 ? Pass::special : Pass::integers;
    test_case(CaseMaker(row, generator, pass, false).make(), *tolerance);
  }
  for (int i = 0; i < 2; ++i) test_threads(CaseMaker(row, generator, Pass::normal, true).make());
}

/** Every function of pointwise.inc by itself, over lengths past three vectors, with odd values. */
void test_functions(uint64_t seed) {
  const KernelRow& row = nabla::kernel_rows()[static_cast<size_t>(row_number("pointwise"))];
  Generator generator(seed);
  const auto& functions = nabla::pointwise_rows();
  for (size_t function = 0; function < functions.size(); ++function) {
    for (const int64_t n : {1, 7, 16, 50, 700}) {
      for (const Pass pass : {Pass::normal, Pass::special}) {
        Case it = CaseMaker(row, generator, pass, false)
                      .make_function(static_cast<int>(function), functions[function].arity, n);
        test_case(it, *tolerance_of("pointwise"));
      }
    }
  }
}

/** An index out of range stops the step before anything is written. */
void test_bad_indices(uint64_t seed) {
  Generator generator(seed);
  for (const OperandFill& entry : kFills) {
    if (entry.fill != Fill::index) continue;
    const KernelRow& row = nabla::kernel_rows()[static_cast<size_t>(row_number(entry.kernel))];
    int found = 0;
    for (int i = 0; i < 200 && found < 10; ++i) {
      Case it = CaseMaker(row, generator, Pass::normal, false).make();
      CaseOperand& index = it.operands[static_cast<size_t>(row.operand_number(entry.operand))];
      if (index.values.empty()) continue;
      const double wrong = i % 2 ? -1 : 1 << 20;
      index.values[static_cast<size_t>(below(generator, static_cast<int64_t>(index.values.size())))] = wrong;
      ++found;
      for (const nabla::Isa& isa : nabla::available_isas()) {
        const Outcome outcome = run_case(it, &isa, false, 1);
        std::string trouble = check_memory(it, outcome, false);
        const bool stopped =
            outcome.status.failure == nabla::Failure::index_out_of_range && outcome.status.completed == 0;
        if (trouble.empty() && !stopped) trouble = "the run went on";
        report(trouble, it, isa.name);
      }
    }
    check(found == 10, "cases with an index of", __FILE__, __LINE__, entry.kernel);
  }
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seed = 1;
  int cases = 90;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    const bool more = i + 1 < argc;
    if (std::strcmp(argv[i], "--seed") == 0 && more)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else if (std::strcmp(argv[i], "--cases") == 0 && more)
      cases = std::atoi(argv[++i]);
    else
      only = argv[i];
  }
  nabla::ThreadPool::instance().set_threads(8);
  nabla::thread_memory();  // what a thread takes once
  for (const KernelRow& row : nabla::kernel_rows()) {
    if (!only.empty() && row.name != only) continue;
    const int before = failed;
    test_row(row, seed, cases);
    if (failed != before) std::printf("%s: %d failed\n", row.name.c_str(), failed - before);
  }
  if (only.empty() || only == "pointwise") test_functions(seed);
  if (only.empty()) test_bad_indices(seed);
  return finish();
}
