// gemm against a plain loop, on every instruction set of this machine. The matrices hold small
// integers and every factor is a power of two, so that all results are exact and must be equal.
// Operands end where memory ends: reading one element too far stops the program. c lies among
// sentinels that must still be there afterwards. How many threads there are decides how c is cut, never the
// bits: that is checked with fractions, whose sums round.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define NABLA_GUARD_PAGES 1
#endif

#include "../../native/dispatch.h"
#include "../../native/kernels/call.h"
#include "gemm_of_16.h"

namespace nabla {
/** Tasks backwards and one by one: their order must not matter. */
void run_tasks(Context& context, int64_t tasks, double, TaskFunction function, void* data) {
  for (int64_t t = tasks - 1; t >= 0; t--) function(data, t, context.scratch);
}

namespace {
enum KernelRow {
#define KERNEL(name, inputs, outputs, parameters) kernel_##name,
#include "../../native/kernels/kernels.inc"
#undef KERNEL
};
enum FunctionRow {
#define POINTWISE(name, arity, expression) function_##name,
#include "../../native/kernels/pointwise.inc"
#undef POINTWISE
};

int passed = 0, failed = 0;

struct Random {
  uint64_t state = 1;
  int64_t below(int64_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int64_t>((state >> 33) % static_cast<uint64_t>(n));
  }
  template <class T, size_t n>
  T of(const T (&list)[n]) {
    return list[below(n)];
  }
} rng;

/** Memory whose last byte is the last before an unreadable page. */
class Memory {
 public:
  Memory() {
#if defined(NABLA_GUARD_PAGES)
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    base_ = static_cast<char*>(
        mmap(nullptr, kBytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + kBytes, page, PROT_NONE);
#else
    base_ = static_cast<char*>(std::malloc(kBytes));
#endif
  }
  template <class Real>
  Real* last(int64_t count) {
    return reinterpret_cast<Real*>(base_ + kBytes) - count;
  }

 private:
  static constexpr size_t kBytes = size_t{64} << 20;
  char* base_;
} memory_a, memory_w, memory_c, memory_aux, memory_bias, memory_scratch;

enum class Layout { rows, columns, padded_rows, padded_columns, general, spread, panels };
constexpr Layout kLayouts[] = {Layout::rows, Layout::columns, Layout::padded_rows, Layout::padded_columns,
                               Layout::general};

/** A batch of matrices of one layout; returns how many elements it spans. */
int64_t lay_out(Operand& x, int64_t batch, int64_t rows, int64_t columns, Layout layout, bool one_for_all) {
  x.rank = 3;
  x.shape[0] = batch, x.shape[1] = rows, x.shape[2] = columns;
  const bool padded = layout != Layout::rows && layout != Layout::columns && layout != Layout::spread;
  const int64_t pad = padded ? 3 : 0;
  switch (layout) {
    case Layout::rows:
    case Layout::padded_rows:
      x.stride[1] = columns + pad, x.stride[2] = 1;
      break;
    case Layout::columns:
    case Layout::padded_columns:
      x.stride[1] = 1, x.stride[2] = rows + pad;
      break;
    case Layout::general:
    case Layout::spread:
    case Layout::panels:  // of w alone, see lay_out_w
      x.stride[1] = 2 * columns + pad, x.stride[2] = 2;
      break;
  }
  const int64_t span = rows * columns == 0 ? 0 : (rows - 1) * x.stride[1] + (columns - 1) * x.stride[2] + 1;
  x.stride[0] = one_for_all ? 0 : layout == Layout::rows ? rows * columns : span + pad;
  return rows * columns * batch == 0 ? 0 : (batch - 1) * x.stride[0] + span;
}

template <class Real>
Real at(const Operand& x, int64_t b, int64_t i, int64_t j) {
  return static_cast<const Real*>(x.data)[b * x.stride[0] + i * x.stride[1] + j * x.stride[2]];
}

template <class Real>
void fill(Operand& x, Memory& memory, int64_t count) {
  Real* const p = memory.last<Real>(count);
  for (int64_t i = 0; i < count; i++) p[i] = static_cast<Real>(rng.below(7) - 3);
  x.data = p;
  x.dtype = sizeof(Real) == 8 ? DType::f64 : DType::f32;
}

struct Case {
  int64_t batch = 1, m, n, k;
  Layout a = Layout::rows, w = Layout::rows, c = Layout::rows, aux = Layout::rows;
  int64_t panel = 0;  // columns of one of w, if it lies in panels
  bool one_w = false, one_a = false, bias = false;
  double alpha = 1, beta = 0;
  int activation = -1, combine = -1;
};

/** w of a case; returns how many elements it spans. */
int64_t lay_out_w(Operand& w, const Case& t) {
  if (t.w != Layout::panels) return lay_out(w, t.batch, t.k, t.n, t.w, t.one_w);
  w.rank = 3;
  w.shape[0] = (t.n + t.panel - 1) / t.panel, w.shape[1] = t.k, w.shape[2] = t.panel;
  w.stride[0] = t.k * t.panel, w.stride[1] = t.panel, w.stride[2] = 1;
  return w.shape[0] * w.stride[0];
}

double unary(int row, double x) {
  if (row == function_relu) return x > 0 ? x : 0;
  if (row == function_square) return x * x;
  return row == function_neg ? -x : x;
}
double binary(int row, double x, double y, double otherwise) {
  if (row == function_sub) return x - y;
  if (row == function_mul) return x * y;
  if (row == function_relu_grad) return x > 0 ? y : 0;
  return otherwise;
}

/** a.w of batch element b, row by row: sums of small integers, which float holds exactly, in any order. */
template <class Real>
std::vector<float> product_of(const Case& t, const Operand& a, const Operand& w, int64_t b) {
  std::vector<float> sums(static_cast<size_t>(t.m * t.n)), row(static_cast<size_t>(t.n));
  const bool panels = t.w == Layout::panels;
  for (int64_t p = 0; p < t.k; p++) {
    for (int64_t j = 0; j < t.n; j++)
      row[static_cast<size_t>(j)] =
          static_cast<float>(panels ? at<Real>(w, j / t.panel, p, j % t.panel) : at<Real>(w, b, p, j));
    for (int64_t i = 0; i < t.m; i++) {
      const float factor = static_cast<float>(at<Real>(a, b, i, p));
      float* const to = sums.data() + i * t.n;
      for (int64_t j = 0; j < t.n; j++) to[j] += factor * row[static_cast<size_t>(j)];
    }
  }
  return sums;
}

template <class Real>
double expected(const Case& t, const Operand* operands, double sum, double old, int64_t b, int64_t i,
                int64_t j) {
  double value = t.alpha * sum;
  if (t.beta != 0) value += t.beta * old;
  if (t.bias) value += static_cast<const Real*>(operands[2].data)[j];
  value = unary(t.activation, value);
  return t.combine < 0 ? value : binary(t.combine, at<Real>(operands[3], b, i, j), value, value);
}

template <class Real>
bool holds(const Case& t, const KernelTable& table, Context& context) {
  Operand operands[5] = {};
  Operand &a = operands[0], &w = operands[1], &bias = operands[2], &aux = operands[3], &c = operands[4];
  fill<Real>(a, memory_a, lay_out(a, t.batch, t.m, t.k, t.a, t.one_a));
  fill<Real>(w, memory_w, lay_out_w(w, t));
  if (t.bias) fill<Real>(bias, memory_bias, t.n), bias.rank = 1, bias.shape[0] = t.n, bias.stride[0] = 1;
  if (t.combine >= 0) fill<Real>(aux, memory_aux, lay_out(aux, t.batch, t.m, t.n, t.aux, false));

  // c among sentinels: the whole span and some elements before it.
  const int64_t span = lay_out(c, t.batch, t.m, t.n, t.c, false), before = 64;
  const Real sentinel = static_cast<Real>(-12345);
  Real* const all = memory_c.last<Real>(span + before);
  std::vector<Real> want(static_cast<size_t>(span + before), sentinel);
  std::fill(all, all + span + before, sentinel);
  c.data = all + before;
  c.dtype = a.dtype;
  Real* const elements = all + before;
  for (int64_t b = 0; b < t.batch; b++) {
    const std::vector<float> sums = product_of<Real>(t, a, w, b);
    for (int64_t i = 0; i < t.m; i++)
      for (int64_t j = 0; j < t.n; j++) {
        const double sum = sums[static_cast<size_t>(i * t.n + j)];
        const int64_t place = b * c.stride[0] + i * c.stride[1] + j * c.stride[2];
        const Real old = static_cast<Real>(rng.below(7) - 3);
        elements[place] = t.beta == 0 ? std::numeric_limits<Real>::quiet_NaN() : old;
        want[static_cast<size_t>(before + place)] =
            static_cast<Real>(expected<Real>(t, operands, sum, old, b, i, j));
      }
  }
  const double parameters[] = {t.alpha, t.beta, double(t.activation), double(t.combine)};
  table.kernels[kernel_gemm](Call{operands, parameters, 4}, context);
  return std::equal(want.begin(), want.end(), all);
}

template <class Real>
void check(const char* isa, const Case& t, const KernelTable& table, Context& context) {
  if (holds<Real>(t, table, context)) {
    passed++;
    return;
  }
  if (failed++ < 20)
    std::printf(
        "%s: batch %ld m %ld n %ld k %ld layouts a %d w %d c %d aux %d panel %ld one_w %d one_a %d bias %d "
        "alpha %g beta %g activation %d combine %d\n",
        isa, long(t.batch), long(t.m), long(t.n), long(t.k), int(t.a), int(t.w), int(t.c), int(t.aux),
        long(t.panel), t.one_w, t.one_a, t.bias, t.alpha, t.beta, t.activation, t.combine);
}

/** Everything of a case but its sizes, at random. */
void vary(Case& t) {
  const double factors[] = {0, 1, 0.5, 2}, scales[] = {1, 1, 2, 0.5, -1};
  const int activations[] = {-1, -1, function_relu, function_square, function_neg};
  const int combines[] = {-1, -1, function_sub, function_mul, function_relu_grad};
  t.a = rng.of(kLayouts), t.w = rng.of(kLayouts), t.aux = rng.of(kLayouts);
  t.c = rng.below(2) ? Layout::rows : rng.of(kLayouts);
  t.one_w = rng.below(3) == 0, t.one_a = rng.below(6) == 0, t.bias = rng.below(2) != 0;
  t.alpha = rng.of(scales), t.beta = rng.below(2) ? 0 : rng.of(factors);
  t.activation = rng.of(activations), t.combine = rng.of(combines);
}

/** The product of always the same fractions, as so many threads cut it. */
template <class Real>
std::vector<Real> with_threads(Case t, const KernelTable& table, Context& context, int threads) {
  Operand operands[5] = {};
  Operand &a = operands[0], &w = operands[1], &bias = operands[2], &c = operands[4];
  rng = Random{};
  const auto fractions = [](Real* x, int64_t n) {
    for (int64_t i = 0; i < n; i++) x[i] = static_cast<Real>(rng.below(2001) - 1000) / Real{977};
  };
  const int64_t a_span = lay_out(a, t.batch, t.m, t.k, t.a, false), w_span = lay_out_w(w, t);
  fill<Real>(a, memory_a, a_span), fractions(static_cast<Real*>(a.data), a_span);
  fill<Real>(w, memory_w, w_span), fractions(static_cast<Real*>(w.data), w_span);
  fill<Real>(bias, memory_bias, t.n), fractions(static_cast<Real*>(bias.data), t.n);
  bias.rank = 1, bias.shape[0] = t.n, bias.stride[0] = 1;
  std::vector<Real> result(static_cast<size_t>(lay_out(c, t.batch, t.m, t.n, Layout::rows, false)));
  c.data = result.data(), c.dtype = a.dtype;
  const double parameters[] = {0.5, 0, double(t.activation), -1};
  context.threads = threads;
  table.kernels[kernel_gemm](Call{operands, parameters, 4}, context);
  return result;
}

/** Columns of a panel that some instruction set reads as it lies. */
constexpr int64_t kPanels[] = {8, 16, 64};

template <class Real>
void check_threads(const char* isa, const KernelTable& table, Context& context) {
  const int64_t shapes[][3] = {
      {128, 256, 64},  {256, 300, 784}, {64, 256, 256},  {130, 61, 1100}, {64, 1040, 530},
      {600, 70, 520},  {61, 67, 71},    {1, 1024, 1024}, {300, 20, 4100}, {100, 150, 2048},
      {128, 10, 512},  {6, 1000, 1100}, {128, 64, 530},  {600, 34, 200},  {34, 600, 200},
      {130, 131, 130}, {1024, 260, 40}, {48, 48, 512},   {100, 30, 1024}, {16, 512, 300},
      {128, 304, 512}, {127, 210, 600}, {96, 150, 1030}, {112, 17, 512},  {120, 184, 1700}};
  for (auto& s : shapes)
    for (int turned = 0; turned < 9; turned++) {
      Case t;
      t.m = s[0], t.n = s[1], t.k = s[2];
      t.a = !(turned & 1) ? Layout::rows : turned & 4 ? Layout::spread : Layout::columns;
      t.w = turned & 4 ? Layout::spread : turned & 2 ? Layout::columns : Layout::rows;
      if (turned >= 6) t.a = Layout::rows, t.w = Layout::panels, t.panel = kPanels[turned - 6];
      t.activation = function_tanh;
      const std::vector<Real> one = with_threads<Real>(t, table, context, 1);
      for (const int threads : {2, 16}) {
        const std::vector<Real> many = with_threads<Real>(t, table, context, threads);
        if (std::memcmp(one.data(), many.data(), one.size() * sizeof(Real)) == 0) {
          passed++;
        } else if (failed++ < 20) {
          std::printf("%s: other bits with %d threads than with one: m %ld n %ld k %ld layouts a %d w %d\n",
                      isa, threads, long(t.m), long(t.n), long(t.k), int(t.a), int(t.w));
        }
      }
    }
  context.threads = 1;
}

template <class Real>
void check_all(const char* isa, const KernelTable& table, int effort) {
  rng = Random{};
  const int passed_before = passed, failed_before = failed;
  Context context{};
  context.threads = 1;
  context.scratch = memory_scratch.last<char>(kScratchBytes);
  std::memset(context.scratch, 0xff, kScratchBytes);  // NaN
  const int64_t small[] = {0, 1, 2, 3, 5, 8, 9, 17, 33};
  for (const int64_t m : small)
    for (const int64_t n : small)
      for (const int64_t k : small)
        for (int turned = 0; turned < 4; turned++) {
          Case t;
          t.m = m, t.n = n, t.k = k;
          t.a = turned & 1 ? Layout::columns : Layout::rows;
          t.w = turned & 2 ? Layout::columns : Layout::rows;
          check<Real>(isa, t, table, context);
        }
  const int thread_counts[] = {1, 2, 3, 16};
  const int64_t sizes[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,  12,  15,  16, 17,
                           24, 31, 32, 33, 47, 48, 63, 64, 65, 96, 100, 128, 129, 257};
  for (int i = 0; i < effort; i++) {
    Case t;
    vary(t);
    t.batch = rng.below(3) ? 1 : 1 + rng.below(5);
    t.m = rng.of(sizes), t.n = rng.of(sizes), t.k = rng.of(sizes);
    context.threads = rng.of(thread_counts);
    if (t.m * t.n * t.k * t.batch < 3000000) check<Real>(isa, t, table, context);
  }
  // Past every blocking constant, rows that collide in the cache, and, last, turned sums that fill their
  // room.
  const int64_t large[][3] = {
      {257, 300, 64},  {7, 9, 2100},    {300, 17, 1025}, {17, 300, 1025}, {40, 1030, 40},   {1030, 40, 40},
      {1, 5000, 9},    {5000, 1, 9},    {1, 9, 5000},    {9, 1, 5000},    {64, 256, 512},   {256, 64, 1024},
      {48, 512, 256},  {32, 512, 600},  {14, 401, 90},   {64, 512, 530},  {2, 1024, 1024},  {100, 140, 1030},
      {33, 513, 70},   {1, 300, 1100},  {300, 1, 1100},  {130, 70, 1},    {300, 520, 1},    {70, 20, 128},
      {20, 33, 4100},  {33, 70, 5000},  {70, 9, 4500},   {100, 3, 4099},  {130, 20, 4200},  {64, 1100, 600},
      {192, 1040, 70}, {300, 20, 4100}, {40, 136, 2048}, {128, 10, 512},  {5, 200, 1030},   {12, 530, 100},
      {1, 331, 803},   {1, 1030, 2101}, {512, 260, 90},  {70, 512, 33},   {576, 256, 512},  {333, 211, 70},
      {381, 225, 240}, {205, 497, 300}, {317, 305, 260}, {520, 34, 200},  {34, 520, 200},   {130, 130, 130},
      {131, 67, 300},  {67, 131, 300},  {192, 512, 303}, {192, 256, 515}, {192, 1030, 258}, {1024, 68, 35},
      {512, 260, 259}, {2048, 70, 17},  {512, 52, 31},   {1024, 16, 512}, {30, 130, 1024},  {25, 1024, 150},
      {1100, 130, 30}, {96, 150, 1030}, {127, 210, 600}, {48, 100, 2100}, {70, 1000, 16},   {128, 210, 300},
      {120, 184, 1700}};
  for (auto& s : large)
    for (int turned = 0; turned < 8; turned++) {
      Case t;
      if (turned >= 4) vary(t);
      t.m = s[0], t.n = s[1], t.k = s[2];
      t.a = turned & 1 ? Layout::columns : Layout::rows;
      t.w = turned & 2 ? Layout::columns : Layout::rows;
      t.activation = t.activation == function_square ? -1 : t.activation;
      context.threads = thread_counts[(turned + s[0] + s[1] + s[2]) % 4];
      check<Real>(isa, t, table, context);
    }
  context.threads = 1;
  // w in panels, of widths that are read as they lie and of others.
  const int64_t widths[] = {8, 16, 64, 8, 16, 64, 5, 24};
  const int64_t some_rows[] = {1, 2, 5, 6, 7, 12, 13, 31, 64, 97, 128, 200, 530},
                some_columns[] = {2, 7, 9, 16, 17, 24, 33, 64, 70, 100, 129, 200, 300, 530},
                some_steps[] = {0, 1, 2, 3, 17, 40, 64, 100, 260, 530, 1030};
  for (int i = 0; i < effort / 5; i++) {
    Case t;
    vary(t);
    t.w = Layout::panels, t.panel = rng.of(widths);
    t.m = rng.of(some_rows), t.n = rng.of(some_columns), t.k = rng.of(some_steps);
    context.threads = rng.of(thread_counts);
    if (t.m * t.n * t.k < 3000000) check<Real>(isa, t, table, context);
  }
  context.threads = 1;
  // A batch leaves the blocks of one product whole: the scratch memory is used up to its end.
  for (int turned = 0; turned < 2; turned++) {
    Case t;
    t.batch = 16, t.m = 256, t.n = 64, t.k = 1024;
    (turned ? t.a : t.w) = Layout::columns;
    t.one_a = t.one_w = true;
    check<Real>(isa, t, table, context);
  }
  // Copies of rows that lie pages apart, the largest of their lengths among them.
  const int64_t page_shapes[][2] = {{256, 2048}, {512, 1024}, {520, 1024}};
  for (auto& s : page_shapes) {
    Case pages;
    pages.m = s[0], pages.n = 130, pages.k = s[1];
    check<Real>(isa, pages, table, context);
  }
  check_threads<Real>(isa, table, context);
  std::printf("gemm %-10s %d passed, %d failed\n", isa, passed - passed_before, failed - failed_before);
}

/** only: the instruction set to test, or nullptr for all of them. cases: random ones of each, 0 for as many
 * as there should be. */
void run(const char* only, int cases) {
  const auto wanted = [=](const char* name) { return !only || std::strcmp(name, only) == 0; };
  // Small integers are bfloat16 numbers too: the results are exact in mixed precision as well.
  for (const Isa& isa : available_isas()) {
    const int usual = std::strcmp(isa.name, "scalar") == 0 ? 1500 : 3000;
    if (wanted(isa.name)) check_all<float>(isa.name, *isa.table, cases ? cases : usual);
  }
  if (wanted("scalar64")) check_all<double>("scalar64", float64_table(), cases ? cases : 1500);
#if defined(__x86_64__) || defined(_M_X64)
  // What AVX-512's vectors decide, where there is none.
  const auto has = [](const char* name) {
    const auto& all = available_isas();
    return std::any_of(all.begin(), all.end(), [=](const Isa& isa) { return std::string(isa.name) == name; });
  };
  if (!only && has("avx2") && !has("avx512")) check_all<float>("16 lanes", table_of_16, cases ? cases : 3000);
#endif
}
}  // namespace
}  // namespace nabla

// gemm_test [--isa NAME] [--cases N]
int main(int count, char** values) {
  const char* only = nullptr;
  int cases = 0;
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(values[i], "--isa") == 0) only = values[i + 1];
    if (std::strcmp(values[i], "--cases") == 0) cases = std::atoi(values[i + 1]);
  }
  nabla::run(only, cases);
  std::printf("%d passed, %d failed\n", nabla::passed, nabla::failed);
  return nabla::failed != 0 || nabla::passed == 0;
}
