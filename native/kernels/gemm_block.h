// One block of a product: rows of x times columns of y, panel by panel of y, in blocks of k.
namespace {

// What L1 has room for, and what the last cache has: what is larger comes from memory.
constexpr int64_t kGemmFirstCache = (int64_t{32} << 10) / sizeof(Real);
constexpr int64_t kGemmLastCache = (int64_t{8} << 20) / sizeof(Real);

// k is summed in blocks of at most this, so that a block of x and a panel of y stay in L2; in
// smaller ones where a step of x is a step through memory, so that the next block can be fetched, or where a
// panel of y that is read again and again in place would not stay.
constexpr int64_t kGemmK = 1024;
constexpr int64_t kGemmStridedK = 256, kGemmCollidingK = 512, kGemmScatteredK = 512;
// An x that is read in place across its steps takes a line of L1 for each of them: it goes in blocks for
// which a panel of y stays there as well, unless x or y meets in few sets for few rows. (Panels a line wide
// always stay.)
constexpr int64_t kGemmNearK = kGemmFirstCache / kGemmColumns, kGemmNearRows = 128;
// Steps of k by which x is fetched ahead within the last block; fewer where narrow panels read it in place,
// since what falls on few sets of L1 is gone again before it is needed.
constexpr int64_t kGemmAhead = 16, kGemmAheadInPlace = kGemmNarrow ? 4 : kGemmAhead;
// Columns and steps of k from which on copying x pays; narrow panels make tasks of so many, for each of which
// it is copied. Fewer do where all its steps fall on one or two sets of L1 and are more than those have
// places; but not so few if x comes from memory, which copying waits for.
constexpr int64_t kGemmCopyColumns = (kGemmNarrow ? 8 : 4) * kGemmColumns, kGemmFarColumns = 4 * kGemmColumns;
constexpr int64_t kGemmCopySteps = 64, kGemmCrowdedSteps = 256, kGemmPiledSteps = 16;
// And rows of x, if those lie whole pages apart.
constexpr int64_t kGemmScatteredRows = 4 * gemm_rows(kGemmVectors);
// Copying does not pay where x is small, beside few columns: it comes as fast from L2.
constexpr int64_t kGemmSmallX = (int64_t{192} << 10) / sizeof(Real);
constexpr int64_t kGemmSmallXColumns = 2 * kGemmCopyColumns, kGemmSmallXSteps = 448;

// Rows of a block at most: the more there are, the fewer blocks pack or turn the same y. (That much of x
// comes from the last cache, which costs less.) Narrow panels are four times as many to pack.
constexpr int64_t kGemmTall = 2 * kGemmBlock, kGemmCopyRows = kGemmNarrow ? 2 * kGemmTall : kGemmTall;
// Rows of c from which on there are turns enough to turn the next panel in, two squares in each at most.
constexpr int64_t kGemmTurnsAheadRows = 64;
// Whether the sums of a transpose are turned panel by panel, while those of one are in L1. Wide panels' are
// more: those of a block are turned at its end. (Not measured by panel.)
constexpr bool kGemmTurnsPanels = kGemmNarrow;
// Rows and steps of k from which on a copy of x is made along k, behind the arithmetic of the first panel.
constexpr int64_t kGemmTurnedRows = 96, kGemmTurnedK = 256;

/** One product in its working orientation: x (rows, k), y (k, columns). */
struct GemmProduct {
  int64_t rows, columns, k;
  const Real* x;
  int64_t x_row, x_step;
  const Real* y;
  int64_t y_step, y_column;
  bool x_far;           // x comes from memory
  int64_t y_panel = 0;  // from kGemmColumns of y to the next, where they lie in panels; else 0

  /** Column j of y, from step k0 on; the first one of a panel, where there are panels. */
  const Real* y_at(int64_t k0, int64_t j) const {
    const Real* const step = y + k0 * y_step;
    return y_panel == 0 ? step + j * y_column : step + j / kGemmColumns * y_panel;
  }
};

/** How a block is computed; decided once for all tasks. */
struct GemmPlan {
  bool swapped;  // x = wT, y = aT
  bool direct;   // micro-kernels write c itself
  bool turned;   // or its transpose, finished, which has only to be turned
  bool upended;  // and y in panels: see gemm_upended.h
  int32_t rest;  // last columns that are computed apart: see gemm_rest.h
};

/** Scratch memory of a task, in Reals: a copy of x, a panel of y, a strip of turned rows, and at its end
 * sums. What is left of the calling thread's in between is for all tasks of a product: see gemm_turn_y. */
constexpr int64_t kGemmCopyK = kGemmK / 2;
constexpr int64_t kGemmCopySize = (kGemmCopyRows + kGemmLine) * (kGemmCopyK + 2 * kGemmLine);
constexpr int64_t kGemmPanelSize = kGemmWidest * kWidth * (kGemmK + 2 * kGemmLine);
constexpr int64_t kGemmPackSize = (kGemmCopiesAhead ? 2 : 1) * kGemmPanelSize;
static_assert(kGemmCollidingK * gemm_odd_lines(kGemmCopyRows) <= kGemmCopySize);
static_assert(kGemmCopyRows * gemm_odd_lines(kGemmCopyK) <= kGemmCopySize);
static_assert(!kGemmNarrow || kGemmTall * gemm_odd_lines(kGemmK) <= kGemmCopySize);
static_assert(!kGemmTurnsAhead || kGemmPanelSize <= kGemmCopySize);  // two panels by turns
static_assert(!kGemmSlivers ||
              parts_of(kGemmCopyRows, kGemmSliver) * gemm_sliver_size(kGemmCollidingK) <= kGemmCopySize);
constexpr int64_t kGemmStripSize = kWidth * kGemmBlock;
constexpr int64_t kGemmSumsSize = 320 * kGemmBlock;
constexpr int64_t kGemmSharedFrom = kGemmCopySize + kGemmPackSize + kGemmStripSize;
constexpr int64_t kGemmSumsFrom = int64_t{kScratchBytes / sizeof(Real)} - kGemmSumsSize;
constexpr int64_t kGemmSharedSize = kGemmSumsFrom - kGemmSharedFrom;
static_assert(kGemmSharedSize > 0);

struct GemmScratch {
  Real *copy, *packed, *strip, *sums;
};

inline GemmScratch gemm_scratch(void* memory) {
  Real* const all = static_cast<Real*>(memory);
  return {all, all + kGemmCopySize, all + kGemmCopySize + kGemmPackSize, all + kGemmSumsFrom};
}

/** Whether columns of x are contiguous and its steps of k fall on few sets of the cache. */
inline bool gemm_x_collides(const GemmProduct& p) { return p.x_row == 1 && p.x_step % (4 * kGemmLine) == 0; }

/** Whether they all fall on one set of L1. */
inline bool gemm_x_piles(const GemmProduct& p) { return gemm_x_collides(p) && p.x_step % kGemmPage == 0; }

/** Or on two. */
inline bool gemm_x_half_piles(const GemmProduct& p) {
  return gemm_x_collides(p) && p.x_step % (kGemmPage / 2) == 0;
}

/** Whether they do so much of the one or the other that blocks should have columns enough for a copy. */
inline bool gemm_x_crowds(const GemmProduct& p) {
  return !kGemmNarrow && (p.k < kGemmCrowdedSteps ? gemm_x_piles(p) : gemm_x_half_piles(p));
}

/** Whether rows of x lie whole pages apart, and a block is more of them than L1 has places for: they fall on
 * few sets of L1 and L2, and narrow panels come back to them too often for that. (They hardly matter to wide
 * ones.) */
inline bool gemm_x_scatters(const GemmProduct& p) {
  return kGemmNarrow && p.x_step == 1 && p.x_row % kGemmPage == 0 && p.rows >= kGemmScatteredRows;
}

/** Whether an x whose rows are contiguous is read in place beside so many columns of y, since it is small. */
inline bool gemm_reads_small_x(const GemmProduct& p, int64_t columns) {
  return columns < kGemmSmallXColumns && p.k <= kGemmSmallXSteps && p.rows * p.k <= kGemmSmallX &&
         !gemm_x_half_piles(p);
}

/** Whether x is copied: if it collides, or lies better in slivers, and there are columns of y enough to pay
 *  for it. */
inline bool gemm_copies_x(const GemmProduct& p, int64_t columns) {
  if (p.k >= kGemmPiledSteps && columns >= (p.x_far ? kGemmFarColumns : kGemmColumns)) {
    if (gemm_x_piles(p)) return true;
    if (kGemmNarrow && gemm_x_half_piles(p) && columns >= 3 * kGemmColumns) return true;
  }
  const bool pays = p.x_step == 1  ? gemm_x_scatters(p)
                    : kGemmSlivers ? p.x_row == 1 && !gemm_reads_small_x(p, columns)
                                   : gemm_x_collides(p);
  return pays && p.k >= kGemmCopySteps && columns >= kGemmCopyColumns;
}

/** Whether that copy has its rows along k, turned square by square behind the arithmetic of the first panel:
 * a tile then reads lines of x one after the other, and not a new one for each of its rows at every step. */
inline bool gemm_turns_x(const GemmProduct& p, int64_t rows, int64_t k) {
  return kGemmTurnsAhead && p.x_step != 1 && p.y_column == 1 && rows >= kGemmTurnedRows && k >= kGemmTurnedK;
}

/** Rows of x, and distance of y's rows, from which on y is packed. A wide panel's rows share no sets of the
 *  cache until they lie a page apart, so that it is read in place at first; a narrow one's do at once. */
constexpr int kGemmPackRows = kGemmNarrow ? 12 : 96;
constexpr int64_t kGemmPackStep = kGemmNarrow ? 0 : 3072 / sizeof(Real);
/** And sooner, if rows a whole number of such steps apart fall on few sets of L1 and a panel has so few of
 * them that its copy stays there: the tiles that come after the first one find it in L1 and not in L2. Half
 * such a step apart they do as well, if they are more than a few. */
constexpr int kGemmCrowdedRows = 48;
constexpr int64_t kGemmCrowdedStep = 1024 / sizeof(Real), kGemmCrowdedK = 128, kGemmRoomyK = 64;
/** Or if they fall on so few sets of L2 that k of them leave x no room there: the panel comes from the last
 *  cache for every tile then, and how much of it does is up to the pages that the system has given. */
constexpr int64_t kGemmWaySize = int64_t{64} << 10, kGemmWays = 16;  // of an L2 of 1 MB

/** How many ways of L2 the rows of a panel of y take, by the sets that they fall on. */
inline int64_t gemm_y_ways(const GemmProduct& p, int64_t k) {
  const int64_t apart = (p.y_step & -p.y_step) * static_cast<int64_t>(sizeof(Real));
  return k * apart / kGemmWaySize;
}

/** Whether they fall on so few sets of L2. A large x whose steps lie apart comes from there as well, and
 * needs some room. */
inline bool gemm_y_scatters(const GemmProduct& p, int64_t rows, int64_t k) {
  const int64_t ways = gemm_y_ways(p, k);
  return ways > kGemmWays || (ways == kGemmWays && p.x_step != 1 && rows >= kGemmBlock);
}

/** Whether they fall on few sets of L1 while a copy of them would stay there. */
inline bool gemm_y_crowds(const GemmProduct& p, int64_t k) {
  const int64_t step = k > kGemmRoomyK ? kGemmCrowdedStep / 2 : kGemmCrowdedStep;
  return p.y_column == 1 && k <= kGemmCrowdedK && p.y_step % step == 0;
}

/** All of y, if it has so many Reals at most and its rows lie closer than that, stays in L1 as it is. */
constexpr int64_t kGemmNearY = (int64_t{16} << 10) / sizeof(Real), kGemmNearYStep = 512 / sizeof(Real);

/** Columns of a panel of a y that is worth laying out in panels once for all products; 0: none is. A wide
 * panel's rows lie well enough an odd number of lines apart. */
constexpr int kGemmOftenRead = kGemmNarrow ? kGemmColumns : 0;

/** Part of a vector of columns, in rows that lie across lines: each is two lines to read, and read often. */
constexpr int64_t kGemmStraddledRows = 24;
inline bool gemm_y_straddles(const GemmProduct& p) {
  return p.columns < kWidth && p.y_step % kGemmLine != 0 && kGemmLine % p.y_step != 0;
}

/** Whether rows that lie across lines are packed from so few steps apart: half a page or hardly more or less,
 * so that many of them fall on the same sets of L1, or while x is turned, which loads as well. */
constexpr int64_t kGemmHardly = 8, kGemmTurnedStep = 1024 / sizeof(Real);
inline bool gemm_y_strays(const GemmProduct& p, int64_t rows, int64_t k) {
  if (p.y_step % kGemmLine == 0) return false;
  constexpr int64_t half = kGemmPage / 2;
  if (p.y_step > half - kGemmHardly && p.y_step < half + kGemmHardly) return true;
  return p.y_step >= kGemmTurnedStep && gemm_copies_x(p, p.columns) && gemm_turns_x(p, rows, k);
}

/** Whether y, whose columns are contiguous, is packed by the first of the tiles that read it. */
inline bool gemm_packs(const GemmProduct& p, int64_t rows, int64_t k) {
  if (p.y_panel > 0) return false;
  if (rows >= kGemmStraddledRows && gemm_y_straddles(p)) return true;
  if (p.y_step < kGemmNearYStep && p.k * p.y_step <= kGemmNearY) return false;
  if (rows >= kGemmPackRows && (p.y_step >= kGemmPackStep || gemm_y_strays(p, rows, k))) return true;
  if (rows < kGemmCrowdedRows) return false;
  return gemm_y_scatters(p, rows, k) || gemm_y_crowds(p, k);
}

/** The longest block of k. Decides the order of summation, and so may not depend on how c is cut. */
inline int64_t gemm_longest_k(GemmPlain, const GemmProduct& p) {
  if (p.x_step != 1) {
    const bool collides = gemm_x_collides(p), low = p.rows <= kGemmNearRows;
    const bool copies = gemm_copies_x(p, p.columns);
    const int64_t most = collides || (kGemmSlivers && copies) ? kGemmCollidingK : kGemmStridedK;
    const int64_t near = kGemmNearK * (p.columns > kGemmColumns / 2 ? 1 : 2);
    const bool far = copies || (low && (collides || gemm_y_crowds(p, near)));
    return far ? most : smaller(most, near);
  }
  if (p.rows > kGemmTall && gemm_copies_x(p, p.columns)) return kGemmCopyK;
  const int64_t k = smaller(p.k, kGemmK);
  const bool again = p.y_column == 1 && p.rows > kGemmMaxRows && !gemm_packs(p, p.rows, k);
  return again && gemm_y_scatters(p, p.rows, k) ? kGemmScatteredK : kGemmK;
}

/** tile.x = rows from i, steps [k0, k0 + k) of x. Returns whether that is a copy, which turning has still to
 *  make if it is begun. */
inline bool gemm_place_x(GemmPlain, const GemmProduct& p, int64_t i, int64_t rows, int64_t k0, int64_t k,
                         int64_t columns, Real* copy, GemmTile& tile, GemmTurning& turning) {
  tile.k = k;
  tile.x = p.x + i * p.x_row + k0 * p.x_step;
  tile.x_row = p.x_row;
  tile.x_step = p.x_step;
  tile.c_far = p.rows * p.columns > kGemmLastCache;
  const bool copies = gemm_copies_x(p, columns);
  tile.slivers = copies && kGemmSlivers && p.x_step != 1;
  if (tile.slivers) {
    gemm_copy_slivers(tile.x, p.x_step, k, rows, parts_of(rows, kGemmSliver), copy);
    tile.x_step = kGemmSliver;
  } else if (copies && gemm_turns_x(p, rows, k)) {
    tile.x_row = gemm_odd_lines(k), tile.x_step = 1;
    turning.begin(tile.x, p.x_step, k, rows, copy, tile.x_row);
  } else if (copies) {  // to rows an odd number of lines apart
    const bool along = p.x_step == 1;
    const int64_t to_row = gemm_odd_lines(along ? k : rows);
    gemm_copy_rows(tile.x, along ? p.x_row : p.x_step, along ? rows : k, along ? k : rows, copy, to_row);
    (along ? tile.x_row : tile.x_step) = to_row;
  }
  if (copies) tile.x = copy;
  const bool along = tile.x_step == 1;  // the next rows follow within reach: fetch them evenly
  constexpr int kRows = kGemmNarrow ? gemm_rows(kGemmVectors) : kGemmMaxRows;
  tile.ahead_step = along ? smaller(kGemmLine, tile.x_row * kRows / larger(k, 1)) : tile.x_step;
  // But not what for the most part belongs to other steps of k: the machine's own prefetching does better.
  // Nor an x so small that narrow panels find it in L2: what the micro-kernel is spared counts.
  const bool small = kGemmNarrow && rows * k <= kGemmSmallX;
  if (along && (small || tile.x_row > 2 * k)) tile.ahead_step = 0;
  return copies;
}

/** tile.y = `columns` of y from j, steps from k0: in place, or packed now, or packed by the first
 *  rows' micro-kernel. */
inline void gemm_place_y(GemmPlain, const GemmProduct& p, int64_t j, int64_t columns, int64_t rows,
                         int64_t k0, int64_t k, Real* packed, GemmTile& tile) {
  const Real* const y = p.y_at(k0, j);
  tile.keep = nullptr;
  if (p.y_column == 1 && (kGemmLoadsPartial || columns % kWidth == 0)) {
    tile.y = y;
    tile.y_step = p.y_step;
    if (p.y_step != gemm_width(columns) && gemm_packs(p, rows, k)) tile.keep = packed;
  } else {
    tile.y = packed;
    tile.y_step = gemm_width(columns);
    gemm_pack_panel(y, p.y_step, p.y_column, k, columns, tile.y_step, packed);
  }
}

/** Whether the next panel of y is turned while this one is worked on, if there are turns enough in the
 * arithmetic for that. (A y that several tasks need has been turned before: see gemm_turn_y.) */
inline bool gemm_turns_ahead(const GemmProduct& p, int64_t rows, int64_t k) {
  return kGemmTurnsAhead && p.y_step == 1 && p.y_column != 1 && rows >= kGemmTurnsAheadRows && k > kGemmShort;
}

// Steps of k, columns of y and rows from which on the next panel is copied behind the arithmetic of this one
// instead of by its first tile. More rows, since eight integers wait for a line more than two vectors do,
// where that may take long: x across the steps, y larger than the last cache, or its rows on so few sets of
// L2 that there is no room for a panel of them (gemm_y_scatters asks for twice as many ways: not every L2 has
// them). Those are copied from fewer rows on as vectors, for a first tile waits for each of them.
constexpr int64_t kGemmCopiedAheadK = kGemmShort + 1, kGemmCopiedAheadColumns = 8 * kGemmColumns;
constexpr int64_t kGemmCopiedRows = 8 * gemm_rows(kGemmVectors), kGemmFarCopiedRows = 2 * kGemmCopiedRows;
constexpr int64_t kGemmFewestCopiedRows = kGemmCopiedRows / 2;

/** How it is, if it has so many columns of all that there are. near: x comes from L1, along k or in slivers;
 *  while it does not, loads come again, and there are none to spare for integers. */
inline GemmCopies gemm_copies_ahead(const GemmProduct& p, int64_t rows, int64_t k, int64_t columns,
                                    int64_t all, bool near) {
  if (!kGemmCopiesAhead || p.y_column != 1 || columns != kGemmColumns || k < kGemmCopiedAheadK ||
      !gemm_packs(p, rows, k))
    return GemmCopies::none;
  const bool scatters = gemm_y_ways(p, k) > kGemmWays / 2;
  const bool far = scatters || p.x_step != 1 || p.k * p.columns > kGemmLastCache;
  const int64_t least = far ? kGemmFarCopiedRows : kGemmCopiedRows;
  if (rows >= least && all >= kGemmCopiedAheadColumns)
    return near ? GemmCopies::as_integers : GemmCopies::as_vectors;
  return scatters && near && rows >= kGemmFewestCopiedRows ? GemmCopies::as_vectors : GemmCopies::none;
}

/** Whether the machine's own prefetching does better: panels follow each other in memory, and what stands in
 * the list of lines on their way is x. But where each is multiplied with few rows, they do not come fast
 * enough from far away. */
inline bool gemm_comes_alone(const GemmProduct& p) {
  return p.y_panel > 0 && (p.k * p.columns < kGemmLastCache || p.rows >= kGemmNearRows);
}

/** Whether all of y is no more than L1 has room for. Fetching that, a panel ahead, gains narrow ones nothing.
 */
inline bool gemm_y_is_tiny(const GemmProduct& p) { return kGemmNarrow && p.k * p.columns <= kGemmFirstCache; }

/** Columns of y from j, at most kGemmColumns or `most`, steps from k0. */
inline GemmFetch gemm_fetch(const GemmProduct& p, int64_t j, int64_t columns, int64_t k0, int64_t k,
                            int64_t most = kGemmColumns) {
  columns = smaller(columns, most);
  k = smaller(k, p.k - k0);
  if (columns <= 0 || k <= 0 || gemm_comes_alone(p) || gemm_y_is_tiny(p)) return {};
  const Real* const y = p.y_at(k0, j);
  if (p.y_column == 1) return {y, 0, 1, k, p.y_step, 0};
  if (p.y_step != 1) return {y, 0, 1, columns, p.y_column, 0};
  const int64_t pieces = parts_of(k, kGemmColumns);
  if (!kGemmTurnsAhead) return {y, p.y_column, columns, pieces, kGemmColumns, 0};
  return {y, kGemmColumns, pieces, columns, p.y_column, 0};  // in the order in which it will be turned
}

}  // namespace
#if defined(NABLA_GEMM_BF16)
#include "gemm_bf16.h"
#endif
namespace {

/** One area of the product. */
template <class Factors>
inline void gemm_block(const GemmProduct& p, const GemmPlan& plan, const GemmOutput& o, const GemmArea& area,
                       const GemmFetch& next, GemmSoon* soon, Real* scratch) {
  const int64_t i = area.i, rows = area.rows, j = area.j, columns = area.columns;
  const auto [copy, packed, strip, sums] = gemm_scratch(scratch);
  const int64_t vectors = parts_of(columns, kWidth);
  const int64_t panels = p.y_panel > 0 ? parts_of(columns, kGemmColumns) : gemm_panels(columns);
  const int64_t sums_row = vectors * kWidth;
  const int64_t parts = larger(1, parts_of(p.k, gemm_longest_k(Factors{}, p)));
  const int64_t part = parts_of(parts_of(p.k, parts), 2) * 2;  // even: pairs are not torn

  GemmOutput transposed{};
  transposed.c = sums, transposed.row = sums_row, transposed.activation = o.activation;

  const bool as_they_lie = p.y_panel > 0, by_panel = kGemmTurnsPanels && plan.turned;
  const auto width_of = [=](int64_t q, int64_t at) {
    const int64_t even = (vectors / panels + (q < vectors % panels)) * kWidth;
    return smaller(as_they_lie ? kGemmColumns : even, columns - at);
  };
  GemmNext coming;
  for (int64_t b = 0; b < parts; b++) {
    const bool last = b == parts - 1;
    GemmTile tile;
    tile.next = &coming;
    tile.soon = soon;
    const int64_t k0 = b * part, k = smaller(part, p.k - k0);
    const bool copied = gemm_place_x(Factors{}, p, i, rows, k0, k, columns, copy, tile, coming.turning);
    bool turns_x = kGemmTurnsAhead && coming.turning.to;
    tile.alpha = plan.direct || plan.turned ? o.alpha : Real{1};
    tile.beta = b > 0 ? Real{1} : plan.direct ? o.beta : Real{0};
    tile.row_bias = plan.turned && b == 0 && o.bias ? o.bias + i : nullptr;
    for (int64_t q = 0, at = 0; q < panels; q++) {
      const int64_t width = width_of(q, at);
      GemmTurning& turning = coming.turning;
      GemmCopying& copying = coming.copying;
      Real* const turned = turns_x ? nullptr : turning.to;  // this panel's, if it has been begun
      Real* here = packed;                                  // where this panel is, or would be
      if (kGemmCopiesAhead && copying.to) {
        copying.finish();
        here = copying.to, copying.to = nullptr;
        tile.y = here, tile.y_step = kGemmColumns, tile.keep = nullptr;
      } else if (turned) {
        turning.finish();
        tile.y = turned, tile.y_step = turning.to_row, tile.keep = nullptr;
      } else {
        gemm_place_y(Factors{}, p, j + at, width, rows, k0, k, packed, tile);
      }
      if (!turns_x) turning.clear();
      if (q + 1 < panels && !copied && gemm_turns_ahead(p, rows, k)) {
        // A panel behind another one has more than a vector of columns, and so enough for squares.
        const int64_t from = at + width, coming_width = width_of(q + 1, from);
        turning.begin(p.y_at(k0, j + from), p.y_column, coming_width, k, turned == copy ? packed : copy,
                      gemm_width(coming_width));
      }
      if (kGemmCopiesAhead && q + 1 < panels) {
        const int64_t from = at + width, coming_width = width_of(q + 1, from);
        const GemmCopies how =
            gemm_copies_ahead(p, rows, k, coming_width, columns, p.x_step == 1 || tile.slivers);
        if (how != GemmCopies::none)
          copying.begin(p.y_at(k0, j + from), p.y_step, k, here == packed ? packed + kGemmPanelSize : packed,
                        how);
      }
      tile.bias = plan.direct && b == 0 && o.bias ? o.bias + j + at : nullptr;
      tile.c = plan.direct ? o.c + i * o.row + j + at : sums + at;
      tile.c_row = plan.direct ? o.row : sums_row;
      if (by_panel) {
        tile.c = sums + (parts > 1 ? at * rows : 0), tile.c_row = gemm_width(width);
        transposed.c = tile.c - at, transposed.row = tile.c_row;
      }
      // Fetched is the next panel, or what the sums are turned to, for the last panel and where those of y
      // need no fetching (their lines in the order in which they are written); where the next one is turned
      // now it has been fetched before, but for the second one, and what comes behind it is fetched.
      const int64_t from = at + width + (q > 0 ? turning.columns : 0);
      const int64_t most = q == 0 && turning.to && !turns_x ? 2 * kGemmColumns : kGemmColumns;
      const bool fetched = turned && panels > 2;  // what comes behind this panel
      if (by_panel && last && (q == panels - 1 || p.y_panel > 0))
        coming.fetch = {
            o.c + (j + at) * o.row + i, kGemmColumns, parts_of(rows, kGemmColumns), width, o.row, 0};
      else if (last && q == panels - 1 && plan.turned)
        coming.fetch = {o.c + j * o.row + i, o.row, columns, parts_of(rows, kGemmColumns), kGemmColumns, 0};
      else if (kGemmCopiesAhead && copying.to)
        coming.fetch = {};
      else if (from < columns)
        coming.fetch = gemm_fetch(p, j + from, columns - from, k0, k, most);
      else if (q == panels - 1 && fetched)
        coming.fetch = {};
      else
        coming.fetch = last ? next : gemm_fetch(p, j, columns, k0 + part, part);
      const int64_t ahead = tile.slivers ? kGemmAhead : kGemmAheadInPlace;
      const bool to_next_part = q == panels - 1 && !last && !copied;
      const bool upward = area.upward && !turns_x;  // x is turned downward
      const GemmArea panel = {plan.direct ? i : 0, rows, plan.direct ? j + at : at, width, upward};
      gemm_panel<Factors>(tile, panel, to_next_part ? part : ahead, turns_x,
                          !last         ? nullptr
                          : plan.direct ? &o
                          : plan.turned ? &transposed
                                        : nullptr);
      if (by_panel && last)
        gemm_turn_sums(tile.c, tile.c_row, rows, width, o.c + (j + at) * o.row + i, o.row);
      if (turns_x) turning.clear();
      turns_x = false;
      at += width;
    }
  }
  if (by_panel) return;
  if (plan.turned) return gemm_transpose(sums, sums_row, rows, columns, o.c + j * o.row + i, o.row);
  if (!plan.direct) gemm_finish_block(o, plan.swapped, i, rows, j, columns, sums, sums_row, strip);
}

}  // namespace
