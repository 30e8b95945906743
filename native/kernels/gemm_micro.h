// The innermost loops of gemm: one tile of c in registers, over all of k.
namespace {

// A tile is up to kGemmVectors vectors wide and gemm_rows(vectors) rows high: its accumulators, one
// row of y and what is broadcast of x fill the register file without spilling. 32 registers of 16
// lanes: 6 x 4 + 4 + 1, 8 x 3 + 3 + 1 or 5 x 5 + 5 + 1; 16 registers of 8: 6 x 2 + 2 + 1; 32 of 4, where all
// rows of x are held at once: 5 x 4 + 4 + 5 or 6 x 3 + 3 + 6.
constexpr int kGemmVectors = kWidth == 8 ? 2 : kWidth == 1 ? 8 : 4;
constexpr int kGemmMaxRows = kWidth == 1 ? 4 : 8;
constexpr int kGemmColumns = kGemmVectors * kWidth;
constexpr int gemm_rows(int vectors) {
  if (kWidth == 1) return vectors > 4 ? 2 : 4;
  if (kWidth == 4) return vectors == 4 ? 5 : vectors == 3 ? 6 : 8;
  if (vectors > kGemmVectors) return 5;
  return vectors == kGemmVectors ? 6 : 8;
}

/** Whether 16 registers leave room for panels of two vectors of 8 only, a cache line wide. They come round
 * four times as often as wide ones, and meet y's memory line by line: so x is copied and y packed more
 * readily. */
constexpr bool kGemmNarrow = kWidth == 8;

/** Rows of a sliver of x: what the highest tile of a whole panel reads at a step of k. */
constexpr int kGemmSliver = gemm_rows(kGemmVectors);

/** Whether load_n costs no more than load, so that the last columns of y can be read in place. */
constexpr bool kGemmLoadsPartial = kWidth >= 8;

/** Reals in a cache line. */
constexpr int kGemmLine = 64 / sizeof(Real);

/** Steps of k by which y is fetched ahead while it is packed: some 150 cycles of arithmetic. Where a panel is
 *  narrow those are more rows than L1 has places for, if they lie pages apart: into L2 first, then into L1.
 */
constexpr int kGemmPackAhead = kGemmVectors == 4 ? 7 : 24;
constexpr int kGemmPackNear = kGemmVectors == 4 ? 0 : 3;
constexpr int64_t kGemmFarRows = 512 / sizeof(Real);  // rows that lie so far apart

/** Steps of k between two turns of fetching, 200 to 400 cycles, and the runs of a panel's width that are
 * fetched in each. All at once they would fill the machine's list of lines on their way, and the arithmetic
 * would wait for its own. */
constexpr int64_t kGemmTurn = kGemmVectors == 4 ? 16 : 32;
constexpr int kGemmTurnRuns = kGemmVectors == 4 ? 2 : 3;
constexpr int kGemmMostRuns = kGemmVectors == 4 ? 4 : 6;     // where there is much to fetch in few turns
constexpr int kGemmInTimeRuns = kGemmVectors == 4 ? 4 : 12;  // where the next panel would not be here in time
// Steps of k. Up to kGemmShort, where there are kGemmBehind, what comes next is fetched from the first turn
// on (a narrow panel's all in one: those are few lines), and all of c before it from kGemmShortest on, where
// it is not stored behind the last steps: else stores are as soon.
constexpr int64_t kGemmShort = 3 * kGemmTurn, kGemmShortest = kGemmNarrow ? 48 : 32, kGemmBehind = 32;

/** Memory to be brought nearer while something else is computed: `rows` rows of `pieces` runs of kGemmColumns
 * each. Runs that are evenly apart make one row, which is quickest. (Without values of its own: setting all
 * of a GemmSoon to them takes small products half a percent.)
 */
struct GemmFetch {
  const Real* row;
  int64_t row_step, rows, pieces, piece_step, piece;

  /** Whether anything was left to fetch. */
  bool turn(int64_t runs) {
    if (rows <= 0) return false;
    do {
      const int64_t now = smaller(runs, pieces - piece), step = piece_step;
      const Real* at = row + piece * step;
      for (int64_t i = 0; i < now; i++, at += step) {
#pragma GCC unroll 8
        for (int j = 0; j < kGemmColumns; j += kGemmLine) prefetch_far(at + j);
      }
      runs -= now;
      piece += now;
      if (piece < pieces) continue;
      piece = 0;
      row += row_step;
      rows--;
    } while (runs > 0 && rows > 0);
    return true;
  }
};

/** What the instructions behind this one will need: one after the other. */
struct GemmSoon {
  GemmFetch of[kMostSoon];
  int count, next;

  void turn() {
    while (next < count && !of[next].turn(kGemmMostRuns)) next++;
  }
};

/** A row of a panel, eight bytes at a time (volatile: or compilers make vectors of them). */
[[gnu::always_inline]] inline void gemm_copy_as_integers(const Real* from, Real* to) {
#if defined(__GNUC__)
  typedef uint64_t Eight __attribute__((may_alias, aligned(sizeof(Real))));
  constexpr int count = kGemmColumns * sizeof(Real) / sizeof(Eight);
#pragma GCC unroll 8
  for (int i = 0; i < count; i++)
    reinterpret_cast<volatile Eight*>(to)[i] = reinterpret_cast<const volatile Eight*>(from)[i];
#else
  std::memcpy(to, from, kGemmColumns * sizeof(Real));
#endif
}

/** Rows by which a panel is fetched before it is copied. One is copied behind every four steps (see
 * gemm_by_four), so that these take as long as L2 and most of the last cache do. Where rows lie far apart,
 * more of them fall on sets of L1 that have no room. */
constexpr int64_t kGemmCopyAhead = 2;

/** How the next panel of y is copied while one is worked on. A vector that is stored takes two thirds of a
 * cycle from the multiply-adds of a Zen 3; integers take nothing, four times as many as they are, while
 * there are no more than three loads and stores a cycle. */
enum class GemmCopies { none, as_vectors, as_integers };

/** The next panel of y copied a few rows at a time, between steps of this one (see gemm_by_four: all of a
 * turn's one after the other keep a machine from multiplying): rows of kGemmColumns, `row_step` apart, of
 * which `left` are left. */
struct GemmCopying {
  const Real* in;
  int64_t row_step;
  Real *to = nullptr, *out;   // the panel, and its next row
  int64_t left = 0, at_once;  // rows a turn
  bool as_integers;

  void begin(const Real* y, int64_t y_step, int64_t k, Real* panel, GemmCopies how) {
    in = y, row_step = y_step, left = k;
    to = out = panel;
    as_integers = how == GemmCopies::as_integers;
  }
  void copy_row() {
    if (as_integers) {
      gemm_copy_as_integers(in, out);
    } else {
#pragma GCC unroll 8
      for (int j = 0; j < kGemmColumns; j += kWidth) store(out + j, load(in + j));
    }
    const Real* const ahead = in + kGemmCopyAhead * row_step;
    prefetch(ahead);
    prefetch(ahead + kGemmColumns - 1);
    in += row_step, out += kGemmColumns;
    left--;
  }
  void finish() {
    while (left > 0) copy_row();
  }
};

/** What later panels will need: the next one turned, if it has to be, or copied, and what is to be brought
 * nearer. Or what later tiles of the first panel will: x turned. */
struct GemmNext {
  GemmTurning turning;
  GemmCopying copying;
  GemmFetch fetch;
};

/** What a micro-kernel computes: c = alpha * x.y + bias + beta * c over some tiles of the same height, one
 * after the other, of which x, c and row_bias are the first. (A call for each takes a tenth and more of the
 * time where there are few steps of k.) */
struct GemmTile {
  int64_t tiles;
  int64_t x_tile, c_tile, bias_tile;  // from one to the next
  const Real* x;                      // (rows, k)
  int64_t x_row, x_step;
  bool slivers = false;  // x is a copy in slivers
  const Real* y;         // (k, columns), columns contiguous
  int64_t y_step;
  int64_t k;
  Real* c;  // (rows, columns), columns contiguous
  int64_t c_row;
  Real alpha, beta;                // beta 0: c is not read
  const Real* bias = nullptr;      // (columns) or nullptr
  const Real* row_bias = nullptr;  // (rows), in place of bias where c is computed transposed, or nullptr
  int64_t ahead;           // from x of a tile to what is fetched meanwhile, ahead_step further at every step
  const Real* last_ahead;  // and for the last tile
  int64_t ahead_step = 0;
  GemmNext* next = nullptr;  // what later panels will need, or nullptr
  int fetch_runs = 0;        // a turn
  GemmSoon* soon = nullptr;  // and then
  int64_t tail;              // columns in the last vector of a partial tile
  bool relu = false;         // of the results, in registers: see gemm_is_relu
  bool c_far = false;        // c goes to memory
  Real* keep = nullptr;      // (k, vectors * kWidth): receives y, if the micro-kernel is one that packs
};

/** How much of a tile's last vector is columns: all, some, or half and less where that saves time. */
enum class GemmTail { whole, part, half };

inline GemmTail gemm_tail(int64_t tail) {
  if (tail == kWidth) return GemmTail::whole;
  return kHalfIsCheaper && tail <= kWidth / 2 ? GemmTail::half : GemmTail::part;
}
/** What a tail of half a vector is compiled as: no third variant where it would gain nothing. */
constexpr GemmTail kGemmShortTail = kHalfIsCheaper ? GemmTail::half : GemmTail::part;

/** A panel of five vectors, the last of them half a one, instead of three and two: two vectors a row keep the
 * arithmetic waiting for what is broadcast of x, once half of them are done in half the time. */
constexpr int kGemmWidest = kHalfIsCheaper ? kGemmVectors + 1 : kGemmVectors;

/** How many panels so many columns make. */
inline int64_t gemm_panels(int64_t columns) {
  const int64_t vectors = parts_of(columns, kWidth), tail = columns - (vectors - 1) * kWidth;
  if (vectors == kGemmWidest && gemm_tail(tail) == GemmTail::half) return 1;
  return parts_of(columns, kGemmColumns);
}

using GemmMicro = void (*)(const GemmTile& tile);

/** a * b + c; without the emulation of a fused operation where the machine may have none. */
inline V gemm_multiply_add(V a, V b, V c) {
  if constexpr (kWidth == 1)
    return a * b + c;
  else
    return fma(a, b, c);
}

// Inlined however large the unit is: what is not leaves its vectors in memory, which halves the speed.

template <int vectors, bool partial>
[[gnu::always_inline]] inline void gemm_load_row(const Real* p, int64_t tail, V (&row)[vectors]) {
#pragma GCC unroll 8
  for (int j = 0; j < vectors - 1; j++) row[j] = load(p + j * kWidth);
  if constexpr (partial)
    row[vectors - 1] = load_n(p + (vectors - 1) * kWidth, tail);
  else
    row[vectors - 1] = load(p + (vectors - 1) * kWidth);
}

template <int vectors, bool partial>
[[gnu::always_inline]] inline void gemm_store_row(Real* p, int64_t tail, const V (&row)[vectors]) {
#pragma GCC unroll 8
  for (int j = 0; j < vectors - 1; j++) store(p + j * kWidth, row[j]);
  if constexpr (partial)
    store_n(p + (vectors - 1) * kWidth, row[vectors - 1], tail);
  else
    store(p + (vectors - 1) * kWidth, row[vectors - 1]);
}

/** Whether sums are c as they are, as a weight's gradient is. */
inline bool gemm_is_plain(const GemmTile& t) {
  return t.alpha == Real{1} && t.beta == Real{0} && !t.bias && !t.row_bias && !t.relu;
}

/** What becomes of a tile's sums on their way to c. */
template <int rows, int vectors, bool partial>
[[gnu::always_inline]] inline void gemm_end_tile(const GemmTile& t, const Real* c, const Real* row_bias,
                                                 V (&sum)[rows][vectors]) {
  const V alpha = set1(t.alpha), beta = set1(t.beta);
  const int64_t c_row = t.c_row, tail = t.tail;
  if (row_bias) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const V one = set1(row_bias[i]);
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) sum[i][j] = fma(alpha, sum[i][j], one);
    }
  } else if (t.bias || t.alpha != Real{1}) {
    V bias[vectors];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) bias[j] = zero();
    if (t.bias) gemm_load_row<vectors, partial>(t.bias, tail, bias);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) sum[i][j] = fma(alpha, sum[i][j], bias[j]);
  }
  if (t.beta != Real{0}) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      V old[vectors];
      gemm_load_row<vectors, partial>(c + i * c_row, tail, old);
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) sum[i][j] = fma(beta, old[j], sum[i][j]);
    }
  }
  if (t.relu) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) sum[i][j] = relu(sum[i][j]);
  }
}

/** What the micro-kernel multiplies: elements of x and y as they are. */
struct GemmPlain {
  static V multiply_add(V a, V b, V c) { return gemm_multiply_add(a, b, c); }
  static V multiply_add_half(V a, V b, V c) { return fma_half(a, b, c); }
};

/** What a micro-kernel does behind its arithmetic, where doing it beforehand would wait for memory: copy y to
 * tile.keep, or some rows of the next panel in every turn. (By micro-kernels of their own: in all of them it
 * takes products with few steps of k 2 to 5 %.) */
enum class GemmAside { nothing, pack, copy_next };

/** How many steps of k a micro-kernel goes at a time. few: four, and all of them are one turn. (one finds out
 * for every tile whether they are.) stored: the last four row by row, whose sums are c as they are. */
enum class GemmPace { one, four, four_stored, few, few_stored };

/** How rows of x lie, where steps go four at a time: along k, along k but near enough not to be fetched
 * ahead, or side by side. */
enum class GemmLies { along, near, across };

#if defined(NABLA_OUTER_STEPS)  // simd/avx2_outer.h
/** k steps, four at a time. copies: a row behind each four, until those of a turn are copied. fetches: x is.
 */
template <bool copies, bool fetches, class Places, int rows>
[[gnu::always_inline]] inline void gemm_by_four(Places& at, const Real*& ahead, int64_t ahead_step, int64_t k,
                                                V (&sum)[rows][2], [[maybe_unused]] GemmNext* next) {
  int64_t rows_left = copies ? smaller(next->copying.at_once, next->copying.left) : 0;
  const auto steps = static_cast<uint64_t>(k);
  for (uint64_t n = steps / 4; n > 0; n--) {
    if constexpr (fetches) {
      prefetch(ahead);
      prefetch(ahead + 2 * ahead_step);
      ahead += 4 * ahead_step;
      forget(ahead);
    }
    outer_four(at, sum);
    at.move(4);
    if (copies && rows_left > 0) {
      next->copying.copy_row();
      rows_left--;
    }
  }
  if (steps & 2) {
    outer_two(at, sum);
    at.move(2);
  }
  if (steps & 1) {
    outer_step(at, sum);
    at.move(1);
  }
}
#endif

/** Factors: GemmPlain, or pairs of bfloat16 (gemm_bf16.h), of which tile.k then counts the pairs.
 *  tail_kind: of tile.tail. lies: matters to four at a time. */
template <class Factors, int rows, int vectors, GemmTail tail_kind, GemmAside aside,
          GemmPace pace = GemmPace::one, GemmLies lies = GemmLies::along>
void gemm_micro(const GemmTile& tile) {
  constexpr bool pack = aside == GemmAside::pack;
  constexpr bool partial = tail_kind != GemmTail::whole;
  constexpr bool partial_load = partial && kGemmLoadsPartial;
  // A panel before another one has whole vectors, and one that has been turned is not packed.
  constexpr bool turns = kGemmTurnsAhead && vectors >= 3 && !partial && !pack;
  const int64_t x_row = tile.x_row, x_step = tile.x_step, y_step = tile.y_step;
  const int64_t ahead_step = tile.ahead_step, tail = tile.tail;
  [[maybe_unused]] Real* keep = tile.keep;
  [[maybe_unused]] const int64_t near =
      kGemmPackNear > 0 && y_step >= kGemmFarRows ? kGemmPackNear : kGemmPackAhead;
  const Real* tile_x = tile.x;
  Real* tile_c = tile.c;
  const Real* row_bias = tile.row_bias;
  const bool plain = gemm_is_plain(tile);  // with few steps of k, asking once counts

  for (int64_t tiles = tile.tiles;;) {
    const Real* y = tile.y;
    const Real* ahead = tiles > 1 ? tile_x + tile.ahead : tile.last_ahead;
    // Row i of x is x[i / 3] plus 0, 1 or 2 rows, which an address can express without arithmetic.
    constexpr int bases = (rows + 2) / 3;
    const Real* x[bases];
#pragma GCC unroll 8
    for (int i = 0; i < bases; i++) x[i] = tile_x + 3 * i * x_row;

    V sum[rows][vectors];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) sum[i][j] = zero();

#if defined(NABLA_OUTER_STEPS)
    using Places = std::conditional_t<lies == GemmLies::across, OuterAcross, OuterAlong>;
    [[maybe_unused]] Places places(y, y_step, tile_x, x_row, x_step);
#endif
    const Real* c = tile_c;
    constexpr bool stored = pace == GemmPace::four_stored || pace == GemmPace::few_stored;
    const bool few = pace == GemmPace::few || pace == GemmPace::few_stored ||
                     (pace == GemmPace::one && tile.k <= kGemmShort);
    const bool at_once = few && kGemmNarrow;
    const int64_t steps = at_once ? tile.k : kGemmTurn;
    int64_t turn = 0;
    if (few && (at_once || tile.k >= kGemmBehind)) {
      turn = rows;
      if (tile.k >= kGemmShortest && !stored) {
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
          for (int j = 0; j < vectors * kWidth; j += kGemmLine) prefetch(c + i * tile.c_row + j);
      }
    }
    for (int64_t left = tile.k - (stored ? 4 : 0); left > 0; left -= steps, turn++) {
      if (turn * kGemmTurnRuns < rows) {
#pragma GCC unroll 8
        for (int i = 0; i < kGemmTurnRuns; i++, c += tile.c_row)
#pragma GCC unroll 8
          for (int j = 0; j < vectors * kWidth; j += kGemmLine) prefetch(c + j);
      } else if (tile.next && (!at_once || tile.k >= kGemmBehind)) {
        const bool turned = (turns && tile.next->turning.turn()) ||
                            (aside == GemmAside::copy_next && tile.next->copying.left > 0);
        if (!tile.next->fetch.turn(tile.fetch_runs) && !turned && tile.soon) tile.soon->turn();
      }
#if defined(NABLA_OUTER_STEPS)
      if constexpr (pace != GemmPace::one) {
        gemm_by_four<aside == GemmAside::copy_next, lies != GemmLies::near>(
            places, ahead, ahead_step, smaller(left, steps), sum, tile.next);
        continue;
      }
#endif
      for (int64_t k = smaller(left, steps); k > 0; k--) {
        V row[vectors];
        gemm_load_row<vectors, partial_load>(y, tail, row);
        y += y_step;
        if constexpr (pack) {
          gemm_store_row<vectors, false>(keep, 0, row);
          keep += vectors * kWidth;
#pragma GCC unroll 8
          for (int j = 0; j < vectors * kWidth; j += kGemmLine) {
            if constexpr (kGemmPackNear > 0) prefetch_far(y + kGemmPackAhead * y_step + j);
            prefetch(y + near * y_step + j);
          }
        }
        prefetch(ahead);
        ahead += ahead_step;
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
          const V a = set1(x[i / 3][(i % 3) * x_row]);
#pragma GCC unroll 8
          for (int j = 0; j < vectors; j++)
            sum[i][j] = tail_kind == GemmTail::half && j == vectors - 1
                            ? Factors::multiply_add_half(a, row[j], sum[i][j])
                            : Factors::multiply_add(a, row[j], sum[i][j]);
        }
#pragma GCC unroll 8
        for (int i = 0; i < bases; i++) x[i] += x_step;
      }
    }
#if defined(NABLA_OUTER_STEPS)
    if constexpr (stored) outer_last(places, sum, tile_c, tile.c_row);
#endif
    if constexpr (!stored) {
      const int64_t c_row = tile.c_row;  // read behind the other, gcc moves sums to other registers and back
      if (!plain) gemm_end_tile<rows, vectors, partial>(tile, tile_c, row_bias, sum);
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++) gemm_store_row<vectors, partial>(tile_c + i * c_row, tail, sum[i]);
    }
    if (--tiles <= 0) return;
    tile_x += tile.x_tile;
    tile_c += tile.c_tile;
    if (row_bias) row_bias += tile.bias_tile;
  }
}

}  // namespace
