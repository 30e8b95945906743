// The last columns of a product, past whole vectors, as a product of their own. In the blocks of all columns
// they would take a vector, and with it as long as a whole one, or half as long (see kHalfIsCheaper): as a
// narrow product their sums run along k, or vectors along the rows.
namespace {

constexpr int64_t kGemmRestWork = 192 << 10;  // multiply-adds of a product that gains by it
// What a product costs behind another one of the same x, in vector multiply-adds: beginning it, a row of c,
// reading a vector of x from L2.
constexpr double kGemmRest = 400, kGemmRestRow = 12, kGemmRestRead = kWidth == 16 ? 5 : 3;

/** Cost of the last `columns`. A processor that halves the time of half a vector takes twice as long for the
 *  arithmetic of a whole one, and no longer for anything else. */
inline double gemm_rest_cost(const GemmProduct& p, int64_t columns, bool turned, bool halves) {
  const double faster = kHalfIsCheaper && halves ? 0.5 : 1;
  const double rows = static_cast<double>(p.rows), k = static_cast<double>(p.k);
  const double count = static_cast<double>(columns), reads = larger(kGemmRestRead * faster, count);
  if (p.x_step == 1) {
    GemmProduct rest = p;
    rest.columns = columns;
    const double waits = (reads - count) * rows * static_cast<double>(parts_of(p.k, kWidth));
    return gemm_dots_cost(rest) + waits + faster * (kGemmRest + kGemmRestRow * rows);
  }
  if (p.x_row != 1) return HUGE_VAL;
  const double vectors = static_cast<double>(parts_of(p.rows, kWidth));
  return reads * vectors * k + (turned ? 0.3 : 1.0) * rows * count + faster * kGemmRest;
}

/** What a single vector in a panel of its own takes more than half of two, in vector multiply-adds, beside an
 * x across the steps. (Along k that is not counted.) */
inline double gemm_lonely_cost(const GemmProduct& p) {
  const bool single = parts_of(p.columns, kWidth) % kGemmVectors == 1;
  if (!kGemmNarrow || p.x_step == 1 || p.y_column != 1 || !single) return 0;
  return 0.6 * static_cast<double>(p.rows) * static_cast<double>(p.k);
}

/** Of two costs, where half a vector takes as long as a whole one and where it takes half as long. */
struct GemmCosts {
  double of[2];
};

/** How many columns those are, or 0 if the product would cost `most` or more. */
inline int32_t gemm_rest(const GemmCall& g, bool swapped, const GemmCosts& most) {
  GemmProduct p = gemm_product(g, swapped);
  const int32_t rest = static_cast<int32_t>(p.columns % kWidth);
  p.columns -= rest;
  if (rest == 0 || p.columns < 2 * kWidth) return 0;
  GemmPlan plan = gemm_plan(g.output, swapped);
  plan.upended = gemm_is_upended(p, plan);
  for (int halves = 0; halves < 2; halves++) {
    const double cost = gemm_cost(p, plan, halves);
    if (cost + gemm_rest_cost(p, rest, plan.turned, halves) >= most.of[halves]) return 0;
  }
  return rest;
}

// (Both out of line, since small products need neither and would have fewer registers.)

/** Whether a product is cheaper with its last columns apart, or with those of the other way round. */
[[gnu::noinline]] void gemm_plan_rest(const GemmCall& g, GemmPlan& plan) {
  const GemmProduct p = gemm_product(g, plan.swapped);
  const double lonely = gemm_lonely_cost(p);
  const double wholes = gemm_cost(p, plan, false) + lonely, halves = gemm_cost(p, plan, true) + lonely;
  // Some has to be gained, or nothing lost where halves are cheaper; the other way round, more. Less beside
  // narrow panels: a partial vector is not for the micro-kernels that are quickest. (Across the steps only
  // if that has been counted.)
  const double most = kGemmNarrow && (p.x_step == 1 || lonely > 0) ? 0.988 : 0.975;
  plan.rest = gemm_rest(g, plan.swapped, {{most * wholes, halves}});
  if (plan.rest > 0) return;
  const int32_t other = gemm_rest(g, !plan.swapped, {{0.96 * wholes, 0.96 * halves}});
  if (other == 0) return;
  plan = gemm_plan(g.output, !plan.swapped);
  plan.rest = other;
}

/** The last columns of a product, in the rows of a block. */
[[gnu::noinline]] void gemm_rest_block(const GemmCall& g, const GemmPlan& plan, const GemmArea& block,
                                       Real* scratch) {
  const bool swapped = plan.swapped;
  const GemmProduct p = gemm_product(g, swapped);
  const int64_t columns = plan.rest, j = p.columns - columns;
  GemmOutput o = g.output;
  o.c += j * (swapped ? o.row : o.column);
  if (o.aux) o.aux += j * (swapped ? o.aux_row : o.aux_column);
  if (o.bias && !swapped) o.bias += j;
  const Real* const y = p.y + j * p.y_column;
  if (p.x_step != 1) {
    const GemmProduct rest = {columns, p.rows, p.k, y, p.y_column, p.y_step, p.x, p.x_step, p.x_row, false};
    const GemmArea area = {0, columns, block.i, block.rows, false};
    return gemm_block<GemmPlain>(rest, gemm_plan(o, !swapped), o, area, {}, nullptr, scratch);
  }
  const GemmProduct rest = {p.rows, columns, p.k, p.x, p.x_row, p.x_step, y, p.y_step, p.y_column, p.x_far};
  for (int64_t i = block.i, end = i + block.rows; i < end; i += kGemmBlock) {
    const GemmArea area = {i, smaller(kGemmBlock, end - i), 0, columns, block.upward};
    gemm_dots_area(rest, swapped, o, area, nullptr, scratch);
  }
}

}  // namespace
