// reduce [o, r, i] -> [o, i] and arg_reduce: folds along r.
//
// Sums: short runs are added in float32 (at most kFoldRun additions a partial sum), the partial
// sums in float64. The relative error of a sum of equal signs is below about 70 * 2^-24, typically
// 1e-7, however long r is. The order depends on the shape alone.
namespace {

constexpr int64_t kFoldRun = 64;  // additions in float32 before the sum moves on to float64

// What a fold is: the neutral element, one more vector of x, two partial results into one (of
// vectors, of float64), and the lanes of a vector into one number.
struct FoldSum {
  static constexpr double kNeutral = 0;
  static V more(V sum, V x) { return sum + x; }
  static V join(V a, V b) { return a + b; }
  static double join(double a, double b) { return a + b; }
  static double across(V a) { return reduce_add(a); }
};
struct FoldSquares : FoldSum {
  static V more(V sum, V x) { return fma(x, x, sum); }
};
struct FoldMax {
  static constexpr double kNeutral = -INFINITY;
  static V more(V a, V x) { return max(a, x); }
  static V join(V a, V b) { return max(a, b); }
  static double join(double a, double b) { return a > b || a != a ? a : b; }
  static double across(V a) { return reduce_max(a); }
};
struct FoldMin {
  static constexpr double kNeutral = INFINITY;
  static V more(V a, V x) { return min(a, x); }
  static V join(V a, V b) { return min(a, b); }
  static double join(double a, double b) { return a < b || a != a ? a : b; }
  static double across(V a) { return reduce_min(a); }
};
struct FoldProduct {
  static constexpr double kNeutral = 1;
  static V more(V a, V x) { return a * x; }
  static V join(V a, V b) { return a * b; }
  static double join(double a, double b) { return a * b; }
  static double across(V a) {
    Real lanes[kWidth];
    store(lanes, a);
    double product = 1;
    for (Real x : lanes) product *= static_cast<double>(x);
    return product;
  }
};

/** Folds term(lanes) over the vectors of [0, n): four chains, so that latency does not count, in
 *  runs of at most 4 * kFoldRun vectors. What `term` gives in the lanes behind the end is ignored.
 *  The terms are added as they are: FoldSquares is not for here unless it is to square them. */
template <class Fold, class Term>
inline double fold_terms(int64_t n, const Term& term) {
  const V neutral = set1(static_cast<Real>(Fold::kNeutral));
  double total = Fold::kNeutral;
  int64_t i = 0;
  while (i < n) {
    V a = neutral, b = neutral, c = neutral, d = neutral;
    const int64_t end = smaller(n, i + 4 * kFoldRun * kWidth);
    for (; i + 4 * kWidth <= end; i += 4 * kWidth) {
      a = Fold::more(a, term(AllLanes{i}));
      b = Fold::more(b, term(AllLanes{i + kWidth}));
      c = Fold::more(c, term(AllLanes{i + 2 * kWidth}));
      d = Fold::more(d, term(AllLanes{i + 3 * kWidth}));
    }
    for (; i + kWidth <= end; i += kWidth) a = Fold::more(a, term(AllLanes{i}));
    if (i < end) {
      const FirstLanes rest{i, end - i};
      b = Fold::more(b, rest.keep(term(rest), neutral));
      i = end;
    }
    total = Fold::join(total, Fold::across(Fold::join(Fold::join(a, b), Fold::join(c, d))));
  }
  return total;
}

template <class Fold>
inline double fold_row(const Real* x, int64_t n) {
  return fold_terms<Fold>(n, [x](auto lanes) { return lanes.get(x); });
}

constexpr int64_t kFoldColumns = 1024;  // columns folded side by side: partial results stay in L1

/** result[j] = fold of x[0..rows)[j], j < columns <= kFoldColumns; rows `stride` apart. Not inlined:
 *  in a larger function g++ keeps the row pointers in memory. */
template <class Fold>
[[gnu::noinline]] void fold_columns(const Real* x, int64_t rows, int64_t stride, int64_t columns,
                                    double* result) {
  Real partial[kFoldColumns];
  for (int64_t j = 0; j < columns; j++) result[j] = Fold::kNeutral;
  const V neutral = set1(static_cast<Real>(Fold::kNeutral));
  for (int64_t row = 0; row < rows;) {
    each_vector(0, columns, [&](auto lanes) { lanes.put(partial, neutral); });
    // four rows a pass: `partial` is read and written once for them
    const int64_t end = smaller(rows, row + 4 * kFoldRun);
    for (; row + 4 <= end; row += 4) {
      const Real *p0 = x + row * stride, *p1 = p0 + stride, *p2 = p1 + stride, *p3 = p2 + stride;
      each_vector(0, columns, [&](auto lanes) {
        const V a = Fold::more(Fold::more(neutral, lanes.get(p0)), lanes.get(p1));
        const V b = Fold::more(Fold::more(neutral, lanes.get(p2)), lanes.get(p3));
        lanes.put(partial, Fold::join(lanes.get(partial), Fold::join(a, b)));
      });
    }
    for (; row < end; row++) {
      const Real* p = x + row * stride;
      each_vector(0, columns,
                  [&](auto lanes) { lanes.put(partial, Fold::more(lanes.get(partial), lanes.get(p))); });
    }
    for (int64_t j = 0; j < columns; j++) result[j] = Fold::join(result[j], static_cast<double>(partial[j]));
  }
}

/** How [o, r, i] is cut into tasks; from the shape alone. Long r is cut into `chunks` whose results
 *  meet in context.partials [o, chunks, i]; short ones are taken `group` values of o a task. */
struct FoldGrid {
  int64_t o, r, i, group, chunks, chunk, tile, tiles;
};

inline FoldGrid fold_grid(int64_t o, int64_t r, int64_t i) {
  constexpr int64_t kTask = 32768;  // elements that are worth a task
  FoldGrid grid{o, r, i, 1, 1, r, i, 1};
  if (r * i <= kTask) {
    grid.group = larger(1, kTask / larger(1, r * i));
    grid.tile = smaller(i, kFoldColumns);
    grid.tiles = parts_of(i, larger(1, grid.tile));
    return grid;
  }
  // columns first: no partial results to join
  grid.tile = smaller(i, larger(64, smaller(kFoldColumns, parts_of(kTask, r))));
  grid.tiles = parts_of(i, grid.tile);
  const int64_t room = kPartials / (o * i);
  if (o * grid.tiles < 16 && room > 1) {
    grid.chunk = larger(parts_of(kTask, grid.tile), parts_of(r, room));
    grid.chunks = parts_of(r, grid.chunk);
  }
  return grid;
}

/** result[0..columns) of rows [row, row + rows) and columns from `column` of x[o]. */
template <class Fold>
inline void fold_slab(const Real* x, const FoldGrid& grid, int64_t o, int64_t row, int64_t rows,
                      int64_t column, int64_t columns, double* result) {
  const Real* slab = x + (o * grid.r + row) * grid.i + column;
  if (grid.i == 1)
    *result = fold_row<Fold>(slab, rows);
  else
    fold_columns<Fold>(slab, rows, grid.i, columns, result);
}

/** y = fold(x) * scale */
template <class Fold>
void reduce_by(const Real* x, Real* y, const FoldGrid& grid, double scale, Context& context) {
  const double work =
      0.1 * static_cast<double>(grid.o * grid.r * grid.i) + 10.0 * static_cast<double>(grid.o);
  if (grid.chunks > 1) {
    double* partials = context.partials;
    const int64_t per_o = grid.chunks * grid.tiles;
    parallel(context, grid.o * per_o, work, [&](int64_t task, void*) {
      const int64_t o = task / per_o, chunk = task % per_o / grid.tiles,
                    column = task % grid.tiles * grid.tile;
      const int64_t row = chunk * grid.chunk, columns = smaller(grid.tile, grid.i - column);
      double* result = partials + (o * grid.chunks + chunk) * grid.i + column;
      fold_slab<Fold>(x, grid, o, row, smaller(grid.chunk, grid.r - row), column, columns, result);
    });
    for (int64_t o = 0; o < grid.o; o++) {
      for (int64_t j = 0; j < grid.i; j++) {
        double total = Fold::kNeutral;
        for (int64_t chunk = 0; chunk < grid.chunks; chunk++)
          total = Fold::join(total, partials[(o * grid.chunks + chunk) * grid.i + j]);
        y[o * grid.i + j] = static_cast<Real>(total * scale);
      }
    }
    return;
  }
  parallel(context, parts_of(grid.o, grid.group) * grid.tiles, work, [&](int64_t task, void*) {
    double result[kFoldColumns];
    const int64_t first = task / grid.tiles * grid.group, column = task % grid.tiles * grid.tile;
    const int64_t columns = smaller(grid.tile, grid.i - column);
    for (int64_t o = first; o < smaller(grid.o, first + grid.group); o++) {
      fold_slab<Fold>(x, grid, o, 0, grid.r, column, columns, result);
      Real* to = y + o * grid.i + column;
      for (int64_t j = 0; j < columns; j++) to[j] = static_cast<Real>(result[j] * scale);
    }
  });
}

/** kind: 0 sum, 1 mean, 2 max, 3 min, 4 product, 5 sum of squares. Of nothing (r = 0): 0, NaN,
 *  -inf, +inf, 1, 0. NaN comes out of every kind. */
void reduce(const Call& call, Context& context) {
  const int64_t* shape = call.operands[0].shape;
  const int64_t o = shape[0], r = shape[1], i = shape[2];
  const Real* x = input(call, 0);
  Real* y = output(call, 1);
  if (o == 0 || i == 0) return;
  const FoldGrid grid = fold_grid(o, r, i);
  switch (integer_parameter(call, 0)) {
    case 0:
      return reduce_by<FoldSum>(x, y, grid, 1, context);
    case 1:
      return reduce_by<FoldSum>(x, y, grid, r > 0 ? 1 / static_cast<double>(r) : static_cast<double>(NAN),
                                context);
    case 2:
      return reduce_by<FoldMax>(x, y, grid, 1, context);
    case 3:
      return reduce_by<FoldMin>(x, y, grid, 1, context);
    case 4:
      return reduce_by<FoldProduct>(x, y, grid, 1, context);
    default:
      return reduce_by<FoldSquares>(x, y, grid, 1, context);
  }
}

/** Index of the first element that equals `best`, or of the first NaN when `best` is one. */
inline int64_t find_first(const Real* x, int64_t n, Real best) {
  const V wanted = set1(best);
  const bool nan = best != best;
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const V v = load(x + i);
    if (any(nan ? is_nan(v) : eq(v, wanted))) break;
  }
  while (i < n - 1 && !(nan ? x[i] != x[i] : x[i] == best)) i++;
  return i;
}

/** index[j] = where column j of x (rows x i, from `column`) has its best value: the first of
 *  equals, or the first NaN. */
template <class Fold>
inline void arg_columns(const Real* x, int64_t rows, int64_t i, int64_t columns, int32_t* index) {
  Real best[kFoldColumns];
  for (int64_t j = 0; j < columns; j++) {
    best[j] = x[j];
    index[j] = 0;
  }
  for (int64_t row = 1; row < rows; row++) {
    const Real* p = x + row * i;
    for (int64_t j = 0; j < columns; j++) {
      const bool better = Fold::kNeutral < 0 ? p[j] > best[j] : p[j] < best[j];
      const bool take = better || (p[j] != p[j] && best[j] == best[j]);
      index[j] = take ? static_cast<int32_t>(row) : index[j];
      best[j] = take ? p[j] : best[j];
    }
  }
}

template <class Fold>
void arg_reduce_by(const Real* x, int32_t* y, int64_t o, int64_t r, int64_t i, Context& context) {
  const int64_t tile = smaller(i, kFoldColumns), tiles = parts_of(i, tile);
  const int64_t group = larger(1, 32768 / (r * tile));
  const double work = 0.3 * static_cast<double>(o * r * i) + 10.0 * static_cast<double>(o);
  parallel(context, parts_of(o, group) * tiles, work, [&](int64_t task, void*) {
    const int64_t first = task / tiles * group, column = task % tiles * tile;
    for (int64_t k = first; k < smaller(o, first + group); k++) {
      const Real* slab = x + k * r * i + column;
      if (i == 1)
        y[k] = static_cast<int32_t>(find_first(slab, r, static_cast<Real>(fold_row<Fold>(slab, r))));
      else
        arg_columns<Fold>(slab, r, i, smaller(tile, i - column), y + k * i + column);
    }
  });
}

/** kind: 0 index of the maximum, 1 of the minimum; r = 0 gives 0 (callers refuse it). */
void arg_reduce(const Call& call, Context& context) {
  const int64_t* shape = call.operands[0].shape;
  const int64_t o = shape[0], r = shape[1], i = shape[2];
  int32_t* y = static_cast<int32_t*>(call.operands[1].data);
  if (o == 0 || i == 0) return;
  if (r == 0) {
    for (int64_t j = 0; j < o * i; j++) y[j] = 0;
  } else if (integer_parameter(call, 0) == 0) {
    arg_reduce_by<FoldMax>(input(call, 0), y, o, r, i, context);
  } else {
    arg_reduce_by<FoldMin>(input(call, 0), y, o, r, i, context);
  }
}

}  // namespace
