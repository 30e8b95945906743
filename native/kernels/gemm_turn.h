// Matrices turned round in memory: squares of them in registers, whole ones, and a panel of y or a block of x
// piece by piece while something else is computed.
namespace {

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

/** Four elements at a and four at b. */
template <int... lane>
inline GemmLanes gemm_join(const Real* a, const Real* b, GemmLaneList<lane...>) {
  typedef Real Four __attribute__((vector_size(sizeof(Real) * 4)));
  Four low, high;
  std::memcpy(&low, a, sizeof(Four));
  std::memcpy(&high, b, sizeof(Four));
  return __builtin_shufflevector(low, high, lane...);
}

/** Of every four lanes two of a and two of b in turn, those from `first` on. */
template <int first, int... lane>
inline GemmLanes gemm_zip(GemmLanes a, GemmLanes b, GemmLaneList<lane...>) {
  return __builtin_shufflevector(a, b, (lane / 4 * 4 + lane % 4 / 2 + first + lane % 2 * kGemmSquare)...);
}

/** And two of a before two of b. */
template <int first, int... lane>
inline GemmLanes gemm_pair(GemmLanes a, GemmLanes b, GemmLaneList<lane...>) {
  return __builtin_shufflevector(a, b, (lane / 4 * 4 + lane % 2 + first + lane % 4 / 2 * kGemmSquare)...);
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

/** Squares of 8 in halves, four columns and then the others: loading exchanges the quarters, and two rounds
 * within every four lanes do the rest. Two thirds of the instructions of gemm_transpose_whole and half of its
 * registers, but each line of `from` is asked for twice: for those that stay in L1 meanwhile. */
template <int square = kGemmSquare>
inline void gemm_transpose_halves(const Real* from, int64_t from_row, Real* to, int64_t to_row) {
#if defined(__GNUC__)
  if constexpr (square == 8) {
    using Lanes = typename GemmLaneRange<square>::List;
#pragma GCC unroll 2
    for (int j = 0; j < square; j += 4, from += 4, to += 4 * to_row) {
      GemmLanes rows[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++)
        rows[i] = gemm_join(from + i * from_row, from + (i + 4) * from_row, Lanes{});
      const auto pair = [=](int at, GemmLanes a, GemmLanes b) {
        const GemmLanes first = gemm_pair<0>(a, b, Lanes{}), second = gemm_pair<2>(a, b, Lanes{});
        std::memcpy(to + at * to_row, &first, sizeof(first));
        std::memcpy(to + (at + 1) * to_row, &second, sizeof(second));
      };
      // All rows gone before the first pair: six registers are enough, beside sums of a micro-kernel.
      const GemmLanes a = gemm_zip<0>(rows[0], rows[1], Lanes{}), c = gemm_zip<2>(rows[0], rows[1], Lanes{});
      const GemmLanes b = gemm_zip<0>(rows[2], rows[3], Lanes{}), d = gemm_zip<2>(rows[2], rows[3], Lanes{});
      pair(0, a, b);
      pair(2, c, d);
    }
    return;
  }
#endif
  gemm_transpose_whole(from, from_row, to, to_row);
}

/** Distance of rows, a multiple of which makes 16 of them share so few sets of L1 that lines written in turn
 * do not stay there until they are whole. */
constexpr int64_t kGemmCrowdedTurn = 1024 / sizeof(Real);

/** to[j][i] = from[i][j], (rows, columns) to (columns, rows), in blocks of kBlock a side: cache lines of both
 *  sides are finished one after the other. Block follows block along `from`, or along `to` where its rows
 *  crowd. So many rows at once are more than the machine's own prefetching follows: what comes kAhead blocks
 *  later is fetched here. (A call takes small ones a tenth of their time.) */
[[gnu::always_inline]] inline void gemm_transpose(const Real* from, int64_t from_row, int64_t rows,
                                                  int64_t columns, Real* to, int64_t to_row) {
  constexpr int64_t kBlock = 16, kAhead = 4 * kBlock;
  if (rows < kGemmSquare || columns < kGemmSquare) {
    for (int64_t j = 0; j < columns; j++)
      for (int64_t i = 0; i < rows; i++) to[j * to_row + i] = from[i * from_row + j];
    return;
  }
  // What is left over is in squares that overlap the last whole ones.
  const int64_t last_row = rows - kGemmSquare, last_column = columns - kGemmSquare;
  const bool along_to = to_row % kGemmCrowdedTurn == 0;
  const int64_t across = along_to ? columns : rows, along = along_to ? rows : columns;
  for (int64_t a = 0; a < across; a += kBlock)
    for (int64_t b = 0; b < along; b += kBlock) {
      const bool same_band = b + kAhead < along;
      const int64_t a_ahead = same_band ? a : a + kBlock, b_ahead = same_band ? b + kAhead : b % kAhead;
      const int64_t i = along_to ? b : a, j = along_to ? a : b;
      const int64_t i_ahead = along_to ? b_ahead : a_ahead, j_ahead = along_to ? a_ahead : b_ahead;
      for (int64_t r = i_ahead; r < smaller(i_ahead + kBlock, rows); r++)
        prefetch_far(from + r * from_row + j_ahead);
      // Halves of the same lines follow each other: of `to` where its rows crowd.
      const int64_t i_end = smaller(i + kBlock, rows), j_end = smaller(j + kBlock, columns);
      const auto square = [=](int64_t r, int64_t q) {
        const int64_t row = smaller(r, last_row), column = smaller(q, last_column);
        gemm_transpose_whole(from + row * from_row + column, from_row, to + column * to_row + row, to_row);
      };
      if (along_to) {
        for (int64_t q = j; q < j_end; q += kGemmSquare)
          for (int64_t r = i; r < i_end; r += kGemmSquare) square(r, q);
      } else {
        for (int64_t r = i; r < i_end; r += kGemmSquare)
          for (int64_t q = j; q < j_end; q += kGemmSquare) square(r, q);
      }
    }
}

/** The same for few rows, which are in L1: by halves of squares, and lines of `to` one after the other. */
[[gnu::noinline]] inline void gemm_turn_sums(const Real* from, int64_t from_row, int64_t rows,
                                             int64_t columns, Real* to, int64_t to_row) {
  constexpr int kLine = 2 * kGemmSquare;
  if (rows < kGemmSquare || columns < kGemmSquare)
    return gemm_transpose(from, from_row, rows, columns, to, to_row);
  int64_t i = 0;
  if (columns == kLine)
    for (; i + kLine <= rows; i += kLine)
      for (int q = 0; q < kLine; q += kGemmSquare)
        for (int r = 0; r < kLine; r += kGemmSquare)
          gemm_transpose_halves(from + (i + r) * from_row + q, from_row, to + q * to_row + i + r, to_row);
  for (; i < rows; i += kGemmSquare)
    for (int64_t j = 0; j < columns; j += kGemmSquare) {
      const int64_t r = smaller(i, rows - kGemmSquare), q = smaller(j, columns - kGemmSquare);
      gemm_transpose_halves(from + r * from_row + q, from_row, to + q * to_row + r, to_row);
    }
}

// ---------------------------------------------------------------- while something else is computed

/** Whether something can be turned while a panel of y is worked on: beside the sums of a micro-kernel
 * there have to be registers for half a square. */
constexpr bool kGemmTurnsAhead = kWidth == 16;

/** A panel of y that is turned square by square: (columns, k) at `from` to (k, columns), both at least
 *  kGemmSquare. Lines of `from` are finished one after the other; nothing is fetched here, the panel before
 * it has fetched them. (Or a block of x, its steps as columns and its rows as k, of which nothing is fetched:
 * that made no difference.) */
struct GemmTurning {
  static constexpr int64_t kRun = 2 * kGemmSquare;

  const Real* from = nullptr;
  int64_t from_row = 0, columns = 0, k = 0;
  Real* to = nullptr;
  int64_t to_row = 0;
  int64_t at_once = 0;        // squares a turn
  int64_t run = 0, next = 0;  // run of k, and square of it: two for every kGemmSquare columns

  // Field by field: copies of a struct that has just been written in parts take small products some percent.
  void begin(const Real* y, int64_t y_column, int64_t y_columns, int64_t steps, Real* panel,
             int64_t panel_row) {
    from = y, from_row = y_column, columns = y_columns, k = steps;
    to = panel, to_row = panel_row;
    run = next = 0;
  }
  void clear() {
    to = nullptr;
    columns = k = 0;
  }

  int64_t squares_of_run() const { return 2 * parts_of(columns, kGemmSquare); }
  int64_t squares() const { return parts_of(k, kRun) * squares_of_run(); }

  void square() {
    // What is left over is in squares that overlap the last whole ones.
    const int64_t i = smaller(next / 2 * kGemmSquare, columns - kGemmSquare);
    const int64_t j = smaller(run + next % 2 * kGemmSquare, k - kGemmSquare);
    const Real* const row = from + i * from_row;
    gemm_transpose_halves(row + j, from_row, to + j * to_row + i, to_row);
    if (++next < squares_of_run()) return;
    next = 0;
    run += kRun;
  }

  /** Whether any were left. */
  bool turn() {
    if (run >= k) return false;
    for (int64_t n = at_once; n > 0 && run < k; n--) square();
    return true;
  }

  void finish() {
    while (run < k) square();
  }

  /** So that at least the first of k are done, or all. */
  [[gnu::noinline]] void finish(int64_t first) {
    while (run < smaller(first, k)) square();
  }
};

}  // namespace
