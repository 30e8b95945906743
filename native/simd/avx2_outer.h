// Steps of a product in registers: sum[i] += x[i] * y for rows i of two vectors each, in assembly.
//
// A loop in C++ takes 26 instructions a step for the 12 multiply-adds of six rows: besides 8 loads, it moves
// pointers, counts, and fetches. Alone on its core a thread hardly notices, since the multiply-adds take as
// long as 36 would. Beside another one on the same core, which takes half of what the core can begin in a
// cycle, it is a third slower; and what a cloud calls a processor is half a core. Four steps without a
// branch, which all begin at the same pointers, take 22 each; but however they are written, gcc 12 wants more
// registers for them than there are and keeps sums in memory. So the registers are given out here. (Other
// compilers do without: gemm_micro.h has the loop as well.)
#if defined(__GNUC__)
#define NABLA_OUTER_STEPS 1
namespace {

/** Keeps the compiler from working out what a pointer has become from how often a loop has moved it: gcc does
 * so behind every loop, which takes as long as some of its steps. */
template <class T>
[[gnu::always_inline]] inline void forget(const T*& p) {
  asm("" : "+r"(p));
}

/** Where the next steps of y are. In bytes, as in the two that follow; y_step3: three times y_step. */
struct OuterY {
  const char* y;
  int64_t y_step, y_step3;

  OuterY(const float* at, int64_t step)
      : y(reinterpret_cast<const char*>(at)), y_step(4 * step), y_step3(3 * y_step) {}
  [[gnu::always_inline]] void move(int64_t steps) {
    y += steps * y_step;
    forget(y);
  }
};

/** And of x, of which a tile's rows lie along k; x3: of row 3. */
struct OuterAlong : OuterY {
  const char *x, *x3;
  int64_t row;

  OuterAlong(const float* y_at, int64_t step, const float* x_at, int64_t x_row, int64_t)
      : OuterY(y_at, step), x(reinterpret_cast<const char*>(x_at)), x3(x + 12 * x_row), row(4 * x_row) {}
  [[gnu::always_inline]] void move(int64_t steps) {
    OuterY::move(steps);
    x += 4 * steps, x3 += 4 * steps;
    forget(x), forget(x3);
  }
  template <int i>
  [[gnu::always_inline]] const char* row_at() const {
    return i < 3 ? x + i * row : x3 + (i - 3) * row;
  }
};

/** Or lie side by side. */
struct OuterAcross : OuterY {
  const char* x;
  int64_t x_step, x_step3;

  OuterAcross(const float* y_at, int64_t step, const float* x_at, int64_t, int64_t x_apart)
      : OuterY(y_at, step),
        x(reinterpret_cast<const char*>(x_at)),
        x_step(4 * x_apart),
        x_step3(3 * x_step) {}
  [[gnu::always_inline]] void move(int64_t steps) {
    OuterY::move(steps);
    x += steps * x_step;
    forget(x);
  }
  template <int i>
  [[gnu::always_inline]] const char* row_at() const {
    return x + 4 * i;
  }
};

// clang-format off
// Where the nth of four steps is, from p.
#define NABLA_STEP_0(p) "(%[" p "])"
#define NABLA_STEP_1(p) "(%[" p "],%[" p "_step])"
#define NABLA_STEP_2(p) "(%[" p "],%[" p "_step],2)"
#define NABLA_STEP_3(p) "(%[" p "],%[" p "_step3])"
#define NABLA_Y(n)                                   \
  "vmovups   " NABLA_STEP_##n("y") ", %%ymm13\n\t"   \
  "vmovups 32" NABLA_STEP_##n("y") ", %%ymm14\n\t"
#define NABLA_ROW(x, first, second)                  \
  "vbroadcastss " x ", %%ymm15\n\t"                  \
  "vfmadd231ps %%ymm13, %%ymm15, %" first "\n\t"     \
  "vfmadd231ps %%ymm14, %%ymm15, %" second "\n\t"
// Sums are operands by number. Along k, the next step is 4 bytes on (at: all steps so far); across it, the
// next row.
#define NABLA_ALONG_5(n, at)                         \
  NABLA_Y(n)                                         \
  NABLA_ROW(at "(%[x])", "0", "1")                   \
  NABLA_ROW(at "(%[x],%[row])", "2", "3")            \
  NABLA_ROW(at "(%[x],%[row],2)", "4", "5")          \
  NABLA_ROW(at "(%[x3])", "6", "7")                  \
  NABLA_ROW(at "(%[x3],%[row])", "8", "9")
#define NABLA_ALONG_6(n, at)                         \
  NABLA_ALONG_5(n, at)                               \
  NABLA_ROW(at "(%[x3],%[row],2)", "10", "11")
#define NABLA_ACROSS_5(n)                            \
  NABLA_Y(n)                                         \
  NABLA_ROW("0" NABLA_STEP_##n("x"), "0", "1")       \
  NABLA_ROW("4" NABLA_STEP_##n("x"), "2", "3")       \
  NABLA_ROW("8" NABLA_STEP_##n("x"), "4", "5")       \
  NABLA_ROW("12" NABLA_STEP_##n("x"), "6", "7")      \
  NABLA_ROW("16" NABLA_STEP_##n("x"), "8", "9")
#define NABLA_ACROSS_6(n)                            \
  NABLA_ACROSS_5(n)                                  \
  NABLA_ROW("20" NABLA_STEP_##n("x"), "10", "11")
#define NABLA_TWO_ALONG(rows)   NABLA_ALONG_##rows(0, "0") NABLA_ALONG_##rows(1, "4")
#define NABLA_TWO_ACROSS(rows)  NABLA_ACROSS_##rows(0) NABLA_ACROSS_##rows(1)
#define NABLA_FOUR_ALONG(rows)                                    \
  NABLA_ALONG_##rows(0, "0") NABLA_ALONG_##rows(1, "4")           \
  NABLA_ALONG_##rows(2, "8") NABLA_ALONG_##rows(3, "12")
#define NABLA_FOUR_ACROSS(rows)                                   \
  NABLA_ACROSS_##rows(0) NABLA_ACROSS_##rows(1)                   \
  NABLA_ACROSS_##rows(2) NABLA_ACROSS_##rows(3)
#define NABLA_SUMS(i) "+x"(sum[i][0].v), "+x"(sum[i][1].v)
#define NABLA_SUMS_5 NABLA_SUMS(0), NABLA_SUMS(1), NABLA_SUMS(2), NABLA_SUMS(3), NABLA_SUMS(4)
#define NABLA_SUMS_6 NABLA_SUMS_5, NABLA_SUMS(5)
#define NABLA_ALONG_OPERANDS(rows)                                                     \
  : NABLA_SUMS_##rows                                                                  \
  : [y] "r"(at.y), [y_step] "r"(at.y_step), [y_step3] "r"(at.y_step3),                 \
    [x] "r"(at.x), [x3] "r"(at.x3), [row] "r"(at.row)                                  \
  : "xmm13", "xmm14", "xmm15", "memory"
#define NABLA_ACROSS_OPERANDS(rows)                                                    \
  : NABLA_SUMS_##rows                                                                  \
  : [y] "r"(at.y), [y_step] "r"(at.y_step), [y_step3] "r"(at.y_step3),                 \
    [x] "r"(at.x), [x_step] "r"(at.x_step), [x_step3] "r"(at.x_step3)                  \
  : "xmm13", "xmm14", "xmm15", "memory"
#define NABLA_OUTER_OF(name, rows, Places, steps, operands)                            \
  [[gnu::always_inline]] inline void name(const Places& at, V(&sum)[rows][2]) {        \
    asm(steps operands);                                                               \
  }
/** outer_step: the next step; outer_two, outer_four: the next two, four. None of them moves. */
#define NABLA_OUTER(rows)                                                                                 \
  NABLA_OUTER_OF(outer_step, rows, OuterAlong, NABLA_ALONG_##rows(0, "0"), NABLA_ALONG_OPERANDS(rows))    \
  NABLA_OUTER_OF(outer_step, rows, OuterAcross, NABLA_ACROSS_##rows(0), NABLA_ACROSS_OPERANDS(rows))      \
  NABLA_OUTER_OF(outer_two, rows, OuterAlong, NABLA_TWO_ALONG(rows), NABLA_ALONG_OPERANDS(rows))          \
  NABLA_OUTER_OF(outer_two, rows, OuterAcross, NABLA_TWO_ACROSS(rows), NABLA_ACROSS_OPERANDS(rows))       \
  NABLA_OUTER_OF(outer_four, rows, OuterAlong, NABLA_FOUR_ALONG(rows), NABLA_ALONG_OPERANDS(rows))        \
  NABLA_OUTER_OF(outer_four, rows, OuterAcross, NABLA_FOUR_ACROSS(rows), NABLA_ACROSS_OPERANDS(rows))

// One row and two; x and c are where the first of them is.
#define NABLA_ALONG_1(n, at)  NABLA_Y(n) NABLA_ROW(at "(%[x])", "0", "1")
#define NABLA_ALONG_2(n, at)  NABLA_ALONG_1(n, at) NABLA_ROW(at "(%[x],%[row])", "2", "3")
#define NABLA_ACROSS_1(n)     NABLA_Y(n) NABLA_ROW("0" NABLA_STEP_##n("x"), "0", "1")
#define NABLA_ACROSS_2(n)     NABLA_ACROSS_1(n) NABLA_ROW("4" NABLA_STEP_##n("x"), "2", "3")
#define NABLA_STORE_1                                \
  "vmovups %0, (%[c])\n\t"                           \
  "vmovups %1, 32(%[c])\n\t"
#define NABLA_STORE_2                                \
  NABLA_STORE_1                                      \
  "vmovups %2, (%[c],%[c_row])\n\t"                  \
  "vmovups %3, 32(%[c],%[c_row])\n\t"
#define NABLA_SUMS_1 NABLA_SUMS(first)
#define NABLA_SUMS_2 NABLA_SUMS(first), NABLA_SUMS(first + 1)
// Volatile, since nobody asks for the sums.
#define NABLA_LAST_OF(rows, Places, steps, ...)                                                          \
  template <int first, int all>                                                                          \
  [[gnu::always_inline]] inline void outer_last_##rows(const Places& at, V(&sum)[all][2], float* c,      \
                                                       int64_t c_row) {                                  \
    asm volatile(steps NABLA_STORE_##rows                                                                \
                 : NABLA_SUMS_##rows                                                                     \
                 : [y] "r"(at.y), [y_step] "r"(at.y_step), [y_step3] "r"(at.y_step3),                    \
                   [x] "r"(at.template row_at<first>()), [c] "r"(c + first * c_row),                     \
                   [c_row] "r"(4 * c_row), __VA_ARGS__                                                   \
                 : "xmm13", "xmm14", "xmm15", "memory");                                                 \
  }
/** outer_last_1, outer_last_2: the next four steps, of so many rows from `first` on, which are stored. */
#define NABLA_LAST(rows)                                                                                 \
  NABLA_LAST_OF(rows, OuterAlong, NABLA_FOUR_ALONG(rows), [row] "r"(at.row))                             \
  NABLA_LAST_OF(rows, OuterAcross, NABLA_FOUR_ACROSS(rows), [x_step] "r"(at.x_step),                     \
                [x_step3] "r"(at.x_step3))
// clang-format on

NABLA_OUTER(5)
NABLA_OUTER(6)
NABLA_LAST(1)
NABLA_LAST(2)

/** The last four steps of a tile, two rows after the other and stored at once. Twelve stores in a row keep a
 * Zen 3 from multiplying for 29 cycles, as long as five steps take, even if what comes next does not need
 * them; four do not, nor do twelve with arithmetic between them. (Found by trying; stores of integers cost
 * nothing either.) */
template <int first = 0, int rows, class Places>
[[gnu::always_inline]] inline void outer_last(const Places& at, V (&sum)[rows][2], float* c, int64_t c_row) {
  if constexpr (first + 1 < rows) {
    outer_last_2<first>(at, sum, c, c_row);
    outer_last<first + 2>(at, sum, c, c_row);
  } else if constexpr (first < rows) {
    outer_last_1<first>(at, sum, c, c_row);
  }
}

}  // namespace
#endif
