// gemm where c has one row or one column, or where k is 1: memory decides.
namespace {

constexpr double kGemmDotsWork = 64e3;     // multiply-adds worth a task where memory is waited for
constexpr int64_t kGemmOuterWork = 65536;  // elements of c, likewise

/** Whether y comes from the last cache: it is read faster by four runs side by side than by eight then. From
 * memory eight are faster; from nearer caches, and with few columns, fewer sums would wait for each other.
 * Asked of a whole product: the order of summation depends on it. */
inline bool gemm_row_from_last_cache(const GemmProduct& p) {
  constexpr int64_t kLeast = (int64_t{256} << 10) / sizeof(Real);
  const int64_t elements = p.k * p.columns;
  return elements > kLeast && elements <= kGemmLastCache && p.columns >= 128;
}

/** sums[j] (+)= x . y[:, j] for one row x, `steps` rows of y. y (k, columns), columns contiguous. */
template <int steps>
inline void gemm_sweep_steps(const Real* x, int64_t x_step, const Real* y, int64_t y_step, int64_t columns,
                             bool first, Real* sums) {
  V a[steps];
#pragma GCC unroll 8
  for (int p = 0; p < steps; p++) a[p] = set1(x[p * x_step]);
  each_vector(0, columns, [&](auto lanes) {
    V even = first ? zero() : lanes.get(sums), odd = zero();
#pragma GCC unroll 8
    for (int p = 0; p < steps; p++) {
      V& sum = p % 2 ? odd : even;
      sum = gemm_multiply_add(a[p], lanes.get(y + p * y_step), sum);
    }
    lanes.put(sums, even + odd);
  });
}

/** All rows of y, one behind the other and `steps` side by side, so that memory is read in order. */
template <int steps>
inline void gemm_sweep(const GemmProduct& p, const Real* y, int64_t columns, Real* sums) {
  if (p.k == 0) each_vector(0, columns, [=](auto lanes) { lanes.put(sums, zero()); });
  int64_t k = 0;
  for (; k + steps <= p.k; k += steps)
    gemm_sweep_steps<steps>(p.x + k * p.x_step, p.x_step, y + k * p.y_step, p.y_step, columns, k == 0, sums);
  for (; k < p.k; k++)
    gemm_sweep_steps<1>(p.x + k * p.x_step, p.x_step, y + k * p.y_step, p.y_step, columns, k == 0, sums);
}

/** sums[j] = x . y[:, j], y's columns contiguous along k and `count` of them read side by side. */
template <int count>
inline void gemm_dots_row(const Real* x, const Real* y, int64_t y_column, int64_t k, int64_t columns,
                          Real* sums) {
  int64_t j = 0;
  for (; j + count <= columns; j += count)
    gemm_dots_sums<1, count>(x, 0, y + j * y_column, y_column, k, sums + j);
  for (; j < columns; j++) gemm_dots_sums<1, 1>(x, 0, y + j * y_column, y_column, k, sums + j);
}

/** Columns [j, j + columns) of a product of one row. */
inline void gemm_one_row(const GemmProduct& p, bool swapped, const GemmOutput& o, int64_t j, int64_t columns,
                         Real* scratch) {
  Real* const sums = scratch;
  const Real* const y = p.y + j * p.y_column;
  const bool four = gemm_row_from_last_cache(p);
  if (p.y_column == 1 && !(p.columns == 1 && p.y_step == 1)) {
    if (four)
      gemm_sweep<4>(p, y, columns, sums);
    else
      gemm_sweep<8>(p, y, columns, sums);
  } else {
    const Real* x = p.x;
    if (p.x_step != 1) {
      Real* const gathered = scratch + columns;
      for (int64_t k = 0; k < p.k; k++) gathered[k] = p.x[k * p.x_step];
      x = gathered;
    }
    if (four)
      gemm_dots_row<4>(x, y, p.y_column, p.k, columns, sums);
    else
      gemm_dots_row<8>(x, y, p.y_column, p.k, columns, sums);
  }
  for (int64_t q = 0; q < columns; q += kGemmBlock) {
    const int64_t at = j + q;
    gemm_finish_line(o, swapped ? gemm_line(o, at, 0, true) : gemm_line(o, 0, at, false), sums + q,
                     smaller(kGemmBlock, columns - q));
  }
}

/** What gemm_one_row can take: its scratch holds the sums of kGemmRowColumns and a gathered x. */
constexpr int64_t kGemmRowColumns = 4096;
constexpr int64_t kGemmRowK = int64_t{kScratchBytes / sizeof(Real)} - kGemmRowColumns;

inline void gemm_rows_of_one(const GemmCall& g, const GemmProduct& product, bool swapped, Context& context) {
  const double work = static_cast<double>(product.columns) * static_cast<double>(product.k);
  // A column at a time reads long runs however few columns a task has; all together want many.
  const bool dots = product.y_step == 1;
  const int64_t least = dots ? 16 : 64;
  // A single thread reads whole rows of y; where c is cut changes no bits.
  const int64_t most = context.threads > 1 || dots ? kGemmTasks : 1;
  const int64_t wanted =
      larger(parts_of(product.columns, kGemmRowColumns),
             smaller(most, static_cast<int64_t>(work / (dots ? kGemmDotsWork : kGemmTaskWork))));
  const int64_t columns = parts_of(parts_of(product.columns, larger(wanted, 1)), least) * least;
  const int64_t parts = parts_of(product.columns, columns);
  parallel(context, g.batch * parts, gemm_nanoseconds(0, work * static_cast<double>(g.batch)),
           [&](int64_t task, void* scratch) {
             GemmProduct p = product;
             GemmOutput o;
             gemm_at(g, task / parts, p, swapped, o);
             const int64_t j = task % parts * columns;
             gemm_one_row(p, swapped, o, j, smaller(columns, p.columns - j), static_cast<Real*>(scratch));
           });
}

/** k = 1, as the gradient of a weight for one sample is: writing c is all the work. Row by row, as memory
 *  likes it; stores alone do not make the machine fetch what comes next. */
inline void gemm_outer(const GemmCall& g, Context& context) {
  constexpr int64_t kAhead = 16 * kGemmLine;
  const GemmOutput& o = g.output;
  const int64_t rows = larger(1, kGemmOuterWork / g.n), tasks = parts_of(g.m, rows);
  const V alpha = set1(o.alpha), beta = set1(o.beta);
  parallel(context, tasks, gemm_nanoseconds(0, static_cast<double>(g.m * g.n)), [=](int64_t task, void*) {
    for (int64_t i = task * rows; i < smaller(g.m, (task + 1) * rows); i++)
      for (int64_t j = 0; j < g.n; j += kGemmBlock) {
        const int64_t columns = smaller(kGemmBlock, g.n - j);
        const V a = set1(g.a[i * g.a_row]);
        const Real *w = g.w + j, *bias = o.bias ? o.bias + j : nullptr;
        Real* const c = o.c + i * o.row + j;
        each_vector(0, columns, [=](auto lanes) {
          prefetch(c + lanes.at + kAhead);
          V value = fma(alpha, a * lanes.get(w), bias ? lanes.get(bias) : zero());
          if (o.beta != Real{0}) value = fma(beta, lanes.get(c), value);
          lanes.put(c, value);
        });
        gemm_finish_tile(o, i, 1, j, columns);
      }
  });
}

}  // namespace
