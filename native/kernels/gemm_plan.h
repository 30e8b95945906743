// Which way round a product is computed, by what it costs.
namespace {

// Adding up a vector of sums, in vector multiply-adds.
constexpr double kGemmDotsSum = kWidth == 16 ? 7 : 12;

// Rows from which on a single vector of columns is the dearer way round.
constexpr int64_t kGemmLonelyRows = kGemmNarrow ? 256 : 1;

/** What turning costs, in vector multiply-adds an element: columns of y that lie along k, anew for so many
 * rows of x; a finished c. */
struct GemmTurnCosts {
  double y;
  int64_t rows;
  double c;
};
constexpr GemmTurnCosts kGemmTurns = {0.4, kGemmBlock, 0.3};
// Vectors of 8 are worth less; and with costs that true, little has to be gained.
constexpr GemmTurnCosts kGemmNarrowTurns = {0.6, kGemmCopyRows, 0.7};
constexpr double kGemmUpendedGain = 0.995;

/** Cost of a product in vector multiply-adds: arithmetic, transposing y, turning the result round. halves:
 *  whether half a vector takes less than a whole one, which is up to the processor. */
template <const GemmTurnCosts& turns = kGemmTurns>
inline double gemm_cost(const GemmProduct& p, bool direct, bool turned, bool halves) {
  const bool half = halves && p.columns > kWidth && gemm_tail((p.columns - 1) % kWidth + 1) == GemmTail::half;
  // Beside one whole vector half a one saves less: see kGemmWidest.
  const double saved = !half ? 0 : p.columns < 2 * kWidth ? 0.25 : 0.5;
  const double vectors = static_cast<double>(parts_of(p.columns, kWidth)) - saved;
  const double rows = static_cast<double>(p.rows);
  const double k = static_cast<double>(p.k), columns = static_cast<double>(p.columns);
  double cost = rows * vectors * k;
  // Beside a single vector of columns, every step waits for rows of x that lie across the steps.
  if (p.x_step != 1 && p.columns <= kWidth && p.rows >= kGemmLonelyRows) cost *= 1.25;
  if (p.y_column != 1)
    cost += (p.y_step == 1 ? turns.y : 2.0) * k * columns * static_cast<double>(parts_of(p.rows, turns.rows));
  if (!direct) cost += (turned ? turns.c : 1.0) * rows * columns;
  return cost;
}

/** The plan of a way round. */
inline GemmPlan gemm_plan(const GemmOutput& o, bool swapped) {
  return {swapped, !swapped && o.column == 1, swapped && gemm_only_turns(o), false, 0};
}

/** The cheaper one of both; cost: of that way, see gemm_cost. */
inline GemmPlan gemm_plan(const GemmCall& g, double& cost) {
  const bool direct = g.output.column == 1;
  // Down a long k the wider factor is read better as rows than as panels side by side, but not beside a
  // single vector of columns, nor if its steps pile up.
  const GemmProduct straight = gemm_product(g, false), turned = gemm_product(g, true);
  const bool down = g.k >= 16 * g.m && g.n >= 2 * g.m && straight.x_row == 1 && straight.y_column == 1 &&
                    g.m >= 2 * kWidth && !gemm_x_piles(turned);
  const bool turns = gemm_only_turns(g.output);
  const double straight_cost = gemm_cost(straight, direct, turns, true);
  const double turned_cost = gemm_cost(turned, false, turns, true);
  bool swapped = turned_cost < (down ? 1.05 : 0.95) * straight_cost;
  // Hardly cheaper with halves of vectors, but cheaper without: 211 columns are 13.5 vectors, or 14.
  if (!swapped && turned_cost < straight_cost)
    swapped = gemm_cost(turned, false, turns, false) < 0.98 * gemm_cost(straight, direct, turns, false);
  cost = swapped ? turned_cost : straight_cost;
  return gemm_plan(g.output, swapped);
}

/** Whether the transpose is cheaper beside narrow panels. (Out of line, as small products do not ask.) */
[[gnu::noinline]] inline void gemm_plan_upended(const GemmCall& g, GemmPlan& plan) {
  if (plan.swapped || !plan.direct || g.w_row != 1) return;
  const GemmProduct straight = gemm_product(g, false), turned = gemm_product(g, true);
  const GemmPlan other = gemm_plan(g.output, true);
  if (straight.x_step != 1 || !gemm_is_upended(turned, other) || !gemm_upended_shares(turned)) return;
  if (gemm_cost<kGemmNarrowTurns>(turned, false, true, true) <
      kGemmUpendedGain * gemm_cost<kGemmNarrowTurns>(straight, true, true, true))
    plan = other;
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
