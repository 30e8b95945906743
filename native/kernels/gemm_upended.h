// Products along k of few rows beside narrow panels, of which the transpose is computed: w in its place is x,
// a row after the other, and of the few rows all are turned to panels at once. That is less to turn than w,
// and c, which is turned as well, is less than w where k is long. A block of x is multiplied with all panels
// before the next one is.
namespace {

// What panels and a block of x may have, most of which then stays in L2. (Less of either is slower.)
constexpr int64_t kGemmUpendedY = (int64_t{420} << 10) / sizeof(Real);
constexpr int64_t kGemmUpendedX = (int64_t{320} << 10) / sizeof(Real);
static_assert(kGemmUpendedY <= kGemmSharedSize);
// Columns that are multiplied with a block at once, at least: not all, if k is so long that their panels
// would not stay.
constexpr int64_t kGemmUpendedLeast = 2 * kGemmColumns;
// Rows of such a block: whole tiles, and whole lines of c.
constexpr int64_t kGemmUpendedRows = 3 * kGemmLine;
static_assert(kGemmTall * kGemmColumns <= kGemmSumsSize);

/** Whether a product is computed so. */
inline bool gemm_is_upended(const GemmProduct& p, const GemmPlan& plan) {
  return kGemmNarrow && plan.turned && p.x_step == 1 && p.y_step == 1 && p.y_column != 1 &&
         p.columns <= kGemmBlock && p.k * kGemmUpendedLeast <= kGemmUpendedY;
}

/** Whether two threads share its panels, so that each turns its own. (Both turn all of them where the rows of
 * x are shared.) */
inline bool gemm_upended_shares(const GemmProduct& p) {
  return p.columns >= 4 * kGemmColumns && parts_of(p.columns, kGemmColumns) % 2 == 0;
}

/** The panel of columns from j of a y whose columns lie along k. */
inline void gemm_turn_panel(const GemmProduct& p, int64_t j, Real* panel) {
  const int64_t columns = smaller(kGemmColumns, p.columns - j);
  gemm_pack_panel(p.y + j * p.y_column, p.y_step, p.y_column, p.k, columns, kGemmColumns, panel);
}

/** y is in panels, the first of which is this one. */
inline void gemm_set_panels(GemmProduct& p, const Real* panels) {
  p.y = panels;
  p.y_step = kGemmColumns, p.y_column = 1;
  p.y_panel = p.k * kGemmColumns;
}

/** One area of such a product. Its columns are whole panels, or the last. */
template <class Factors>
[[gnu::noinline]] void gemm_upended_block(GemmProduct p, const GemmPlan& plan, GemmOutput o, GemmArea area,
                                          GemmSoon* soon, Real* scratch) {
  const int64_t most = kGemmUpendedY / (p.k * kGemmColumns), panels = parts_of(area.columns, kGemmColumns);
  if (p.y_panel == 0 && panels > most) {
    const int64_t columns = parts_of(panels, parts_of(panels, most)) * kGemmColumns;
    for (int64_t j = 0; j < area.columns; j += columns) {
      const GemmArea some = {area.i, area.rows, area.j + j, smaller(columns, area.columns - j), false};
      gemm_upended_block<Factors>(p, plan, o, some, soon, scratch);
    }
    return;
  }
  if (p.y_panel == 0) {  // not turned for all tasks at once
    Real* const turned = scratch + kGemmSharedFrom;
    for (int64_t j = 0; j < area.columns; j += kGemmColumns) gemm_turn_panel(p, area.j + j, turned + j * p.k);
    gemm_set_panels(p, turned);
    o.c += area.j * o.row;
    area.j = 0;
  }
  const int64_t fit = kGemmUpendedX / smaller(p.k, kGemmK) / kGemmUpendedRows * kGemmUpendedRows;
  const int64_t blocks = parts_of(area.rows, smaller(kGemmTall, larger(kGemmUpendedRows, fit)));
  const int64_t rows = parts_of(parts_of(area.rows, blocks), kGemmLine) * kGemmLine;
  for (int64_t r = 0; r < area.rows; r += rows) {
    const GemmArea block = {area.i + r, smaller(rows, area.rows - r), area.j, area.columns, false};
    gemm_block<Factors>(p, plan, o, block, {}, soon, scratch);
  }
}

}  // namespace
