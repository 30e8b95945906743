// gemm with factors rounded to bfloat16 and summed in float32. x and y are packed as pairs of steps of
// k, one pair a lane (simd/avx512bf16.h), so that the micro-kernel runs over half as many steps; an odd
// last step is paired with 0. Error of a product against float32: 2^-8 of it at most, from two roundings.
namespace {

struct GemmBf16 {
  static V multiply_add(V a, V b, V c) { return bf16_multiply_add(a, b, c); }
  static V multiply_add_half(V a, V b, V c) { return bf16_multiply_add(a, b, c); }
};

/** Small products, one row and strides in both directions stay with float32. */
inline bool gemm_bf16_takes(const GemmProduct& p) {
  return p.k >= 16 && p.rows >= 4 && (p.x_row == 1 || p.x_step == 1) && (p.y_column == 1 || p.y_step == 1);
}

inline int64_t gemm_longest_k(GemmBf16, const GemmProduct&) { return kGemmK; }

/** Rows that are contiguous in k become rows of parts_of(k, 2) pairs. */
inline void gemm_pair_along(const Real* from, int64_t from_row, int64_t rows, int64_t k, Real* to,
                            int64_t to_row) {
  const auto part = [](const Real* p, int64_t n) {
    return n >= kWidth ? load(p) : n > 0 ? load_n(p, n) : zero();
  };
  for (int64_t i = 0; i < rows; i++, from += from_row, to += to_row) {
    int64_t p = 0;
    for (; p + 2 * kWidth <= k; p += 2 * kWidth)
      store(to + p / 2, bf16_neighbours(load(from + p), load(from + p + kWidth)));
    if (p == k) continue;
    const V last = bf16_neighbours(part(from + p, k - p), part(from + p + kWidth, k - p - kWidth));
    const int64_t pairs = parts_of(k - p, 2);
    if (pairs == kWidth)
      store(to + p / 2, last);
    else
      store_n(to + p / 2, last, pairs);
  }
}

/** Steps of k that lie `step` apart, n contiguous elements each, become parts_of(k, 2) rows of n pairs. */
inline void gemm_pair_across(const Real* from, int64_t step, int64_t k, int64_t n, Real* to,
                             int64_t to_step) {
  for (; k > 0; k -= 2, from += 2 * step, to += to_step)
    each_vector(0, n, [=](auto lanes) {
      lanes.put(to, bf16_pairs(lanes.get(from), k > 1 ? lanes.get(from + step) : zero()));
    });
}

inline bool gemm_place_x(GemmBf16, const GemmProduct& p, int64_t i, int64_t rows, int64_t k0, int64_t k,
                         int64_t, Real* copy, GemmTile& tile, GemmTurning&) {
  const Real* const x = p.x + i * p.x_row + k0 * p.x_step;
  tile.slivers = false;
  tile.x = copy;
  tile.k = parts_of(k, 2);
  if (p.x_step == 1) {
    tile.x_row = parts_of(tile.k, kGemmLine) * kGemmLine + kGemmLine;
    tile.x_step = 1;
    gemm_pair_along(x, p.x_row, rows, k, copy, tile.x_row);
    tile.ahead_step = kGemmMaxRows;
  } else {
    tile.x_row = 1;
    tile.x_step = parts_of(rows, 2 * kGemmLine) * 2 * kGemmLine + kGemmLine;
    gemm_pair_across(x, p.x_step, k, rows, copy, tile.x_step);
    tile.ahead_step = tile.x_step;
  }
  return true;
}

inline void gemm_place_y(GemmBf16, const GemmProduct& p, int64_t j, int64_t columns, int64_t, int64_t k0,
                         int64_t k, Real* packed, GemmTile& tile) {
  const Real* const y = p.y_at(k0, j);
  tile.keep = nullptr;
  tile.y = packed;
  tile.y_step = parts_of(columns, kWidth) * kWidth;
  if (p.y_column == 1) return gemm_pair_across(y, p.y_step, k, columns, packed, tile.y_step);
  const int64_t pairs = parts_of(k, 2), row = parts_of(pairs, kGemmLine) * kGemmLine + kGemmLine;
  Real* const turned = packed + tile.y_step * pairs;
  gemm_pair_along(y, p.y_column, columns, k, turned, row);
  gemm_transpose(turned, row, columns, pairs, packed, tile.y_step);
}

}  // namespace
