// From the sums of gemm to c: scaling, bias, what c held before, activation and combination, while the
// block is in the cache.
namespace {

// The most rows and columns of one task.
constexpr int64_t kGemmBlock = 256;

/** What becomes of the sums of one batch element. */
struct GemmOutput {
  Real* c;  // (m, n)
  int64_t row, column;
  const Real* bias;  // (n) or nullptr
  const Real* aux;   // (m, n) or nullptr
  int64_t aux_row, aux_column;
  Real alpha, beta;
  BlockFunction activation, combine;  // nullptr: none
};

/** Whether a transposed c can be finished by the micro-kernels, so that it has only to be turned: its rows
 *  contiguous, and nothing to be read that is not. */
inline bool gemm_only_turns(const GemmOutput& o) { return o.beta == Real{0} && !o.combine && o.column == 1; }

/** Whether all that is left to do is the most frequent function, which micro-kernels do in registers: a call
 * for each row of a tile takes 2 to 6 % of a product. (Its gradient as well cost them 1 to 4 % where it is
 * not wanted.) */
inline bool gemm_is_relu(const GemmOutput& o) {
  return o.activation == block_function<function_relu> && !o.combine;
}

/** A line of c: a piece of a row, or of a column where the product was swapped. */
struct GemmLine {
  Real* c;
  int64_t stride;
  const Real* bias;
  int64_t bias_stride;  // 1, or 0 along a column
  const Real* aux;
  int64_t aux_stride;
};

inline GemmLine gemm_line(const GemmOutput& o, int64_t i, int64_t j, bool down) {
  return {o.c + i * o.row + j * o.column,
          down ? o.row : o.column,
          o.bias ? o.bias + j : nullptr,
          down ? 0 : 1,
          o.aux ? o.aux + i * o.aux_row + j * o.aux_column : nullptr,
          down ? o.aux_row : o.aux_column};
}

/** activation and combine from `values` to contiguous `to` (may be the same), n <= kGemmBlock. */
inline void gemm_functions(const GemmOutput& o, const Real* aux, int64_t aux_stride, Real* values, Real* to,
                           int64_t n) {
  if (o.activation) {
    Real* const out = o.combine ? values : to;
    o.activation(values, values, values, out, n);
  }
  if (!o.combine) return;
  if (aux_stride == 1) return o.combine(aux, values, values, to, n);
  Real gathered[kGemmBlock];
  for (int64_t j = 0; j < n; j++) gathered[j] = aux[j * aux_stride];
  o.combine(gathered, values, values, to, n);
}

/** One line of c from its sums, which are overwritten; n <= kGemmBlock. */
inline void gemm_finish_line(const GemmOutput& o, const GemmLine& line, Real* sums, int64_t n) {
  const bool contiguous = line.stride == 1, functions = o.activation || o.combine;
  Real gathered[kGemmBlock];
  const Real* old = line.c;
  if (!contiguous && o.beta != Real{0}) {
    for (int64_t j = 0; j < n; j++) gathered[j] = line.c[j * line.stride];
    old = gathered;
  }
  Real* const to = contiguous && !functions ? line.c : sums;
  const V alpha = set1(o.alpha), beta = set1(o.beta);
  const V one_bias = line.bias && !line.bias_stride ? set1(*line.bias) : zero();
  each_vector(0, n, [&](auto lanes) {
    V value = fma(alpha, lanes.get(sums), line.bias && line.bias_stride ? lanes.get(line.bias) : one_bias);
    if (o.beta != Real{0}) value = fma(beta, lanes.get(old), value);
    lanes.put(to, value);
  });
  if (functions) gemm_functions(o, line.aux, line.aux_stride, sums, contiguous ? line.c : sums, n);
  if (!contiguous)
    for (int64_t j = 0; j < n; j++) line.c[j * line.stride] = sums[j];
}

/** activation and combine on a tile of c that holds its values already; columns <= kGemmBlock. */
inline void gemm_finish_tile(const GemmOutput& o, int64_t i, int64_t rows, int64_t j, int64_t columns) {
  if (!o.activation && !o.combine) return;
  if (o.row == columns && (!o.combine || (o.aux_column == 1 && o.aux_row == columns)) &&
      rows * columns <= kGemmBlock) {
    columns *= rows;
    rows = 1;
  }
  const bool relu_grad =
      o.combine == block_function<function_relu_grad> && !o.activation && o.aux_column == 1;
  for (; rows > 0; rows--, i++) {
    Real* const c = o.c + i * o.row + j;
    if (relu_grad)  // without a call for each row
      block_function<function_relu_grad>(o.aux + i * o.aux_row + j, c, c, c, columns);
    else
      gemm_functions(o, o.aux ? o.aux + i * o.aux_row + j * o.aux_column : nullptr, o.aux_column, c, c,
                     columns);
  }
}

/** Rows [i, i + rows) and columns [j, j + columns) of the product, summed in `sums` (row distance
 *  sums_row), go to c. Neither is more than kGemmBlock. `strip`: kWidth * kGemmBlock Reals. Out of line: the
 * products that take no such way would have fewer registers. */
[[gnu::noinline]] void gemm_finish_block(const GemmOutput& o, bool swapped, int64_t i, int64_t rows,
                                         int64_t j, int64_t columns, Real* sums, int64_t sums_row,
                                         Real* strip) {
  if (!swapped) {
    for (int64_t r = 0; r < rows; r++)
      gemm_finish_line(o, gemm_line(o, i + r, j, false), sums + r * sums_row, columns);
    return;
  }
  for (int64_t q = 0; q < columns; q += kWidth) {  // kWidth rows of c at a time
    const int64_t lines = smaller(kWidth, columns - q);
    gemm_transpose(sums + q, sums_row, rows, lines, strip, kGemmBlock);
    for (int64_t l = 0; l < lines; l++)
      gemm_finish_line(o, gemm_line(o, j + q + l, i, false), strip + l * kGemmBlock, rows);
  }
}

}  // namespace
