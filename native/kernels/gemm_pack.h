// Panels of y brought into the layout the micro-kernel reads, columns contiguous, where memory has
// them the other way round. (Columns that are contiguous already the micro-kernel packs itself.)
namespace {

// ---------------------------------------------------------------- transposition

// Squares of this many elements are transposed in registers: more is slower even where vectors
// are longer, because permutations of the longest vectors are.
constexpr int kGemmSquare = kWidth < 8 ? kWidth : 8;

#if defined(__GNUC__)
// Vectors as the compiler knows them: permutations have one notation there for every machine.
typedef Real GemmLanes __attribute__((vector_size(sizeof(Real) * kGemmSquare)));

template <int... lane>
struct GemmLaneList {};
template <int n, int... lane>
struct GemmLaneRange : GemmLaneRange<n - 1, n - 1, lane...> {};
template <int... lane>
struct GemmLaneRange<0, lane...> {
  using List = GemmLaneList<lane...>;
};

/** Exchanges the off-diagonal squares of `size` lanes of two rows that are `size` apart. */
template <int size, int... lane>
inline void gemm_exchange(GemmLanes& a, GemmLanes& b, GemmLaneList<lane...>) {
  const GemmLanes low = __builtin_shufflevector(a, b, (lane & size ? lane - size + kGemmSquare : lane)...);
  const GemmLanes high = __builtin_shufflevector(a, b, (lane & size ? lane + kGemmSquare : lane + size)...);
  a = low;
  b = high;
}

template <int size>
inline void gemm_exchange_all(GemmLanes (&rows)[kGemmSquare]) {
  if constexpr (size < kGemmSquare) {
#pragma GCC unroll 8
    for (int i = 0; i < kGemmSquare; i++)
      if (!(i & size))
        gemm_exchange<size>(rows[i], rows[i | size], typename GemmLaneRange<kGemmSquare>::List{});
    gemm_exchange_all<2 * size>(rows);
  }
}

/** to[j][i] = from[i][j], i and j below kGemmSquare. */
inline void gemm_transpose_whole(const Real* from, int64_t from_row, Real* to, int64_t to_row) {
  GemmLanes rows[kGemmSquare];
#pragma GCC unroll 8
  for (int i = 0; i < kGemmSquare; i++) std::memcpy(&rows[i], from + i * from_row, sizeof(GemmLanes));
  gemm_exchange_all<1>(rows);
#pragma GCC unroll 8
  for (int i = 0; i < kGemmSquare; i++) std::memcpy(to + i * to_row, &rows[i], sizeof(GemmLanes));
}
#else
inline void gemm_transpose_whole(const Real* from, int64_t from_row, Real* to, int64_t to_row) {
  for (int i = 0; i < kGemmSquare; i++)
    for (int j = 0; j < kGemmSquare; j++) to[j * to_row + i] = from[i * from_row + j];
}
#endif

/** to[j][i] = from[i][j], (rows, columns) to (columns, rows). Cache lines of both sides are finished
 *  one after the other, kBand rows of kRun. So many rows at once are more than the machine's own
 *  prefetching follows: what comes kAhead runs later is fetched here. */
inline void gemm_transpose(const Real* from, int64_t from_row, int64_t rows, int64_t columns, Real* to,
                           int64_t to_row) {
  constexpr int64_t kBand = 16, kRun = 16, kAhead = 4;
  if (rows < kGemmSquare || columns < kGemmSquare) {
    for (int64_t j = 0; j < columns; j++)
      for (int64_t i = 0; i < rows; i++) to[j * to_row + i] = from[i * from_row + j];
    return;
  }
  // What is left over is in squares that overlap the last whole ones.
  const int64_t last_row = rows - kGemmSquare, last_column = columns - kGemmSquare;
  for (int64_t i = 0; i < rows; i += kBand)
    for (int64_t j = 0; j < columns; j += kRun) {
      const bool same_band = j + kAhead * kRun < columns;
      const int64_t i_ahead = same_band ? i : i + kBand,
                    j_ahead = same_band ? j + kAhead * kRun : j % (kAhead * kRun);
      for (int64_t r = i_ahead; r < smaller(i_ahead + kBand, rows); r++)
        prefetch_far(from + r * from_row + j_ahead);
      for (int64_t r = i; r < smaller(i + kBand, rows); r += kGemmSquare)
        for (int64_t q = j; q < smaller(j + kRun, columns); q += kGemmSquare) {
          const int64_t row = smaller(r, last_row), column = smaller(q, last_column);
          gemm_transpose_whole(from + row * from_row + column, from_row, to + column * to_row + row, to_row);
        }
    }
}

// ---------------------------------------------------------------- panels

/** Columns as panels are laid out: rounded up to whole vectors. What stands behind the last does not matter.
 */
inline int64_t gemm_width(int64_t columns) { return parts_of(columns, kWidth) * kWidth; }

/** Columns of y, (k, columns) with any strides, to rows `width` apart. */
inline void gemm_pack_panel(const Real* y, int64_t y_step, int64_t y_column, int64_t k, int64_t columns,
                            int64_t width, Real* to) {
  if (y_step == 1) return gemm_transpose(y, y_column, columns, k, to, width);
  for (int64_t p = 0; p < k; p++)
    for (int64_t j = 0; j < columns; j++) to[p * width + j] = y[p * y_step + j * y_column];
}

// ---------------------------------------------------------------- copies of x

/** Whether x is copied in slivers rather than in rows. A narrow panel of y comes back to x sooner than a wide
 *  one, and has fewer steps' lines of it in L1 where a step's rows do not lie together. */
constexpr bool kGemmSlivers = kGemmNarrow;
/** Rows of a sliver: what the highest tile of a whole panel reads at a step of k. */
constexpr int64_t kGemmSliver = gemm_rows(kGemmVectors);
/** So many Reals or a few more: an odd number of lines, so that runs of them do not begin pages apart. */
constexpr int64_t gemm_odd_lines(int64_t n) { return (parts_of(n, kGemmLine) | 1) * kGemmLine; }
/** From one sliver of k steps to the next. */
constexpr int64_t gemm_sliver_size(int64_t k) { return gemm_odd_lines(k * kGemmSliver); }

/** x (rows, k), rows contiguous, in slivers, one for each of `tiles` tiles as gemm_panel cuts them. */
inline void gemm_copy_slivers(const Real* from, int64_t from_step, int64_t k, int64_t rows, int64_t tiles,
                              Real* to) {
  const int64_t height = rows / tiles, higher = rows - height * tiles, size = gemm_sliver_size(k);
  for (int64_t p = 0; p < k; p++, from += from_step, to += kGemmSliver) {
    Real* out = to;
    const Real* in = from;
    for (int64_t t = 0; t < tiles - 1; t++, out += size) {
      std::memcpy(out, in, kGemmSliver * sizeof(Real));  // a lower tile has some of the next one as well
      in += height + (t < higher);
    }
    for (int64_t i = 0; i < from + rows - in; i++) out[i] = in[i];
  }
}

/** Rows of `length` contiguous elements, copied to a distance of to_row. */
inline void gemm_copy_rows(const Real* from, int64_t from_row, int64_t rows, int64_t length, Real* to,
                           int64_t to_row) {
  for (int64_t i = 0; i < rows; i++, from += from_row, to += to_row)
    each_vector(0, length, [=](auto lanes) { lanes.put(to, lanes.get(from)); });
}

}  // namespace
