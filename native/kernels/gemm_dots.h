// gemm where both factors lie along k and c is only a few rows or columns wide, as the last layer of a
// classifier and a layer for a small batch are. The lanes of a vector are steps of k here: none is idle where
// c is narrower than a vector, and no factor has to be turned round.
namespace {

// The most rows or columns of c. More of them fill vectors well enough, and each of their sums would have to
// be added up across a vector.
constexpr int64_t kGemmDotsNarrow = kWidth == 8 ? 16 : 32;
static_assert(kGemmDotsNarrow * gemm_odd_lines(kGemmK) <= kGemmCopySize);
// A tile is at most so many of them wide and gemm_dots_rows(columns) high: sums, the factors of the lower of
// the two and one of the other fill the registers. (In 16 registers, 3 x 4 sums have as much to read as 2
// x 5.)
constexpr int kGemmDotsColumns = kWidth == 8 ? 4 : 5;
constexpr int gemm_dots_rows(int columns) {
  constexpr int most16[] = {8, 6, 4, 3, 0}, most32[] = {8, 8, 8, 6, 5};
  return kWidth == 8 ? most16[columns - 1] : most32[columns - 1];
}

/** sums = x.y over a tile, column by column, x and y contiguous along k. */
struct GemmDots {
  const Real *x, *y;
  int64_t x_row, y_column, k;
  Real* sums;
  int64_t sums_column;
  bool more;  // added to what is there
};

/** sums[j * rows + i] = x[i] . y[j] */
template <int rows, int columns>
inline void gemm_dots_sums(const Real* x, int64_t x_row, const Real* y, int64_t y_column, int64_t k,
                           Real* sums) {
  V sum[columns * rows];
#pragma GCC unroll 32
  for (int i = 0; i < rows * columns; i++) sum[i] = zero();
  each_vector(0, k, [&](auto lanes) {
    if constexpr (rows > columns) {
      V b[columns];
#pragma GCC unroll 8
      for (int j = 0; j < columns; j++) b[j] = lanes.get(y + j * y_column);
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++) {
        const V a = lanes.get(x + i * x_row);
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) sum[j * rows + i] = gemm_multiply_add(a, b[j], sum[j * rows + i]);
      }
    } else {
      V a[rows];
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++) a[i] = lanes.get(x + i * x_row);
#pragma GCC unroll 8
      for (int j = 0; j < columns; j++) {
        const V b = lanes.get(y + j * y_column);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) sum[j * rows + i] = gemm_multiply_add(a[i], b, sum[j * rows + i]);
      }
    }
  });
#pragma GCC unroll 32
  for (int i = 0; i < rows * columns; i++) sums[i] = reduce_add(sum[i]);
}

template <int rows, int columns>
void gemm_dots_tile(const GemmDots& t) {
  Real sums[rows * columns];
  gemm_dots_sums<rows, columns>(t.x, t.x_row, t.y, t.y_column, t.k, sums);
  Real* const to = t.sums;
  const int64_t column = t.sums_column;
  if (t.more)
    for (int j = 0; j < columns; j++)
      for (int i = 0; i < rows; i++) sums[j * rows + i] += to[j * column + i];
#pragma GCC unroll 8
  for (int j = 0; j < columns; j++) std::memcpy(to + j * column, sums + j * rows, sizeof(Real) * rows);
}

using GemmDotsTile = void (*)(const GemmDots& tile);

template <int rows, int columns>
constexpr GemmDotsTile gemm_dots_tile_or_null() {
  if constexpr (rows <= gemm_dots_rows(columns))
    return gemm_dots_tile<rows, columns>;
  else
    return nullptr;
}

/** Tiles by rows - 1. */
struct GemmDotsTiles {
  GemmDotsTile of[8];
};
template <int columns>
constexpr GemmDotsTiles gemm_dots_tiles() {
  return {{gemm_dots_tile_or_null<1, columns>(), gemm_dots_tile_or_null<2, columns>(),
           gemm_dots_tile_or_null<3, columns>(), gemm_dots_tile_or_null<4, columns>(),
           gemm_dots_tile_or_null<5, columns>(), gemm_dots_tile_or_null<6, columns>(),
           gemm_dots_tile_or_null<7, columns>(), gemm_dots_tile_or_null<8, columns>()}};
}
constexpr GemmDotsTiles kGemmDotsTiles[] = {gemm_dots_tiles<1>(), gemm_dots_tiles<2>(), gemm_dots_tiles<3>(),
                                            gemm_dots_tiles<4>(), gemm_dots_tiles<5>()};

/** sums, column by column of a product, to c. */
inline void gemm_dots_finish(const GemmOutput& o, bool swapped, int64_t columns, const GemmArea& area,
                             Real* sums, Real* strip) {
  if (swapped) return gemm_finish_block(o, false, 0, columns, area.i, area.rows, sums, kGemmBlock, strip);
  if (!gemm_only_turns(o))
    return gemm_finish_block(o, true, 0, columns, area.i, area.rows, sums, kGemmBlock, strip);
  if (o.alpha != Real{1} || o.bias || o.activation) {
    GemmOutput column{};
    column.alpha = o.alpha, column.activation = o.activation;
    for (int64_t j = 0; j < columns; j++) {
      Real* const line = sums + j * kGemmBlock;
      gemm_finish_line(column, {line, 1, o.bias ? o.bias + j : nullptr, 0, nullptr, 0}, line, area.rows);
    }
  }
  gemm_transpose(sums, kGemmBlock, columns, area.rows, o.c + area.i * o.row, o.row);
}

/** Rows of an area, of all columns of a product. */
inline void gemm_dots_area(const GemmProduct& p, bool swapped, const GemmOutput& o, const GemmArea& area,
                           GemmSoon* soon, Real* scratch) {
  const GemmScratch memory = gemm_scratch(scratch);
  Real* const copy = memory.copy;  // of a y whose columns do not lie along k
  Real* const sums = memory.sums;
  const int64_t groups = parts_of(p.columns, kGemmDotsColumns), widest = parts_of(p.columns, groups);
  const int64_t tiles = parts_of(area.rows, gemm_dots_rows(static_cast<int>(widest)));
  const int64_t height = area.rows / tiles, higher = area.rows - height * tiles;
  GemmDots tile;
  tile.x_row = p.x_row;
  tile.sums_column = kGemmBlock;
  for (int64_t k0 = 0; k0 < p.k; k0 += kGemmK) {
    tile.k = smaller(kGemmK, p.k - k0);
    tile.more = k0 > 0;
    const Real* y = p.y + k0 * p.y_step;
    tile.y_column = p.y_column;
    if (p.y_step != 1) {
      tile.y_column = gemm_odd_lines(tile.k);
      gemm_transpose(y, p.y_step, tile.k, p.columns, copy, tile.y_column);
      y = copy;
    }
    for (int64_t n = 0; n < tiles; n++) {
      if (soon) soon->turn();
      const int64_t t = area.upward ? tiles - 1 - n : n;
      const int64_t i = t * height + smaller(t, higher), rows = height + (t < higher);
      tile.x = p.x + (area.i + i) * p.x_row + k0;
      for (int64_t group = 0, j = 0; group < groups; group++) {
        const int64_t columns = p.columns / groups + (group < p.columns % groups);
        tile.y = y + j * tile.y_column;
        tile.sums = sums + j * kGemmBlock + i;
        kGemmDotsTiles[columns - 1].of[rows - 1](tile);
        j += columns;
      }
    }
  }
  gemm_dots_finish(o, swapped, p.columns, area, sums, memory.strip);
}

}  // namespace
