// gemm: c = combine(aux, activation(alpha * a.w + beta * c + bias)), for every element of a batch.
//
// A product is worked on as rows of x times columns of y: x is read element by element (broadcast),
// y by vectors. Normally x = a and y = w; where it is cheaper (few columns, or w transposed and a
// small) the transpose is computed, x = wT and y = aT, and the result turned round at the end.
// The order of summation depends on the shape and on constants of the instruction set alone.
#include "gemm_micro.h"
#include "gemm_pack.h"
#include "gemm_finish.h"

namespace {

// k is summed in blocks of at most this, so that a block of x and a panel of y stay in L2; in
// smaller ones where a step of x is a step through memory, so that the next block can be fetched.
constexpr int64_t kGemmK = 1024;
constexpr int64_t kGemmStridedK = 256, kGemmCollidingK = 512;
// Columns of a block that shares one copy of x.
constexpr int64_t kGemmWide = 1024;
// Steps of k by which x is fetched ahead within the last block.
constexpr int64_t kGemmAhead = 16;
// Multiply-adds that are worth a task: some 10 us.
constexpr double kGemmTaskWork = 500e3;
constexpr int64_t kGemmTasks = 16;
constexpr int64_t kGemmSplitRows = 96;  // a block of so many rows may be cut for more tasks
// Columns from which on copying a colliding x pays; narrow panels make tasks of so many, for each of which it
// is copied.
constexpr int64_t kGemmCopyColumns = (kWidth == 8 ? 8 : 4) * kGemmColumns;
constexpr int64_t kGemmSplitCopied =
    kWidth == 8 ? 192 : 96;          // one with a copy of x; narrow panels are packed by each
constexpr double kGemmHalves = 0.4;  // of a task: from here on a product is cut in two

/** One product in its working orientation: x (rows, k), y (k, columns). */
struct GemmProduct {
  int64_t rows, columns, k;
  const Real* x;
  int64_t x_row, x_step;
  const Real* y;
  int64_t y_step, y_column;
};

// ---------------------------------------------------------------- one block of c

/** How a block is computed; decided once for all tasks. */
struct GemmPlan {
  bool swapped;  // x = wT, y = aT
  bool direct;   // micro-kernels write c itself
  bool turned;   // or its transpose, finished, which has only to be turned
};

/** Scratch memory of a task, in Reals: a copy of x, a panel of y, sums, a strip of turned rows. What is left
 *  of the calling thread's is for all tasks of a product: see gemm_turn_y. */
constexpr int64_t kGemmCopyK = kWidth == 8 ? kGemmK : kGemmK / 2;
constexpr int64_t kGemmCopySize = (kGemmBlock + kGemmLine) * (kGemmCopyK + kGemmLine);
constexpr int64_t kGemmPackSize = kGemmColumns * (kGemmK + 2 * kGemmLine);
static_assert(kGemmCollidingK * gemm_odd_lines(kGemmBlock) <= kGemmCopySize);
static_assert(kGemmBlock * gemm_odd_lines(kGemmCopyK) <= kGemmCopySize);
static_assert(!kGemmSlivers ||
              parts_of(kGemmBlock, kGemmSliver) * gemm_sliver_size(kGemmCollidingK) <= kGemmCopySize);
constexpr int64_t kGemmSumsSize = kGemmBlock * kGemmBlock;
constexpr int64_t kGemmStripSize = kWidth * kGemmBlock;
constexpr int64_t kGemmTaskSize = kGemmCopySize + kGemmPackSize + kGemmSumsSize + kGemmStripSize;
constexpr int64_t kGemmSharedSize = int64_t{kScratchBytes / sizeof(Real)} - kGemmTaskSize;
static_assert(kGemmSharedSize > 0);

/** All rows of the block times one panel of y (at most kGemmVectors vectors wide). With tile.keep
 *  the first rows pack y there for the others. ahead_steps: how far ahead a strided x is fetched. */
template <class Factors>
inline void gemm_panel(GemmTile tile, int64_t rows, int64_t columns, int64_t ahead_steps,
                       const GemmOutput* finish, int64_t i, int64_t j) {
  const int64_t vectors = parts_of(columns, kWidth);
  tile.tail = columns - (vectors - 1) * kWidth;
  const int64_t tiles =
      parts_of(rows, kGemmSlivers && tile.slivers ? kGemmSliver : gemm_rows(static_cast<int>(vectors)));
  const int64_t height = rows / tiles, higher = rows - height * tiles;  // so many tiles have one more row
  // The first tile packs for the others; where few rows make it too low for that, y is read in place.
  if (height + (higher > 0) < gemm_least_rows(static_cast<int>(vectors), true)) tile.keep = nullptr;
  const Real* const first = tile.x;
  Real* const c = tile.c;
  const Real* const row_bias = tile.row_bias;
  for (int64_t t = 0, r = 0; t < tiles; t++) {
    const int64_t h = height + (t < higher);
    tile.x = first + (kGemmSlivers && tile.slivers ? t * gemm_sliver_size(tile.k) : r * tile.x_row);
    tile.c = c + r * tile.c_row;
    if (row_bias) tile.row_bias = row_bias + r;
    tile.ahead = tile.x_step == 1 ? (r + h < rows ? tile.x + h * tile.x_row : first)
                                  : tile.x + ahead_steps * tile.x_step;
    if (!tile.keep) {
      gemm_micro_for<Factors, false>(h, vectors, tile.tail)(tile);
    } else {
      gemm_micro_for<GemmPlain, true>(h, vectors, tile.tail)(tile);
      tile.y = tile.keep;
      tile.y_step = vectors * kWidth;
      tile.keep = nullptr;
    }
    if (finish) gemm_finish_tile(*finish, i + r, h, j, columns);
    r += h;
  }
}

/** Whether columns of x are contiguous and its steps of k fall on few sets of the cache. */
inline bool gemm_x_collides(const GemmProduct& p) { return p.x_row == 1 && p.x_step % (4 * kGemmLine) == 0; }

/** Whether rows of x lie whole pages apart, of which a block of k leaves some out: they fall on few sets of
 * L2, and narrow panels come back to them too often for that. (They hardly matter to wide ones.) */
inline bool gemm_x_scatters(const GemmProduct& p) {
  constexpr int64_t kPage = 4096 / sizeof(Real);
  return kWidth == 8 && p.x_step == 1 && p.x_row > kGemmK && p.x_row % kPage == 0;
}

/** Whether x is copied: if it collides, or lies better in slivers, and there are columns of y enough to pay
 *  for it. */
inline bool gemm_copies_x(const GemmProduct& p, int64_t columns) {
  const bool pays = p.x_step == 1 ? gemm_x_scatters(p) : kGemmSlivers ? p.x_row == 1 : gemm_x_collides(p);
  return pays && p.k >= 64 && columns >= kGemmCopyColumns;
}

/** The longest block of k. Decides the order of summation, and so may not depend on how c is cut. */
inline int64_t gemm_longest_k(GemmPlain, const GemmProduct& p) {
  return p.x_step == 1 ? kGemmK : gemm_x_collides(p) ? kGemmCollidingK : kGemmStridedK;
}

/** tile.x = rows from i, steps [k0, k0 + k) of x. Returns whether that is a copy. */
inline bool gemm_place_x(GemmPlain, const GemmProduct& p, int64_t i, int64_t rows, int64_t k0, int64_t k,
                         int64_t columns, Real* copy, GemmTile& tile) {
  tile.k = k;
  tile.x = p.x + i * p.x_row + k0 * p.x_step;
  tile.x_row = p.x_row;
  tile.x_step = p.x_step;
  const bool copies = gemm_copies_x(p, columns);
  tile.slivers = copies && kGemmSlivers && p.x_step != 1;
  if (tile.slivers) {
    gemm_copy_slivers(tile.x, p.x_step, k, rows, parts_of(rows, kGemmSliver), copy);
    tile.x_step = kGemmSliver;
  } else if (copies) {  // to rows an odd number of lines apart
    const bool along = p.x_step == 1;
    const int64_t to_row = gemm_odd_lines(along ? k : rows);
    gemm_copy_rows(tile.x, along ? p.x_row : p.x_step, along ? rows : k, along ? k : rows, copy, to_row);
    (along ? tile.x_row : tile.x_step) = to_row;
  }
  if (copies) tile.x = copy;
  const bool across = tile.x_step == 1;  // the next rows follow within reach: fetch them evenly
  tile.ahead_step = across ? smaller(kGemmLine, tile.x_row * kGemmMaxRows / larger(k, 1)) : tile.x_step;
  return copies;
}

/** tile.y = `columns` of y from j, steps from k0: in place, or packed now, or packed by the first
 *  rows' micro-kernel. */
inline void gemm_place_y(GemmPlain, const GemmProduct& p, int64_t j, int64_t columns, int64_t rows,
                         int64_t k0, int64_t k, Real* packed, GemmTile& tile) {
  const Real* const y = p.y + k0 * p.y_step + j * p.y_column;
  tile.keep = nullptr;
  if (p.y_column == 1 && (kGemmLoadsPartial || columns % kWidth == 0)) {
    tile.y = y;
    tile.y_step = p.y_step;
    if (rows >= kGemmPackRows && p.y_step >= kGemmPackStep && p.y_step != gemm_width(columns))
      tile.keep = packed;
  } else {
    tile.y = packed;
    tile.y_step = gemm_width(columns);
    gemm_pack_panel(y, p.y_step, p.y_column, k, columns, tile.y_step, packed);
  }
}

/** The panel of y from column j, steps from k0. */
inline GemmFetch gemm_fetch(const GemmProduct& p, int64_t j, int64_t columns, int64_t k0, int64_t k) {
  columns = smaller(columns, kGemmColumns);
  k = smaller(k, p.k - k0);
  if (columns <= 0 || k <= 0) return {};
  const Real* const y = p.y + k0 * p.y_step + j * p.y_column;
  if (p.y_column == 1) return {y, p.y_step, k, 1, 0};
  return {y, p.y_column, columns, p.y_step == 1 ? parts_of(k, kGemmColumns) : 0, 0};
}

}  // namespace
#if defined(NABLA_GEMM_BF16)
#include "gemm_bf16.h"
#endif
namespace {

/** The block at (i, j), rows x columns, of the product. */
template <class Factors>
inline void gemm_block(const GemmProduct& p, const GemmPlan& plan, const GemmOutput& o, int64_t i,
                       int64_t rows, int64_t j, int64_t columns, const GemmFetch& next, GemmSoon* soon,
                       Real* scratch) {
  Real* const copy = scratch;
  Real* const packed = copy + kGemmCopySize;
  Real* const sums = packed + kGemmPackSize;
  Real* const strip = sums + kGemmSumsSize;
  const int64_t vectors = parts_of(columns, kWidth), panels = parts_of(columns, kGemmColumns);
  const int64_t sums_row = vectors * kWidth;
  const int64_t parts = larger(1, parts_of(p.k, gemm_longest_k(Factors{}, p)));
  const int64_t part = parts_of(parts_of(p.k, parts), 2) * 2;  // even: pairs are not torn

  GemmOutput transposed{};
  transposed.c = sums, transposed.row = sums_row, transposed.activation = o.activation;

  GemmFetch fetch;
  for (int64_t b = 0; b < parts; b++) {
    const bool last = b == parts - 1;
    GemmTile tile;
    tile.fetch = &fetch;
    tile.soon = soon;
    const int64_t k0 = b * part, k = smaller(part, p.k - k0);
    const bool copied = gemm_place_x(Factors{}, p, i, rows, k0, k, columns, copy, tile);
    tile.alpha = plan.direct || plan.turned ? o.alpha : Real{1};
    tile.beta = b > 0 ? Real{1} : plan.direct ? o.beta : Real{0};
    tile.row_bias = plan.turned && b == 0 && o.bias ? o.bias + i : nullptr;
    for (int64_t q = 0, at = 0; q < panels; q++) {
      const int64_t width = smaller((vectors / panels + (q < vectors % panels)) * kWidth, columns - at);
      gemm_place_y(Factors{}, p, j + at, width, rows, k0, k, packed, tile);
      tile.bias = plan.direct && b == 0 && o.bias ? o.bias + j + at : nullptr;
      tile.c = plan.direct ? o.c + i * o.row + j + at : sums + at;
      tile.c_row = plan.direct ? o.row : sums_row;
      if (last && q == panels - 1 && plan.turned)
        fetch = {o.c + j * o.row + i, o.row, columns, parts_of(rows, kGemmColumns), 0};
      else
        fetch = q + 1 < panels ? gemm_fetch(p, j + at + width, columns - at - width, k0, k)
                : !last        ? gemm_fetch(p, j, columns, k0 + part, part)
                               : next;
      const bool to_next_part = q == panels - 1 && !last && !copied;
      gemm_panel<Factors>(tile, rows, width, to_next_part ? part : kGemmAhead,
                          !last         ? nullptr
                          : plan.direct ? &o
                          : plan.turned ? &transposed
                                        : nullptr,
                          plan.direct ? i : 0, plan.direct ? j + at : at);
      at += width;
    }
  }
  if (plan.turned) return gemm_transpose(sums, sums_row, rows, columns, o.c + j * o.row + i, o.row);
  if (!plan.direct) gemm_finish_block(o, plan.swapped, i, rows, j, columns, sums, sums_row, strip);
}

// ---------------------------------------------------------------- the kernel

/** A call as numbers: strides of dimensions of size 1 are made 1 where that makes memory contiguous. */
struct GemmCall {
  int64_t batch, m, n, k;
  int64_t a_batch, a_row, a_column, w_batch, w_row, w_column, aux_batch, c_batch;
  const Real *a, *w;
  GemmOutput output;
  const Call* call;
};

inline BlockFunction gemm_function(double row) {
  return row < 0 ? nullptr : block_functions[static_cast<int64_t>(row)];
}

inline GemmCall gemm_read(const Call& call) {
  const Operand &a = call.operands[0], &w = call.operands[1], &bias = call.operands[2],
                &aux = call.operands[3], &c = call.operands[4];
  GemmCall g;
  g.call = &call;
  g.batch = c.shape[0];
  g.m = c.shape[1];
  g.n = c.shape[2];
  g.k = a.shape[2];
  g.a = static_cast<const Real*>(a.data);
  g.w = static_cast<const Real*>(w.data);
  g.a_batch = a.stride[0], g.a_row = a.stride[1], g.a_column = a.stride[2];
  g.w_batch = w.stride[0], g.w_row = w.stride[1], g.w_column = w.stride[2];
  g.c_batch = c.stride[0];
  GemmOutput& o = g.output;
  o.c = static_cast<Real*>(c.data), o.row = c.stride[1], o.column = g.n == 1 ? 1 : c.stride[2];
  o.bias = static_cast<const Real*>(bias.data);
  o.alpha = real_parameter(call, 0), o.beta = real_parameter(call, 1);
  o.activation = gemm_function(call.parameters[2]), o.combine = gemm_function(call.parameters[3]);
  o.aux = nullptr, o.aux_row = o.aux_column = g.aux_batch = 0;
  if (o.combine && aux) {
    o.aux = static_cast<const Real*>(aux.data);
    g.aux_batch = aux.stride[0], o.aux_row = aux.stride[1], o.aux_column = g.n == 1 ? 1 : aux.stride[2];
  }
  if (!o.aux) o.combine = nullptr;
  if (g.n == 1) g.w_column = 1;
  if (g.k == 1) g.a_column = 1;
  // One w for the whole batch, whose rows follow each other: a single product.
  if (g.batch > 1 && g.w_batch == 0 && g.a_batch == g.m * g.a_row && g.c_batch == g.m * o.row &&
      (!o.aux || g.aux_batch == g.m * o.aux_row)) {
    g.m *= g.batch;
    g.batch = 1;
  }
  return g;
}

inline GemmProduct gemm_product(const GemmCall& g, bool swapped) {
  if (swapped) return {g.n, g.m, g.k, g.w, g.w_column, g.w_row, g.a, g.a_column, g.a_row};
  return {g.m, g.n, g.k, g.a, g.a_row, g.a_column, g.w, g.w_row, g.w_column};
}

/** The product of batch element b. */
inline void gemm_at(const GemmCall& g, int64_t b, GemmProduct& p, bool swapped, GemmOutput& o) {
  o = g.output;
  o.c += b * g.c_batch;
  if (o.aux) o.aux += b * g.aux_batch;
  p.x += b * (swapped ? g.w_batch : g.a_batch);
  p.y += b * (swapped ? g.a_batch : g.w_batch);
}

/** About how long so many multiply-adds on so many elements of memory take on one thread, ns. */
inline double gemm_nanoseconds(double multiply_adds, double elements) {
  return multiply_adds / (kWidth > 1 ? 50 : 5) + 0.1 * elements;
}

}  // namespace
#include "gemm_rows.h"
namespace {

/** Cost of a product in vector multiply-adds: arithmetic, transposing y, turning the result round. */
inline double gemm_cost(const GemmProduct& p, bool direct, bool turned) {
  const bool half = p.columns > kWidth && gemm_tail((p.columns - 1) % kWidth + 1) == GemmTail::half;
  const double vectors = static_cast<double>(parts_of(p.columns, kWidth)) - (half ? 0.5 : 0);
  const double rows = static_cast<double>(p.rows);
  const double k = static_cast<double>(p.k), columns = static_cast<double>(p.columns);
  double cost = rows * vectors * k;
  if (p.y_column != 1)
    cost += (p.y_step == 1 ? 0.4 : 2.0) * k * columns * static_cast<double>(parts_of(p.rows, kGemmBlock));
  if (!direct) cost += (turned ? 0.3 : 1.0) * rows * columns;
  return cost;
}

inline GemmPlan gemm_plan(const GemmCall& g) {
  const bool direct = g.output.column == 1;
  GemmPlan plan;
  // Down a long k the wider factor is read better as rows than as panels side by side.
  const GemmProduct straight = gemm_product(g, false), turned = gemm_product(g, true);
  const bool down = g.k >= 16 * g.m && g.n >= 2 * g.m && straight.x_row == 1 && straight.y_column == 1;
  const bool turns = gemm_only_turns(g.output);
  plan.swapped = gemm_cost(turned, false, turns) < (down ? 1.05 : 0.95) * gemm_cost(straight, direct, turns);
  plan.direct = !plan.swapped && direct;
  plan.turned = plan.swapped && turns;
  return plan;
}

/** Blocks of c: at most kGemmBlock a side, and enough of them to share out. */
struct GemmGrid {
  int64_t rows, columns;  // of a block
  int64_t row_parts, column_parts;
};

/** y_in_place: packing y costs nothing; where it does, or a narrow panel is packed for few rows, there are no
 *  more tasks than these threads need (the bits do not depend on where c is cut). least_columns: fewer are
 * not worth what x costs. */
inline GemmGrid gemm_grid(const GemmProduct& p, int64_t batch, bool direct, int32_t threads, bool y_in_place,
                          int64_t least_columns) {
  const double work = static_cast<double>(p.rows) * static_cast<double>(p.columns) * static_cast<double>(p.k);
  const double wanted = work / kGemmTaskWork;
  const double all = wanted * static_cast<double>(batch);
  int64_t target = 1 + static_cast<int64_t>(wanted);
  if (all > kGemmTasks)
    target = kGemmTasks / smaller(batch, kGemmTasks);
  else if (all >= kGemmHalves)
    target = larger(2, target);
  if (!y_in_place || kWidth == 8) target = smaller(target, threads > 1 ? 2 * threads : 1);
  if (kWidth == 8 && direct && gemm_copies_x(p, p.columns))
    least_columns = larger(least_columns, kGemmCopyColumns);
  GemmGrid grid;
  grid.row_parts = parts_of(p.rows, kGemmBlock);
  grid.column_parts = parts_of(p.columns, kGemmBlock);
  if (direct && y_in_place && p.columns >= kGemmWide && gemm_copies_x(p, p.columns)) {
    grid.column_parts = parts_of(p.columns, kGemmWide);
    while (grid.row_parts * grid.column_parts < target &&
           parts_of(p.rows, grid.row_parts) >= kGemmSplitCopied)
      grid.row_parts *= 2;
  }
  for (;;) {
    grid.rows = parts_of(p.rows, grid.row_parts);
    grid.columns = parts_of(parts_of(p.columns, grid.column_parts), kWidth) * kWidth;
    if (grid.row_parts * grid.column_parts >= target) break;
    if (grid.columns >= 2 * least_columns)
      grid.column_parts *= 2;
    else if (grid.rows >= (y_in_place ? kGemmSplitRows : 256))
      grid.row_parts *= 2;
    else if (grid.rows >= 56 && grid.row_parts * grid.column_parts < (y_in_place ? 8 : smaller(4, threads)))
      grid.row_parts *= 2;
    else
      break;
  }
  grid.row_parts = parts_of(p.rows, grid.rows);
  grid.column_parts = parts_of(p.columns, grid.columns);
  return grid;
}

/** What the instructions behind this one will need, the share of one of several tasks. */
inline GemmSoon gemm_soon(const Call& call, int64_t task, int64_t tasks) {
  GemmSoon soon;
  soon.next = 0;
  soon.count = call.soon_count;
  for (int i = 0; i < soon.count; i++) {
    const Soon& later = call.soon[i];
    const int64_t share = parts_of(later.rows, tasks), real = sizeof(Real);
    const Real* const data = static_cast<const Real*>(later.operand->data);
    soon.of[i] = {data + task * share * later.step / real, later.step / real,
                  smaller(share, later.rows - task * share), parts_of(later.bytes, kGemmColumns * real), 0};
  }
  return soon;
}

template <class Factors>
inline void gemm_share(const GemmCall& g, const GemmPlan& plan, const GemmProduct& product,
                       const GemmGrid& grid, Context& context) {
  const int64_t blocks = grid.row_parts * grid.column_parts;
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  // Small elements of a batch share a task.
  const int64_t together =
      blocks > 1 ? 1 : smaller(g.batch, larger(1, static_cast<int64_t>(kGemmTaskWork / (work + 1000))));
  const int64_t items = g.batch * blocks;
  const double batch = static_cast<double>(g.batch),
               elements = static_cast<double>(g.m * g.n + (g.m + g.n) * g.k);
  const int64_t tasks = parts_of(items, together);
  parallel(context, tasks, gemm_nanoseconds(work * batch, elements * batch),
           [&](int64_t task, void* scratch) {
             GemmSoon soon = gemm_soon(*g.call, task, tasks);
             for (int64_t item = task * together; item < smaller(items, (task + 1) * together); item++) {
               GemmProduct p = product;
               GemmOutput o;
               gemm_at(g, item / blocks, p, plan.swapped, o);
               // Down the rows first: they share a panel of y.
               const int64_t i = item % grid.row_parts * grid.rows,
                             j = item % blocks / grid.row_parts * grid.columns;
               // What the next columns will need is fetched by all row parts together, each its share.
               const int64_t k = smaller(p.k, kGemmK), share = parts_of(k, grid.row_parts);
               const GemmFetch next = gemm_fetch(p, j + grid.columns, p.columns - j - grid.columns,
                                                 item % grid.row_parts * share, share);
               gemm_block<Factors>(p, plan, o, i, smaller(grid.rows, p.rows - i), j,
                                   smaller(grid.columns, p.columns - j), next,
                                   soon.count > 0 ? &soon : nullptr, static_cast<Real*>(scratch));
             }
           });
}

/** A y whose columns do not lie side by side, and that several tasks would each turn, is turned here once;
 *  two threads had better turn it each for itself than fetch the other's half. */
inline void gemm_turn_y(const GemmCall& g, GemmProduct& p, Context& context) {
  const int64_t width = gemm_width(p.columns);
  if (g.batch > 1 || p.y_column == 1 || p.k * width > kGemmSharedSize) return;
  if (gemm_grid(p, 1, false, context.threads, false, 64).row_parts <= smaller(context.threads, 2)) return;
  Real* const turned = static_cast<Real*>(context.scratch) + kGemmTaskSize;
  const double work = 0.3 * static_cast<double>(p.k * p.columns);
  parallel(context, parts_of(p.columns, kGemmColumns), work, [=](int64_t panel, void*) {
    const int64_t j = panel * kGemmColumns, columns = smaller(kGemmColumns, p.columns - j);
    gemm_pack_panel(p.y + j * p.y_column, p.y_step, p.y_column, p.k, columns, width, turned + j);
  });
  p.y = turned;
  p.y_step = width;
  p.y_column = 1;
}

}  // namespace
#include "gemm_long.h"
namespace {

inline void gemm_blocks(const GemmCall& g, Context& context) {
  const GemmPlan plan = gemm_plan(g);
  GemmProduct p = gemm_product(g, plan.swapped);
#if defined(NABLA_GEMM_BF16)
  if (gemm_bf16_takes(p))
    return gemm_share<GemmBf16>(
        g, plan, p, gemm_grid(p, g.batch, false, context.threads, false, kGemmBlock / 2), context);
#endif
  if (gemm_is_long(g, p)) return gemm_long(g, plan.swapped, p, context);
  gemm_turn_y(g, p, context);
  gemm_share<GemmPlain>(g, plan, p, gemm_grid(p, g.batch, plan.direct, context.threads, p.y_column == 1, 64),
                        context);
}

/** What fits into one tile, without further ado; returns false if it does not. */
inline bool gemm_one_tile(const GemmCall& g) {
  constexpr int64_t kMostPacked = 512;
  const GemmOutput& o = g.output;
  const int64_t vectors = parts_of(g.n, kWidth);
  if (g.batch != 1 || vectors > kGemmVectors || g.m > gemm_rows(static_cast<int>(vectors)) || o.column != 1)
    return false;
  const bool in_place = g.w_column == 1 && (kGemmLoadsPartial || g.n % kWidth == 0);
  if (in_place ? g.m == 1 && g.k > 64 : g.k * vectors * kWidth > kMostPacked) return false;
  Real packed[kMostPacked];
  if (!in_place) gemm_pack_panel(g.w, g.w_row, g.w_column, g.k, g.n, gemm_width(g.n), packed);
  const GemmTile tile = {g.a,
                         g.a_row,
                         g.a_column,
                         false,
                         in_place ? g.w : packed,
                         in_place ? g.w_row : vectors * kWidth,
                         g.k,
                         o.c,
                         o.row,
                         o.alpha,
                         o.beta,
                         o.bias,
                         nullptr,
                         g.a,
                         0,
                         nullptr,
                         nullptr,
                         g.n - (vectors - 1) * kWidth,
                         nullptr};
  gemm_micro_for<GemmPlain, false>(g.m, vectors, tile.tail)(tile);
  gemm_finish_tile(o, 0, g.m, 0, g.n);
  return true;
}

void gemm(const Call& call, Context& context) {
  const GemmCall g = gemm_read(call);
  if (g.batch == 0 || g.m == 0 || g.n == 0) return;
  if (gemm_one_tile(g)) return;
  const bool down = g.n == 1 && g.m > 1;
  if (g.m == 1 || down) {
    const GemmProduct p = gemm_product(g, down);
    if (p.y_column == 1 || (p.y_step == 1 && (p.x_step == 1 || p.k <= kGemmRowK)))
      return gemm_rows_of_one(g, p, down, context);
  }
  if (g.k == 1 && g.batch == 1 && g.output.column == 1 && g.w_column == 1 && g.n >= 64)
    return gemm_outer(g, context);
  gemm_blocks(g, context);
}

}  // namespace
