// Panels of y brought into the layout the micro-kernel reads, columns contiguous, where memory has
// them the other way round. (Columns that are contiguous already the micro-kernel packs itself.)
namespace {

// ---------------------------------------------------------------- panels

/** Columns as panels are laid out: rounded up to whole vectors. What stands behind the last does not matter.
 */
inline int64_t gemm_width(int64_t columns) { return parts_of(columns, kWidth) * kWidth; }

/** Steps of a panel that is longer than L1 has room for beside what it is turned to: those are fetched. */
constexpr int64_t kGemmLongPanel = 256;

/** A narrow panel of which both sides are whole lines, line by line: half of those of `y` after the other
 * half, so that rows which crowd a set of L1 are done with before their like come. They come from L2, where
 * the panel before has fetched them to; the machine's own prefetching is as quick alone on its core, not
 * beside another thread. */
[[gnu::noinline]] inline void gemm_pack_lines(const Real* y, int64_t y_column, int64_t k, int64_t width,
                                              Real* to) {
  for (int64_t p = 0; p < k; p += kGemmLine) {
    const int64_t at = smaller(p, k - kGemmLine);  // what is left over, with some of the lines before it
    const Real* from = y + at;
    Real* out = to + at * width;
    if (k > kGemmLongPanel)
      for (int j = 0; j < kGemmColumns; j++) prefetch(from + j * y_column + 2 * kGemmLine);
    for (int j = 0; j < kGemmColumns; j += kGemmSquare, from += kGemmSquare * y_column, out += kGemmSquare)
      for (int i = 0; i < kGemmLine; i += kGemmSquare)
        gemm_transpose_halves(from + i, y_column, out + i * width, width);
  }
}

/** Columns of y, (k, columns) with any strides, to rows `width` apart. */
inline void gemm_pack_panel(const Real* y, int64_t y_step, int64_t y_column, int64_t k, int64_t columns,
                            int64_t width, Real* to) {
  if (kGemmNarrow && y_step == 1 && columns == kGemmColumns && k >= kGemmLine)
    return gemm_pack_lines(y, y_column, k, width, to);
  if (y_step == 1) return gemm_transpose(y, y_column, columns, k, to, width);
  for (int64_t p = 0; p < k; p++)
    for (int64_t j = 0; j < columns; j++) to[p * width + j] = y[p * y_step + j * y_column];
}

// ---------------------------------------------------------------- copies of x

/** Whether x is copied in slivers rather than in rows. A narrow panel of y comes back to x sooner than a wide
 *  one, and has fewer steps' lines of it in L1 where a step's rows do not lie together. */
constexpr bool kGemmSlivers = kGemmNarrow;
/** So many Reals or a few more: an odd number of lines, so that runs of them do not begin pages apart. */
constexpr int64_t gemm_odd_lines(int64_t n) { return (parts_of(n, kGemmLine) | 1) * kGemmLine; }
/** From one sliver of k steps to the next. */
constexpr int64_t gemm_sliver_size(int64_t k) { return gemm_odd_lines(k * kGemmSliver); }

/** Steps that are copied together: those of a sliver's rows fill whole vectors. */
constexpr int kGemmSliverSteps = 4;
#if defined(__GNUC__)
constexpr bool kGemmCopiesSteps = kGemmSlivers;

/** So many steps, at least kWidth Reals apart, of a sliver. A vector that two steps share is two vectors in
 * place; of what those have beside it, some belongs to the steps between. */
template <int width = kWidth>
[[gnu::always_inline]] inline void gemm_copy_steps(const Real* from, int64_t step, Real* to) {
  static_assert(kGemmSliver == 6 && width == 8);
  typedef Real Lanes __attribute__((vector_size(sizeof(Real) * width)));
  const auto at = [=](int i, int64_t offset) {
    Lanes lanes;
    std::memcpy(&lanes, from + i * step + offset, sizeof(lanes));
    return lanes;
  };
  const auto put = [=](int i, Lanes lanes) { std::memcpy(to + i * width, &lanes, sizeof(lanes)); };
  put(0, __builtin_shufflevector(at(0, 0), at(1, -6), 0, 1, 2, 3, 4, 5, 14, 15));
  put(1, __builtin_shufflevector(at(1, 2), at(2, -4), 0, 1, 2, 3, 12, 13, 14, 15));
  put(2, __builtin_shufflevector(at(2, 4), at(3, -2), 0, 1, 10, 11, 12, 13, 14, 15));
}
#else
constexpr bool kGemmCopiesSteps = false;
template <int width = kWidth>
inline void gemm_copy_steps(const Real*, int64_t, Real*) {}
#endif

/** x (rows, k), rows contiguous, in slivers, one for each of `tiles` tiles as gemm_panel cuts them. */
template <bool by_steps = kGemmCopiesSteps>
inline void gemm_copy_slivers(const Real* from, int64_t from_step, int64_t k, int64_t rows, int64_t tiles,
                              Real* to) {
  const int64_t height = rows / tiles, higher = rows - height * tiles, size = gemm_sliver_size(k);
  int64_t p = 0;
  const auto move = [&](int64_t steps) { p += steps, from += steps * from_step, to += steps * kGemmSliver; };
  // A lower tile has some of the next one as well, or of the next step.
  if constexpr (by_steps) {
    for (; from_step >= kWidth && p + kGemmSliverSteps < k; move(kGemmSliverSteps)) {
      const Real* in = from;
      Real* out = to;
      for (int64_t t = 0; t < tiles; t++, out += size) {
        gemm_copy_steps(in, from_step, out);
        in += height + (t < higher);
      }
    }
  }
  for (; p < k; move(1)) {
    const Real* in = from;
    Real* out = to;
    for (int64_t t = 0; t < tiles - 1; t++, out += size) {
      std::memcpy(out, in, kGemmSliver * sizeof(Real));
      in += height + (t < higher);
    }
    for (int64_t i = 0; i < height; i++) out[i] = in[i];
  }
}

/** Rows of `length` contiguous elements, copied to a distance of to_row. Each row is a beginning anew for the
 * machine's own prefetching: those kAhead later are fetched here. */
inline void gemm_copy_rows(const Real* from, int64_t from_row, int64_t rows, int64_t length, Real* to,
                           int64_t to_row) {
  constexpr int64_t kAhead = 4;
  for (int64_t i = 0; i < rows; i++, from += from_row, to += to_row) {
    const Real* const ahead = from + smaller(kAhead, rows - 1 - i) * from_row;
    for (int64_t j = 0; j < length; j += kGemmLine) prefetch(ahead + j);
    each_vector(0, length, [=](auto lanes) { lanes.put(to, lanes.get(from)); });
  }
}

}  // namespace
