// gemm where k is long and c small, as the gradient of a weight over many rows is: c alone gives few tasks,
// each of which would read a narrow stripe of both factors all along memory. Here k is shared out instead, in
// parts that the shape alone decides; every part's sums stand apart and are added in order.
namespace {

constexpr int64_t kGemmLong = 4096;                        // steps of k
constexpr int64_t kGemmLongPart = 1024;                    // steps of a part, at least
constexpr int64_t kGemmLongRatio = kGemmNarrow ? 12 : 32;  // of k to either side of c, at least
// Columns of a block: as many as share one copy of x, where x is copied for few.
constexpr int64_t kGemmLongWide = kGemmNarrow ? kGemmWide : kGemmBlock;
constexpr int64_t kGemmLongStep = kGemmNarrow ? 512 : 256;  // steps that are read together by all blocks of c

inline int64_t gemm_long_parts(const GemmProduct& p) { return smaller(kGemmTasks, p.k / kGemmLongPart); }

/** c has to be small beside the factors, so that the sums of all parts stay in the cache. */
inline bool gemm_is_long(const GemmCall& g, const GemmProduct& p) {
  return g.batch == 1 && p.x_row == 1 && p.y_column == 1 && p.k >= kGemmLong &&
         kGemmLongRatio * larger(p.rows, p.columns) <= p.k &&
         gemm_long_parts(p) * p.rows * p.columns <= kGemmSharedSize;
}

/** Which way round. Beside a narrow panel there is room in L1 for a copy of x, made once for all panels: x is
 *  the narrower factor then. Wide panels read the wider factor better as rows, as gemm_plan has it. */
inline bool gemm_long_swapped(const GemmCall& g, const GemmPlan& plan) {
  return kGemmNarrow ? g.n < g.m : plan.swapped;
}

/** sums (rows, columns) = x.y over the steps of p. */
inline void gemm_long_part(const GemmProduct& p, Real* sums, Real* scratch) {
  GemmOutput o{};
  o.c = sums, o.row = p.columns, o.column = 1, o.alpha = 1;
  const int64_t row_parts = parts_of(p.rows, kGemmBlock), column_parts = parts_of(p.columns, kGemmLongWide);
  const int64_t rows = parts_of(p.rows, row_parts), columns = gemm_width(parts_of(p.columns, column_parts));
  for (int64_t k = 0; k < p.k; k += kGemmLongStep, o.beta = 1) {
    GemmProduct step = p;
    step.x += k * p.x_step;
    step.y += k * p.y_step;
    step.k = smaller(kGemmLongStep, p.k - k);
    for (int64_t i = 0; i < p.rows; i += rows)
      for (int64_t j = 0; j < p.columns; j += columns) {
        // What these blocks read of the next steps, a share each.
        const int64_t blocks = row_parts * column_parts, share = parts_of(kGemmLongStep, blocks);
        const int64_t block = i / rows * column_parts + j / columns;
        const int64_t from = k + kGemmLongStep + block * share, count = smaller(share, p.k - from);
        GemmFetch next{};
        if (count > 0)
          next = {p.x + from * p.x_step, p.x_step, count, parts_of(p.rows, kGemmColumns), kGemmColumns, 0};
        const GemmArea area = {i, smaller(rows, p.rows - i), j, smaller(columns, p.columns - j), false};
        gemm_block<GemmPlain>(step, {false, true, false, false, 0}, o, area, next, nullptr, scratch);
      }
  }
}

inline void gemm_long(const GemmCall& g, bool swapped, const GemmProduct& p, Context& context) {
  const int64_t parts = gemm_long_parts(p), k = parts_of(p.k, parts), size = p.rows * p.columns;
  Real* const sums = static_cast<Real*>(context.scratch) + kGemmSharedFrom;
  const double work = static_cast<double>(size) * static_cast<double>(p.k);
  parallel(context, parts, gemm_nanoseconds(work, 0), [=](int64_t part, void* scratch) {
    GemmProduct some = p;
    some.x += part * k * p.x_step;
    some.y += part * k * p.y_step;
    some.k = larger(0, smaller(k, p.k - part * k));
    gemm_long_part(some, sums + part * size, static_cast<Real*>(scratch));
  });
  for (int64_t i = 0; i < p.rows; i++)
    for (int64_t j = 0; j < p.columns; j += kGemmBlock) {
      Real* const line = sums + i * p.columns + j;
      const int64_t n = smaller(kGemmBlock, p.columns - j);
      each_vector(0, n, [=](auto lanes) {
        V sum = lanes.get(line);
        for (int64_t part = 1; part < parts; part++) sum = sum + lanes.get(line + part * size);
        lanes.put(line, sum);
      });
      gemm_finish_line(g.output, swapped ? gemm_line(g.output, j, i, true) : gemm_line(g.output, i, j, false),
                       line, n);
    }
}

}  // namespace
