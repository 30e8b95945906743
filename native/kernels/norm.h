// Batch, layer and RMS normalisation, forward beside backward. gamma absent means 1, beta 0.
//
// batch_norm, x: (n, c), statistics per column:    layer_norm, x: (r, c), statistics per row:
//   mean = sum x / n    variance = sum (x - mean)^2 / n    rstd = 1 / sqrt(variance + epsilon)
//   xhat = (x - mean) rstd          y = gamma xhat + beta          (gamma, beta per column in both)
//   dbeta = sum_rows dy             dgamma = sum_rows dy xhat
//   batch_norm:  dx = gamma rstd (dy - dbeta / n - xhat dgamma / n)
//   layer_norm:  g = gamma dy;  dx = rstd (g - sum(g) / c - xhat sum(g xhat) / c)
// rms_norm is layer_norm with mean = 0: rstd = 1 / sqrt(sum x^2 / c + epsilon), xhat = x rstd,
//   dx = rstd (g - xhat sum(g xhat) / c)
//
// Variances are sums of squared deviations: of a row from its mean, found before; of a column from the
// mean of the first rows of each block, so that one pass over memory is enough. What several blocks of
// rows give is put together in float64.
namespace {

// ---------------------------------------------------------------- two numbers a column

constexpr int64_t kNormTile = 512;    // columns a task
constexpr int64_t kNormRows = 64;     // rows of a block: additions in float32
constexpr int64_t kNormSample = 8;    // rows of it whose mean stands for that of all: see column_moments
constexpr int64_t kNormGroup = 2;     // rows side by side: see each_row_by_column
constexpr int64_t kNormTask = 65536;  // elements that are worth a task

/** How (n, c) is cut to get two float64 a column: column tiles, and where they are few also blocks
 *  of rows, whose results meet in context.partials (chunks, 2, c). From the shape alone. */
struct ColumnGrid {
  int64_t n, c, tile, tiles, chunk, chunks;
};

inline ColumnGrid column_grid(int64_t n, int64_t c) {
  ColumnGrid grid{n, c, smaller(c, kNormTile), 0, n, 1};
  grid.tiles = parts_of(c, grid.tile);
  const int64_t room = kPartials / (2 * c);
  if (grid.tiles < 16 && room > 1 && n * c > kNormTask) {
    grid.chunk = larger(parts_of(kNormTask, grid.tile), parts_of(n, room));
    grid.chunks = parts_of(n, grid.chunk);
  }
  return grid;
}

/** part(row, rows, column, columns, a, b): a[j], b[j] of these rows and columns.
 *  join(rows_before, rows, a, b, other_a, other_b): into one column's a and b those of `rows` more rows.
 *  finish(column, columns, a, b): what is to be done with the results of all rows. */
template <class Part, class Join, class Finish>
inline void column_pairs(const ColumnGrid& grid, Context& context, const Part& part, const Join& join,
                         const Finish& finish) {
  double* partials = context.partials;
  const double work = 0.2 * static_cast<double>(grid.n * grid.c);
  parallel(context, grid.tiles * grid.chunks, work, [&](int64_t task, void*) {
    double a[kNormTile], b[kNormTile];
    const int64_t chunk = task / grid.tiles, column = task % grid.tiles * grid.tile;
    const int64_t columns = smaller(grid.tile, grid.c - column), row = chunk * grid.chunk;
    part(row, smaller(grid.chunk, grid.n - row), column, columns, a, b);
    if (grid.chunks == 1) {
      finish(column, columns, a, b);
      return;
    }
    double* to = partials + chunk * 2 * grid.c + column;
    std::memcpy(to, a, static_cast<size_t>(columns) * sizeof(double));
    std::memcpy(to + grid.c, b, static_cast<size_t>(columns) * sizeof(double));
  });
  if (grid.chunks == 1) return;
  for (int64_t chunk = 1; chunk < grid.chunks; chunk++) {
    const double* other = partials + chunk * 2 * grid.c;
    const int64_t before = chunk * grid.chunk, rows = smaller(grid.chunk, grid.n - before);
    for (int64_t j = 0; j < grid.c; j++)
      join(before, rows, partials[j], partials[grid.c + j], other[j], other[grid.c + j]);
  }
  finish(0, grid.c, partials, partials + grid.c);
}

/** (mean, sum of squared deviations) of `before` rows and of `rows` more, joined (Chan, Golub,
 *  LeVeque 1979). */
inline void join_moments(int64_t before, int64_t rows, double& mean, double& squares, double other_mean,
                         double other_squares) {
  const double part = static_cast<double>(rows) / static_cast<double>(before + rows);
  const double delta = other_mean - mean;
  mean += delta * part;
  squares += other_squares + delta * delta * part * static_cast<double>(before);
}

/** mean[j] and squares[j] = sum (x - mean)^2 over rows of columns j < columns <= kNormTile.
 *  In a block of rows, d = x - the mean of its first rows; then sum (x - mean)^2 = sum d^2 - (sum d)^2 /
 * rows. The subtraction loses little whatever the numbers are: even where the first rows lie far from the
 *  others, sum d^2 is at most kNormRows / kNormSample times the result. */
[[gnu::noinline]] inline void column_moments(const Real* x, int64_t rows, int64_t stride, int64_t columns,
                                             double* mean, double* squares) {
  Real around[kNormTile], deviation[kNormTile], square[kNormTile];
  for (int64_t j = 0; j < columns; j++) mean[j] = squares[j] = 0;
  for (int64_t row = 0; row < rows; row += kNormRows) {
    const int64_t count = smaller(kNormRows, rows - row), sample = smaller(kNormSample, count);
    const Real* block = x + row * stride;
    const V share = set1(Real(1) / static_cast<Real>(sample));
    each_vector(0, columns, [&](auto lanes) {
      V sum = lanes.get(block);
      for (int64_t k = 1; k < sample; k++) sum = sum + lanes.get(block + k * stride);
      lanes.put(around, sum * share);
      lanes.put(deviation, zero());
      lanes.put(square, zero());
    });
    int64_t k = 0;
    for (; k + 4 <= count; k += 4) {
      const Real *p0 = block + k * stride, *p1 = p0 + stride, *p2 = p1 + stride, *p3 = p2 + stride;
      each_vector(0, columns, [&](auto lanes) {
        const V m = lanes.get(around);
        const V d0 = lanes.get(p0) - m, d1 = lanes.get(p1) - m, d2 = lanes.get(p2) - m,
                d3 = lanes.get(p3) - m;
        lanes.put(deviation, lanes.get(deviation) + ((d0 + d1) + (d2 + d3)));
        lanes.put(square, lanes.get(square) + (fma(d0, d0, d1 * d1) + fma(d2, d2, d3 * d3)));
      });
    }
    for (; k < count; k++) {
      const Real* p = block + k * stride;
      each_vector(0, columns, [&](auto lanes) {
        const V d = lanes.get(p) - lanes.get(around);
        lanes.put(deviation, lanes.get(deviation) + d);
        lanes.put(square, fma(d, d, lanes.get(square)));
      });
    }
    for (int64_t j = 0; j < columns; j++) {
      const double rest = static_cast<double>(deviation[j]) / static_cast<double>(count);
      const double rest_squares = static_cast<double>(square[j]) - rest * static_cast<double>(deviation[j]);
      join_moments(row, count, mean[j], squares[j], static_cast<double>(around[j]) + rest,
                   rest_squares < 0 ? 0 : rest_squares);
    }
  }
}

/** a[j] = sum_rows dy, b[j] = sum_rows dy * normalised(lanes, row, x). */
template <class Normalised>
[[gnu::noinline]] void gradient_sums(const Real* x, const Real* dy, int64_t rows, int64_t stride,
                                     int64_t columns, const Normalised& normalised, double* a, double* b) {
  Real sum[kNormTile], product[kNormTile];
  for (int64_t j = 0; j < columns; j++) a[j] = b[j] = 0;
  for (int64_t row = 0; row < rows;) {
    const int64_t end = smaller(rows, row + 2 * kNormRows);
    for (int64_t j = 0; j < columns; j++) sum[j] = product[j] = 0;
    for (; row + 4 <= end; row += 4) {
      const Real *x0 = x + row * stride, *x1 = x0 + stride, *x2 = x1 + stride, *x3 = x2 + stride;
      const Real *d0 = dy + row * stride, *d1 = d0 + stride, *d2 = d1 + stride, *d3 = d2 + stride;
      each_vector(0, columns, [&](auto lanes) {
        const V g0 = lanes.get(d0), g1 = lanes.get(d1), g2 = lanes.get(d2), g3 = lanes.get(d3);
        const V h0 = normalised(lanes, row, lanes.get(x0)), h1 = normalised(lanes, row + 1, lanes.get(x1));
        const V h2 = normalised(lanes, row + 2, lanes.get(x2)),
                h3 = normalised(lanes, row + 3, lanes.get(x3));
        lanes.put(sum, lanes.get(sum) + ((g0 + g1) + (g2 + g3)));
        lanes.put(product, lanes.get(product) + (fma(g0, h0, g1 * h1) + fma(g2, h2, g3 * h3)));
      });
    }
    for (; row < end; row++) {
      const Real *xr = x + row * stride, *dr = dy + row * stride;
      each_vector(0, columns, [&](auto lanes) {
        const V g = lanes.get(dr);
        lanes.put(sum, lanes.get(sum) + g);
        lanes.put(product, fma(g, normalised(lanes, row, lanes.get(xr)), lanes.get(product)));
      });
    }
    for (int64_t j = 0; j < columns; j++) {
      a[j] += static_cast<double>(sum[j]);
      b[j] += static_cast<double>(product[j]);
    }
  }
}

inline void join_sums(int64_t, int64_t, double& a, double& b, double other_a, double other_b) {
  a += other_a;
  b += other_b;
}

template <class Lanes>
inline V get_or(Lanes lanes, const Real* p, V absent) {
  return p ? lanes.get(p) : absent;
}

// ---------------------------------------------------------------- batch

/** apply(lanes, prepared, row) for all vectors of (n, c), two rows at a time: what prepare(lanes) loads of
 *  a column's numbers serves both. More rows of a power of two of columns, read and written, would meet in
 * the same few sets of the cache. */
template <class Prepare, class Apply>
inline void each_row_by_column(Context& context, int64_t n, int64_t c, double cost, const Prepare& prepare,
                               const Apply& apply) {
  parallel_rows(context, parts_of(n, kNormGroup), kNormGroup * c, cost, [=](int64_t group) {
    const int64_t row = kNormGroup * group;
    if (row + kNormGroup <= n) {
      each_vector(0, c, [=](auto lanes) {
        const auto prepared = prepare(lanes);
#pragma GCC unroll 4
        for (int k = 0; k < kNormGroup; k++) apply(lanes, prepared, row + k);
      });
      return;
    }
    for (int64_t r = row; r < n; r++) each_vector(0, c, [=](auto lanes) { apply(lanes, prepare(lanes), r); });
  });
}

void batch_norm_forward(const Call& call, Context& context) {
  const int64_t n = call.operands[0].shape[0], c = call.operands[0].shape[1];
  const Real *x = input(call, 0), *gamma = input(call, 1), *beta = input(call, 2);
  Real *y = output(call, 3), *mean = output(call, 4), *variance = output(call, 5), *rstd = output(call, 6);
  const double epsilon = call.parameters[0];
  if (c == 0) return;
  column_pairs(
      column_grid(n, c), context,
      [=](int64_t row, int64_t rows, int64_t column, int64_t columns, double* a, double* b) {
        column_moments(x + row * c + column, rows, c, columns, a, b);
      },
      join_moments,
      [=](int64_t column, int64_t columns, const double* a, const double* b) {
        for (int64_t j = 0; j < columns; j++) {
          const double v = b[j] / static_cast<double>(n);  // NaN for no rows at all
          mean[column + j] = static_cast<Real>(n > 0 ? a[j] : v);
          variance[column + j] = static_cast<Real>(v);
          rstd[column + j] = static_cast<Real>(1 / std::sqrt(v + epsilon));
        }
      });
  struct Column {
    V mean, scale, beta;
  };
  each_row_by_column(
      context, n, c, 0.15,
      [=](auto lanes) {
        return Column{lanes.get(mean), lanes.get(rstd) * get_or(lanes, gamma, set1(1)),
                      get_or(lanes, beta, zero())};
      },
      [=](auto lanes, const Column& column, int64_t row) {
        lanes.put(y + row * c, fma(lanes.get(x + row * c) - column.mean, column.scale, column.beta));
      });
}

void batch_norm_backward(const Call& call, Context& context) {
  const int64_t n = call.operands[0].shape[0], c = call.operands[0].shape[1];
  const Real *x = input(call, 0), *dy = input(call, 1), *gamma = input(call, 2), *mean = input(call, 3),
             *rstd = input(call, 4);
  Real *dx = output(call, 5), *dgamma = output(call, 6), *dbeta = output(call, 7);
  if (c == 0) return;
  column_pairs(
      column_grid(n, c), context,
      [=](int64_t row, int64_t rows, int64_t column, int64_t columns, double* a, double* b) {
        const int64_t at = row * c + column;
        const auto centred = [=](auto lanes, int64_t, V v) { return v - lanes.get(mean + column); };
        gradient_sums(x + at, dy + at, rows, c, columns, centred, a, b);
      },
      join_sums,
      [=](int64_t column, int64_t columns, const double* a, const double* b) {
        for (int64_t j = 0; j < columns; j++) {
          dbeta[column + j] = static_cast<Real>(a[j]);
          dgamma[column + j] = static_cast<Real>(b[j] * static_cast<double>(rstd[column + j]));
        }
      });
  const V part = set1(static_cast<Real>(1 / static_cast<double>(larger(n, 1))));
  struct Column {
    V mean, level, slope, scale;
  };
  each_row_by_column(
      context, n, c, 0.2,
      [=](auto lanes) {
        const V r = lanes.get(rstd);
        return Column{lanes.get(mean), lanes.get(dbeta) * part, lanes.get(dgamma) * r * part,
                      get_or(lanes, gamma, set1(1)) * r};
      },
      [=](auto lanes, const Column& column, int64_t row) {
        const V centred = lanes.get(dy + row * c) - column.level;
        const V along = (lanes.get(x + row * c) - column.mean) * column.slope;
        lanes.put(dx + row * c, column.scale * (centred - along));
      });
}

// ---------------------------------------------------------------- layer and RMS

/** 1 / sqrt(sum / c + epsilon) */
inline Real rstd_of(double sum, int64_t c, double epsilon) {
  return static_cast<Real>(1 / std::sqrt(sum / static_cast<double>(c) + epsilon));
}

void layer_norm_forward(const Call& call, Context& context) {
  const int64_t r = call.operands[0].shape[0], c = call.operands[0].shape[1];
  const Real *x = input(call, 0), *gamma = input(call, 1), *beta = input(call, 2);
  Real *y = output(call, 3), *mean = output(call, 4), *rstd = output(call, 5);
  const double epsilon = call.parameters[0];
  parallel_rows(context, r, c, 0.2, [=](int64_t row) {
    const Real* xr = x + row * c;
    Real* yr = y + row * c;
    mean[row] = static_cast<Real>(fold_row<FoldSum>(xr, c) / static_cast<double>(c));
    const V m = set1(mean[row]);
    const double squares = fold_terms<FoldSquares>(c, [=](auto lanes) { return lanes.get(xr) - m; });
    rstd[row] = rstd_of(squares, c, epsilon);
    const V s = set1(rstd[row]), one = set1(1), none = zero();
    each_vector(0, c, [=](auto lanes) {
      lanes.put(yr, fma((lanes.get(xr) - m) * s, get_or(lanes, gamma, one), get_or(lanes, beta, none)));
    });
  });
}

void rms_norm_forward(const Call& call, Context& context) {
  const int64_t r = call.operands[0].shape[0], c = call.operands[0].shape[1];
  const Real *x = input(call, 0), *gamma = input(call, 1);
  Real *y = output(call, 2), *rstd = output(call, 3);
  const double epsilon = call.parameters[0];
  parallel_rows(context, r, c, 0.2, [=](int64_t row) {
    const Real* xr = x + row * c;
    Real* yr = y + row * c;
    rstd[row] = rstd_of(fold_row<FoldSquares>(xr, c), c, epsilon);
    const V s = set1(rstd[row]), one = set1(1);
    each_vector(0, c, [=](auto lanes) { lanes.put(yr, lanes.get(xr) * s * get_or(lanes, gamma, one)); });
  });
}

/** Layer norm and, with mean == nullptr and dbeta == nullptr, RMS norm. */
struct RowNormGradient {
  int64_t r, c;
  const Real *x, *dy, *gamma, *mean, *rstd;
  Real *dx, *dgamma, *dbeta;

  V centre(int64_t row) const { return mean ? set1(mean[row]) : zero(); }
};

/** dx of one row. */
inline void row_norm_dx(const RowNormGradient& norm, int64_t row) {
  const int64_t c = norm.c;
  const Real *x = norm.x + row * c, *dy = norm.dy + row * c, *gamma = norm.gamma;
  Real* dx = norm.dx + row * c;
  const V m = norm.centre(row), s = set1(norm.rstd[row]), one = set1(1);
  const auto g = [=](auto lanes) { return lanes.get(dy) * get_or(lanes, gamma, one); };
  const auto xhat = [=](auto lanes) { return (lanes.get(x) - m) * s; };
  const double share = 1 / static_cast<double>(c);
  const V along = set1(
      static_cast<Real>(share * fold_terms<FoldSum>(c, [=](auto lanes) { return g(lanes) * xhat(lanes); })));
  const V level = norm.mean ? set1(static_cast<Real>(share * fold_terms<FoldSum>(c, g))) : zero();
  each_vector(0, c, [=](auto lanes) { lanes.put(dx, s * fnma(xhat(lanes), along, g(lanes) - level)); });
}

inline void row_norm_backward(const RowNormGradient& norm, Context& context) {
  const int64_t c = norm.c;
  if (c == 0) return;
  // first the sums over rows: dx may replace dy
  column_pairs(
      column_grid(norm.r, c), context,
      [&](int64_t row, int64_t rows, int64_t column, int64_t columns, double* a, double* b) {
        const int64_t at = row * c + column;
        const auto xhat = [&](auto, int64_t k, V v) {
          return (v - norm.centre(row + k)) * set1(norm.rstd[row + k]);
        };
        gradient_sums(norm.x + at, norm.dy + at, rows, c, columns, xhat, a, b);
      },
      join_sums,
      [&](int64_t column, int64_t columns, const double* a, const double* b) {
        for (int64_t j = 0; j < columns; j++) {
          if (norm.dbeta) norm.dbeta[column + j] = static_cast<Real>(a[j]);
          norm.dgamma[column + j] = static_cast<Real>(b[j]);
        }
      });
  parallel_rows(context, norm.r, c, 0.3, [&](int64_t row) { row_norm_dx(norm, row); });
}

void layer_norm_backward(const Call& call, Context& context) {
  row_norm_backward(
      {call.operands[0].shape[0], call.operands[0].shape[1], input(call, 0), input(call, 1), input(call, 2),
       input(call, 3), input(call, 4), output(call, 5), output(call, 6), output(call, 7)},
      context);
}

void rms_norm_backward(const Call& call, Context& context) {
  row_norm_backward({call.operands[0].shape[0], call.operands[0].shape[1], input(call, 0), input(call, 1),
                     input(call, 2), nullptr, input(call, 3), output(call, 4), output(call, 5), nullptr},
                    context);
}

}  // namespace
