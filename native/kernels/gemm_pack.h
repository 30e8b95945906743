// Panels of y brought into the layout the micro-kernel reads, columns contiguous, where memory has
// them the other way round. (Columns that are contiguous already the micro-kernel packs itself.)
namespace {

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
/** So many Reals or a few more: an odd number of lines, so that runs of them do not begin pages apart. */
constexpr int64_t gemm_odd_lines(int64_t n) { return (parts_of(n, kGemmLine) | 1) * kGemmLine; }
/** From one sliver of k steps to the next, with room for what a vector writes past the last step. */
constexpr int64_t gemm_sliver_size(int64_t k) { return gemm_odd_lines(k * kGemmSliver + kWidth); }

/** x (rows, k), rows contiguous, in slivers, one for each of `tiles` tiles as gemm_panel cuts them. */
inline void gemm_copy_slivers(const Real* from, int64_t from_step, int64_t k, int64_t rows, int64_t tiles,
                              Real* to) {
  const int64_t height = rows / tiles, higher = rows - height * tiles, size = gemm_sliver_size(k);
  const int64_t by_vector = rows < kWidth ? 0 : tiles - 1;
  for (int64_t p = 0; p < k; p++, from += from_step, to += kGemmSliver) {
    Real* out = to;
    const Real* in = from;
    // A lower tile has some of the next one as well; and what is past a sliver, its next step overwrites.
    for (int64_t t = 0; t < by_vector; t++, out += size) {
      store(out, load(in));
      in += height + (t < higher);
    }
    for (int64_t t = by_vector; t < tiles - 1; t++, out += size) {
      std::memcpy(out, in, kGemmSliver * sizeof(Real));
      in += height + (t < higher);
    }
    for (int64_t i = 0; i < from + rows - in; i++) out[i] = in[i];
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
