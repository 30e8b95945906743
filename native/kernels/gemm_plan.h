// Which way round a product is computed, by what it costs.
namespace {

// Adding up a vector of sums, in vector multiply-adds.
constexpr double kGemmDotsSum = kWidth == 16 ? 7 : 5;

// Rows from which on a single vector of columns is the dearer way round.
constexpr int64_t kGemmLonelyRows = kGemmNarrow ? 256 : 1;

// What turning costs, in vector multiply-adds an element: columns of y that lie along k, and a finished c.
// (Fitted to 170 products along k, each computed both ways round.)
constexpr double kGemmTurningY = kGemmNarrow ? 0.8 : 0.6, kGemmTurningC = 0.5;
// What has to be gained by that; more where two threads would share panels unevenly.
constexpr double kGemmTurningGain = 0.995, kGemmUnevenGain = 0.95;

/** How long one side of a block of sums may be where the other one is so long: more if that need not be cut.
 */
inline int64_t gemm_most_sums(int64_t other) {
  if (other > kGemmBlock) return kGemmBlock;
  return smaller(kGemmTall, kGemmSumsSize / gemm_width(other) / kWidth * kWidth);
}

/** Rows of a block at most: as many as there is room for sums or a copy of x, or as pay. */
inline int64_t gemm_most_rows(const GemmProduct& p, const GemmPlan& plan) {
  if (!plan.direct && !plan.turned) return kGemmBlock;
  if (plan.upended) return p.rows;
  return plan.direct ? kGemmCopyRows : smaller(kGemmTall, gemm_most_sums(p.columns));
}

/** Cost of a product in vector multiply-adds: arithmetic, transposing y for every block of rows, turning the
 *  result round. halves: whether half a vector takes less than a whole one, which is up to the processor. */
inline double gemm_cost(const GemmProduct& p, const GemmPlan& plan, bool halves) {
  const bool half = halves && p.columns > kWidth && gemm_tail((p.columns - 1) % kWidth + 1) == GemmTail::half;
  // Beside one whole vector half a one saves less: see kGemmWidest.
  const double saved = !half ? 0 : p.columns < 2 * kWidth ? 0.25 : 0.5;
  const double vectors = static_cast<double>(parts_of(p.columns, kWidth)) - saved;
  const double rows = static_cast<double>(p.rows);
  const double k = static_cast<double>(p.k), columns = static_cast<double>(p.columns);
  double cost = rows * vectors * k;
  // A single vector of columns has more to read than to multiply, unless it is whole and x lies along k.
  if (p.columns <= kWidth && (p.columns < kWidth || p.x_step != 1) && p.rows >= kGemmLonelyRows) cost *= 1.25;
  if (p.y_column != 1)
    cost += (p.y_step == 1 ? kGemmTurningY : 2.0) * k * columns *
            static_cast<double>(parts_of(p.rows, gemm_most_rows(p, plan)));
  if (!plan.direct) cost += (plan.turned ? kGemmTurningC : 1.0) * rows * columns;
  return cost;
}

/** The plan of a way round. */
inline GemmPlan gemm_plan(const GemmOutput& o, bool swapped) {
  return {swapped, !swapped && o.column == 1, swapped && gemm_only_turns(o), false, 0};
}

/** The cheaper one of both; cost: of that way, see gemm_cost. */
inline GemmPlan gemm_plan(const GemmCall& g, double& cost) {
  const GemmProduct straight = gemm_product(g, false), turned = gemm_product(g, true);
  GemmPlan plan = gemm_plan(g.output, false), other = gemm_plan(g.output, true);
  other.upended = gemm_is_upended(turned, other);
  // Down a long k the wider factor is read better as rows than as panels side by side, but not beside a
  // single vector of columns, nor if its steps pile up.
  const bool down = g.k >= 16 * g.m && g.n >= 2 * g.m && straight.x_row == 1 && straight.y_column == 1 &&
                    g.m >= 2 * kWidth && !gemm_x_piles(turned);
  cost = gemm_cost(straight, plan, true);
  const double other_cost = gemm_cost(turned, other, true);
  const bool even = !other.upended || gemm_upended_shares(turned);
  if (other_cost >= (down ? 1.05 : even ? kGemmTurningGain : kGemmUnevenGain) * cost) return plan;
  cost = other_cost;
  return other;
}

/** Cost by gemm_dots, infinite if it cannot compute a product that way round: arithmetic, adding up vectors,
 *  turning a y whose columns do not lie along k. */
inline double gemm_dots_cost(const GemmProduct& p) {
  if (kWidth == 1 || p.columns > kGemmDotsNarrow || p.k < kWidth || p.x_step != 1 ||
      (p.y_step != 1 && p.y_column != 1))
    return HUGE_VAL;
  const double rows = static_cast<double>(p.rows), columns = static_cast<double>(p.columns);
  const double dots = rows * columns * (static_cast<double>(parts_of(p.k, kWidth)) + kGemmDotsSum);
  if (p.y_step == 1) return dots;
  return dots + (p.columns < kGemmSquare ? 2.0 : 0.5) * static_cast<double>(p.k) * columns;
}

/** Whether that is clearly less than `cost`. */
inline bool gemm_dots_pay(const GemmProduct& p, double cost) { return gemm_dots_cost(p) < 0.95 * cost; }

}  // namespace
