// How the result of a product is cut into blocks, and into how many tasks.
namespace {

// Multiply-adds that are worth a task: some 10 us.
constexpr double kGemmTaskWork = 500e3;
constexpr int64_t kGemmTasks = 16;
constexpr double kGemmHalves = 0.4;  // of a task: from here on a product is cut in two
// Columns of a block that shares one copy of x; more where there is much of it. So many it has from
// kGemmWideFrom columns on, since narrow panels come back to that copy often. (Fewer share one where it
// crowds, and there are rows enough for all tasks.)
constexpr int64_t kGemmWide = 1024, kGemmWideLongK = kGemmNarrow ? 1024 : 2048;
constexpr int64_t kGemmWideFrom = kGemmNarrow ? kGemmBlock + 1 : kGemmWide;
// Columns of one thread's block whose y is turned panel by panel: the first one has no arithmetic to be
// turned behind.
constexpr int64_t kGemmTurnedWide = 512;
// A block of so many rows may be cut for more tasks; one with a copy of x, where each packs narrow panels
// anew.
constexpr int64_t kGemmSplitRows = 96, kGemmSplitCopied = kGemmNarrow ? 192 : 96;
// Columns that are worth a task. Where y has to be turned, narrow panels make one of fewer, if all are as
// wide, sooner than of some rows, each of which would turn all of y.
constexpr int64_t kGemmLeastColumns = 64, kGemmLeastTurned = kGemmNarrow ? 32 : kGemmLeastColumns;
// A y that stays in L2, beside x and c, while every block of rows is multiplied with all of it.
constexpr int64_t kGemmAcrossSize = (int64_t{128} << 10) / sizeof(Real);
// Up to so many steps of k, writing c takes so much of the time that it is cut between rows even where each
// thread then packs all of y, if there are rows enough to pay for that. (Beside narrow panels they never do.)
constexpr int64_t kGemmMostlyC = 48, kGemmMostlyRows = 96;

/** About how long so many multiply-adds on so many elements of memory take on one thread, ns. */
inline double gemm_nanoseconds(double multiply_adds, double elements) {
  return multiply_adds / (kWidth > 1 ? 50 : 5) + 0.1 * elements;
}

/** Blocks of c: at most gemm_most_rows high and gemm_most_columns wide, and enough of them to share out. */
struct GemmGrid {
  int64_t rows, columns;  // of the largest block
  int64_t row_parts, column_parts;
  bool across;            // in the order of tasks; else down
  int64_t sharers;        // threads that meet at a row of c, each with some rows of blocks; 1: none do
  int64_t unit = kWidth;  // blocks are whole numbers of so many columns wide

  /** Whether blocks come last in the share of a thread that has a neighbour. Behind what a thread writes, the
   *  processor fetches lines of some 64 KB more, and those that the neighbour writes it takes from it: such
   *  blocks are worked on from the border upward, as the neighbour's are from there downward. */
  bool ends_at_border(int64_t part) const {
    return part + 1 < row_parts && (part + 1) * sharers / row_parts > part * sharers / row_parts;
  }

  GemmArea area(const GemmProduct& p, int64_t block) const {
    if (row_parts * column_parts == 1) return {0, p.rows, 0, p.columns, false};
    const int64_t part = across ? block / column_parts : block % row_parts, i = part * rows;
    const int64_t q = across ? block % column_parts : block / row_parts;
    const int64_t units = parts_of(p.columns, unit), least = units / column_parts,
                  wider = units % column_parts;  // so many blocks have one more
    const int64_t j = (q * least + smaller(q, wider)) * unit, width = (least + (q < wider)) * unit;
    return {i, smaller(rows, p.rows - i), j, smaller(width, p.columns - j), ends_at_border(part)};
  }
};

/** How many tasks a product is worth; one thread has no use for more than one. */
inline int64_t gemm_tasks(const GemmProduct& p, int64_t batch, int32_t threads) {
  if (threads == 1) return 1;
  const double work = static_cast<double>(p.rows) * static_cast<double>(p.columns) * static_cast<double>(p.k);
  const double wanted = work / kGemmTaskWork, all = wanted * static_cast<double>(batch);
  if (all > kGemmTasks) return kGemmTasks / smaller(batch, kGemmTasks);
  const int64_t tasks = 1 + static_cast<int64_t>(wanted);
  return all >= kGemmHalves ? larger(2, tasks) : tasks;
}

// Panels of three vectors, for tiles of eight rows; of so many columns on, since threads share them less
// evenly.
constexpr int64_t kGemmHighColumns = 3 * kWidth, kGemmHighWidth = 8 * kGemmHighColumns, kGemmHighRows = 32;

/** Whether few rows make fewer tiles if those are higher: y is read once for each. */
inline bool gemm_prefers_high_tiles(const GemmProduct& p) {
  return kWidth == 16 && p.columns >= kGemmHighWidth && p.rows <= kGemmHighRows &&
         parts_of(p.rows, gemm_rows(3)) < parts_of(p.rows, gemm_rows(kGemmVectors));
}

/** What decides how c is cut. */
struct GemmCut {
  int64_t batch;  // of products
  int32_t threads;
  GemmPlan plan;
  bool y_in_place;        // packing y costs nothing
  bool y_scatters;        // and yet it is packed: see gemm_y_scatters
  bool x_copied;          // by every block
  bool by_rows;           // threads meet at a row of c
  int64_t least_columns;  // fewer are not worth what x costs

  /** Whether threads share so many blocks evenly, and narrow panels would rather have no more of them: each
   * block copies its x, and those above each other pack the same y. */
  bool enough(int64_t blocks, int64_t columns) const {
    return kGemmNarrow && batch * blocks % threads == 0 &&
           (x_copied || plan.upended || columns < 2 * kGemmLeastColumns);
  }
};

/** Columns of a block at most, unless x is copied for all of them. */
inline int64_t gemm_most_columns(const GemmProduct& p, const GemmPlan& plan, int32_t threads) {
  if (plan.turned) return gemm_most_sums(p.rows);
  return threads == 1 && plan.direct && gemm_turns_ahead(p, p.rows, p.k) ? kGemmTurnedWide : kGemmBlock;
}

/** Blocks of c, about so many or as many as are worth it. */
inline GemmGrid gemm_cut(const GemmProduct& p, const GemmCut& how, int64_t target) {
  GemmGrid grid;
  if (p.y_panel > 0 || how.plan.upended) grid.unit = kGemmColumns;
  if (target == 1 && p.rows < kGemmBlock && p.columns <= kGemmBlock) {  // small products feel divisions
    grid.rows = p.rows, grid.columns = parts_of(p.columns, grid.unit) * grid.unit;
    grid.row_parts = grid.column_parts = 1;
    return grid;
  }
  grid.row_parts = parts_of(p.rows, gemm_most_rows(p, how.plan));
  grid.column_parts = parts_of(p.columns, gemm_most_columns(p, how.plan, how.threads));
  const bool wide = p.columns >= kGemmWideFrom || (gemm_x_crowds(p) && p.rows >= kGemmBlock * target);
  if (how.x_copied && (how.y_in_place || kGemmNarrow) && wide) {
    grid.column_parts = parts_of(p.columns, p.k < kGemmCollidingK ? kGemmWide : kGemmWideLongK);
    int64_t wanted = 1;
    while (grid.column_parts * wanted < target && !how.enough(grid.column_parts * wanted, p.columns))
      wanted++;
    grid.row_parts = larger(grid.row_parts, smaller(wanted, p.rows / kGemmSplitCopied));
  }
  if (!kGemmNarrow && how.by_rows && !how.y_in_place && target > 1)
    grid.row_parts = larger(grid.row_parts, 2);
  // A small c that is much work, for want of a better cut.
  const bool halves = static_cast<double>(p.rows * p.columns) * static_cast<double>(p.k) >= kGemmTaskWork;
  for (;;) {
    grid.rows = parts_of(p.rows, grid.row_parts);
    grid.columns = parts_of(parts_of(p.columns, grid.column_parts), grid.unit) * grid.unit;
    const int64_t blocks = grid.row_parts * grid.column_parts;
    if (blocks >= target || how.enough(blocks, grid.columns)) break;
    const bool as_wide = grid.columns / grid.unit % 2 == 0;
    if (grid.columns >= 2 * how.least_columns && (as_wide || grid.columns >= 2 * kGemmLeastColumns))
      grid.column_parts *= 2;
    else if (grid.rows >= (how.y_in_place ? kGemmSplitRows : 256))
      grid.row_parts *= 2;
    else if (grid.rows >= 56 && blocks < (how.y_in_place ? 8 : smaller(4, how.threads)))
      grid.row_parts *= 2;
    else if (halves && blocks == 1 && grid.columns < 4 * kWidth && grid.rows >= 2 * kGemmMaxRows)
      grid.row_parts = 2;
    else if (halves && blocks == 1 && grid.columns >= 2 * grid.unit)
      grid.column_parts = 2;
    else
      break;
  }
  if (how.y_in_place && p.y_panel == 0 && !how.y_scatters && gemm_prefers_high_tiles(p))
    grid.columns = kGemmHighColumns;
  grid.row_parts = parts_of(p.rows, grid.rows);
  grid.column_parts = parts_of(p.columns, grid.columns);
  return grid;
}

/** One thread has whole blocks, each of several two tasks (the bits do not depend on where c is cut). A large
 *  product has more, which come out more even; but not where a task then turns y or packs narrow panels anew,
 * or y scatters, or several blocks of x are copied, if threads share whole blocks evenly. */
inline GemmGrid gemm_grid(const GemmProduct& p, int64_t batch, const GemmPlan& plan, int32_t threads,
                          bool y_in_place, int64_t least_columns) {
  GemmCut how;
  how.batch = batch, how.threads = threads, how.plan = plan;
  how.y_in_place = y_in_place, how.least_columns = least_columns;
  how.x_copied = plan.direct && gemm_copies_x(p, p.columns);
  if (kGemmNarrow && how.x_copied) how.least_columns = larger(least_columns, kGemmCopyColumns);
  const int64_t part = smaller(p.k, gemm_longest_k(GemmPlain{}, p));
  how.y_scatters = y_in_place && p.rows >= kGemmCrowdedRows && gemm_y_scatters(p, p.rows, part);
  how.by_rows =
      plan.direct && threads > 1 && (y_in_place || (p.k <= kGemmMostlyC && p.rows >= kGemmMostlyRows));

  const int64_t tasks = gemm_tasks(p, batch, threads);
  GemmGrid grid = gemm_cut(p, how, smaller(tasks, 2 * threads));
  if (tasks == kGemmTasks && y_in_place && !kGemmNarrow) {
    const bool copies = plan.direct && p.columns < kGemmWide && p.rows > gemm_most_rows(p, plan) &&
                        gemm_copies_x(p, grid.columns);
    const int64_t blocks = grid.row_parts * grid.column_parts;
    if (!(how.y_scatters || copies) || blocks % threads != 0) grid = gemm_cut(p, how, tasks);
  }
  // Down the rows, blocks share a panel of y. Across them, threads meet at a row of c and not down a column
  // of it, at every row of which lines would be fetched over the border.
  grid.across = how.by_rows && p.k * p.columns <= kGemmAcrossSize;
  grid.sharers = plan.direct && batch == 1 && (grid.across || grid.column_parts == 1) ? threads : 1;
  return grid;
}

inline GemmGrid gemm_grid(const GemmProduct& p, int64_t batch, const GemmPlan& plan, int32_t threads,
                          bool y_in_place) {
  return gemm_grid(p, batch, plan, threads, y_in_place, y_in_place ? kGemmLeastColumns : kGemmLeastTurned);
}

/** Rows of c, or columns where it is swapped, for gemm_dots: whole lines of memory. */
inline GemmGrid gemm_dots_grid(const GemmProduct& p, int64_t batch, int32_t threads) {
  int64_t tasks = gemm_tasks(p, batch, threads);
  if (p.y_step != 1) tasks = smaller(tasks, threads);  // each turns y
  tasks = larger(tasks, parts_of(p.rows, kGemmBlock));
  GemmGrid grid;
  grid.rows = parts_of(parts_of(p.rows, tasks), kGemmLine) * kGemmLine;
  grid.columns = p.columns;
  grid.row_parts = parts_of(p.rows, grid.rows);
  grid.column_parts = 1;
  grid.across = false;
  grid.sharers = batch == 1 ? threads : 1;
  return grid;
}

}  // namespace
