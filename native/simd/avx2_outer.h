// One step of a product in registers: sum[i] += x[i] * y for rows i of two vectors each, in assembly.
//
// A loop in C++ takes 26 instructions a step for the 12 multiply-adds of six rows: besides 8 loads, it moves
// pointers, counts, and fetches. Alone on its core a thread hardly notices, since the multiply-adds take as
// long as 36 would. Beside another one on the same core, which takes half of what the core can begin in a
// cycle, it is a third slower; and what a cloud calls a processor is half a core. Four steps without a branch
// take 22 each, but however they are written, gcc 12 wants more registers for them than there are and keeps
// sums in memory. So the registers are given out here. (Other compilers do without: gemm_micro.h has the loop
// as well.)
#if defined(__GNUC__)
#define NABLA_OUTER_STEP 1
namespace {

// Operands by number: sums first, two a row, then y, x, x3, row, and y_at and x_at, which are constants.
// clang-format off
#define NABLA_ROW(x_at, address, first, second)        \
  "vbroadcastss %c" x_at address ", %%ymm15\n\t"       \
  "vfmadd231ps %%ymm13, %%ymm15, %" first "\n\t"       \
  "vfmadd231ps %%ymm14, %%ymm15, %" second "\n\t"
#define NABLA_FIVE_ROWS(y, x, x3, row, y_at, x_at)     \
  "vmovups %c" y_at "(%" y "), %%ymm13\n\t"            \
  "vmovups %c" y_at "+32(%" y "), %%ymm14\n\t"         \
  NABLA_ROW(x_at, "(%" x ")", "0", "1")                \
  NABLA_ROW(x_at, "(%" x ",%" row ")", "2", "3")       \
  NABLA_ROW(x_at, "(%" x ",%" row ",2)", "4", "5")     \
  NABLA_ROW(x_at, "(%" x3 ")", "6", "7")               \
  NABLA_ROW(x_at, "(%" x3 ",%" row ")", "8", "9")
#define NABLA_SUMS(i) "+x"(sum[i][0].v), "+x"(sum[i][1].v)
#define NABLA_FIVE_SUMS NABLA_SUMS(0), NABLA_SUMS(1), NABLA_SUMS(2), NABLA_SUMS(3), NABLA_SUMS(4)
#define NABLA_OPERANDS(...)                                     \
  : __VA_ARGS__                                                 \
  : "r"(y), "r"(x), "r"(x3), "r"(row), "i"(y_at), "i"(x_at)     \
  : "xmm13", "xmm14", "xmm15", "memory"
// clang-format on

/** x: of row 0, x3: of row 3, rows `row` bytes apart; y_at, x_at: bytes from y and x to this step. */
template <int y_at, int x_at>
[[gnu::always_inline]] inline void outer_step(const float* y, const float* x, const float* x3, int64_t row,
                                              V (&sum)[5][2]) {
  asm(NABLA_FIVE_ROWS("10", "11", "12", "13", "14", "15") NABLA_OPERANDS(NABLA_FIVE_SUMS));
}
template <int y_at, int x_at>
[[gnu::always_inline]] inline void outer_step(const float* y, const float* x, const float* x3, int64_t row,
                                              V (&sum)[6][2]) {
  asm(NABLA_FIVE_ROWS("12", "13", "14", "15", "16", "17") NABLA_ROW("17", "(%14,%15,2)", "10", "11")
          NABLA_OPERANDS(NABLA_FIVE_SUMS, NABLA_SUMS(5)));
}

/** Keeps the compiler from working out what these have become from how often a loop has moved them: gcc does
 * so behind every loop, which takes as long as some of its steps. */
[[gnu::always_inline]] inline void forget(const float*& a, const float*& b, const float*& c,
                                          const float*& d) {
  asm("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
}

#undef NABLA_ROW
#undef NABLA_FIVE_ROWS
#undef NABLA_SUMS
#undef NABLA_FIVE_SUMS
#undef NABLA_OPERANDS

}  // namespace
#endif
