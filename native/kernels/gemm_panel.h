// One panel of y times all rows of a block, tile after tile.
namespace {

// What lies so far apart falls on the same set of L1.
constexpr int64_t kGemmPage = 4096 / sizeof(Real);
// Tiles whose results wait in L1 for a function that is not done in registers.
constexpr int64_t kGemmFinishedTiles = 4;

/** A block of c: rows from i, columns from j. */
struct GemmArea {
  int64_t i, rows, j, columns;
  bool upward;  // worked on from its last rows to its first
};

/** All rows of an area times one panel of y (at most kGemmWidest vectors wide). With tile.keep the first tile
 *  packs y there for the others. ahead_steps: how far ahead a strided x is fetched. turns_x: what next turns
 * is x, of which every tile needs its rows. Inlined, since copying a tile costs small products some percent.
 */
template <class Factors>
[[gnu::always_inline]] inline void gemm_panel(GemmTile tile, const GemmArea& area, int64_t ahead_steps,
                                              bool turns_x, const GemmOutput* finish) {
  const int64_t rows = area.rows, columns = area.columns, vectors = parts_of(columns, kWidth);
  tile.tail = columns - (vectors - 1) * kWidth;
  const int64_t tiles =
      parts_of(rows, kGemmSlivers && tile.slivers ? kGemmSliver : gemm_rows(static_cast<int>(vectors)));
  const int64_t height = rows / tiles, higher = rows - height * tiles;  // so many tiles have one more row
  // The first tile packs for the others; where few rows make it too low for that, y is read in place.
  if (height + (higher > 0 && !area.upward) < gemm_least_rows(static_cast<int>(vectors), GemmAside::pack))
    tile.keep = nullptr;
  tile.fetch_runs = tile.soon ? kGemmMostRuns : kGemmTurnRuns;
  // As much in a turn as brings all of it in time, if that can be.
  GemmNext& next = *tile.next;
  const int64_t turns = larger(1, tiles * (tile.k / kGemmTurn - parts_of(height, kGemmTurnRuns)));
  if (next.turning.to) next.turning.at_once = parts_of(next.turning.squares(), turns);
  if (kGemmCopiesAhead && next.copying.left > 0) next.copying.at_once = parts_of(next.copying.left, turns);
  if (tile.k <= kGemmShort) {
    if (kGemmNarrow) tile.fetch_runs *= static_cast<int>(parts_of(tile.k, kGemmTurn));  // of all turns in one
  } else if (!tile.soon) {
    const int64_t needed = smaller(parts_of(next.fetch.rows * next.fetch.pieces, turns), kGemmInTimeRuns);
    tile.fetch_runs = static_cast<int>(larger(kGemmTurnRuns, needed));
  }
  const Real* const first = tile.x;
  Real* const c = tile.c;
  const Real* const row_bias = tile.row_bias;
  tile.relu = finish && gemm_is_relu(*finish);  // which decides what micro-kernel it is as well
  const auto micro_for = [&](int64_t of_rows) {
    return kGemmCopiesAhead && next.copying.left > 0
               ? gemm_micro_for<Factors, GemmAside::copy_next>(of_rows, vectors, tile)
               : gemm_micro_for<Factors, GemmAside::nothing>(of_rows, vectors, tile);
  };
  const GemmMicro tile_of_height = micro_for(height);
  const GemmMicro higher_tile = higher > 0 ? micro_for(height + 1) : nullptr;
  const auto row_of = [=](int64_t t) { return t * height + smaller(t, higher); };
  const auto nth = [=, &area](int64_t n) { return area.upward ? tiles - 1 - n : n; };
  const bool functions = finish && !tile.relu && (finish->activation || finish->combine);
  // Some where something is done in between: so many stay in L1, unless their rows fall on one set of it.
  const int64_t few = tile.c_row % kGemmPage == 0 ? 1 : kGemmFinishedTiles;
  const int64_t most = turns_x ? 1 : functions ? few : tiles;
  for (int64_t n = 0; n < tiles;) {
    const int64_t t = nth(n), r = row_of(t), h = height + (t < higher);
    const int64_t same =
        t < higher ? (area.upward ? t + 1 : higher - t) : (area.upward ? t + 1 - higher : tiles - t);
    tile.tiles = tile.keep ? 1 : smaller(same, most);
    n += tile.tiles;
    const bool slivers = kGemmSlivers && tile.slivers;
    const int64_t sliver = gemm_sliver_size(tile.k), down = area.upward ? -1 : 1;
    tile.x = first + (slivers ? t * sliver : r * tile.x_row);
    tile.c = c + r * tile.c_row;
    tile.x_tile = down * (slivers ? sliver : h * tile.x_row);
    tile.c_tile = down * h * tile.c_row;
    tile.bias_tile = down * h;
    if (turns_x) next.turning.finish(r + h);
    if (row_bias) tile.row_bias = row_bias + r;
    if (tile.x_step == 1) {
      tile.ahead = tile.x_tile;
      tile.last_ahead = first + row_of(nth(n < tiles ? n : 0)) * tile.x_row;
    } else {
      tile.ahead = ahead_steps * tile.x_step;
      tile.last_ahead = tile.x + (tile.tiles - 1) * tile.x_tile + tile.ahead;
    }
    if (!tile.keep) {
      (h > height ? higher_tile : tile_of_height)(tile);
    } else {
      gemm_micro_for<GemmPlain, GemmAside::pack>(h, vectors, tile.tail)(tile);
      tile.y = tile.keep;
      tile.y_step = vectors * kWidth;
      tile.keep = nullptr;
    }
    if (functions) {
      const int64_t done = h * tile.tiles;
      gemm_finish_tile(*finish, area.i + (area.upward ? r + h - done : r), done, area.j, columns);
    }
  }
}

}  // namespace
