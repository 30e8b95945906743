// Which micro-kernel a tile takes: by its rows, vectors and tail, what is done aside, and its steps of k.
namespace {

/** Whether the next panel of y can be copied while one is worked on: where panels are narrow, and go four
 * steps at a time. */
#if defined(NABLA_OUTER_STEPS)
constexpr bool kGemmCopiesAhead = kGemmNarrow;
#else
constexpr bool kGemmCopiesAhead = false;
#endif

/** The lowest tile there is a micro-kernel for; of those that do something aside only the highest two are
 * compiled. */
constexpr int gemm_least_rows(int vectors, GemmAside aside) {
  return aside == GemmAside::nothing ? 1 : gemm_rows(vectors) - 1;
}

template <class Factors, int rows, int vectors, GemmTail tail, GemmAside aside>
constexpr GemmMicro gemm_micro_or_null() {
  constexpr int most = tail == GemmTail::half ? kGemmWidest : kGemmVectors;
  constexpr bool possible = aside != GemmAside::copy_next;  // those that go four steps at a time alone
  if constexpr (possible && vectors <= most && rows <= gemm_rows(vectors) &&
                rows >= gemm_least_rows(vectors, aside))
    return gemm_micro<Factors, rows, vectors, tail, aside>;
  else
    return nullptr;
}

/** Micro-kernels by rows - 1. */
struct GemmMicroRows {
  GemmMicro of[8];
};
template <class Factors, int vectors, GemmTail tail, GemmAside aside>
constexpr GemmMicroRows gemm_micro_rows() {
  return {{gemm_micro_or_null<Factors, 1, vectors, tail, aside>(),
           gemm_micro_or_null<Factors, 2, vectors, tail, aside>(),
           gemm_micro_or_null<Factors, 3, vectors, tail, aside>(),
           gemm_micro_or_null<Factors, 4, vectors, tail, aside>(),
           gemm_micro_or_null<Factors, 5, vectors, tail, aside>(),
           gemm_micro_or_null<Factors, 6, vectors, tail, aside>(),
           gemm_micro_or_null<Factors, 7, vectors, tail, aside>(),
           gemm_micro_or_null<Factors, 8, vectors, tail, aside>()}};
}
template <class Factors, GemmTail tail, GemmAside aside>
struct GemmMicroTable {
  static constexpr GemmMicroRows of[8] = {
      gemm_micro_rows<Factors, 1, tail, aside>(), gemm_micro_rows<Factors, 2, tail, aside>(),
      gemm_micro_rows<Factors, 3, tail, aside>(), gemm_micro_rows<Factors, 4, tail, aside>(),
      gemm_micro_rows<Factors, 5, tail, aside>(), gemm_micro_rows<Factors, 6, tail, aside>(),
      gemm_micro_rows<Factors, 7, tail, aside>(), gemm_micro_rows<Factors, 8, tail, aside>()};
};

template <class Factors, GemmAside aside>
inline GemmMicro gemm_micro_for(int64_t rows, int64_t vectors, int64_t tail) {
  constexpr const GemmMicroRows* tables[] = {GemmMicroTable<Factors, GemmTail::whole, aside>::of,
                                             GemmMicroTable<Factors, GemmTail::part, aside>::of,
                                             GemmMicroTable<Factors, kGemmShortTail, aside>::of};
  return tables[static_cast<int>(gemm_tail(tail))][vectors - 1].of[rows - 1];
}

#if defined(NABLA_OUTER_STEPS)
// Steps of k from which on a tile goes four at a time, and for which it does the last ones row by row: more
// gain nothing. With c on its way to memory, rows along k lose 3 to 9 % by that.
constexpr int64_t kGemmByFour = 4, kGemmLeastStored = 8, kGemmMostStored = 2 * kGemmShort;

template <GemmAside aside, GemmPace pace, GemmLies lies>
inline GemmMicro gemm_micro_by_four(int64_t rows) {
  constexpr int kRows = gemm_rows(kGemmVectors);
  return rows == kRows ? gemm_micro<GemmPlain, kRows, kGemmVectors, GemmTail::whole, aside, pace, lies>
                       : gemm_micro<GemmPlain, kRows - 1, kGemmVectors, GemmTail::whole, aside, pace, lies>;
}
template <GemmAside aside, GemmPace pace>
inline GemmMicro gemm_micro_by_four(int64_t rows, const GemmTile& tile) {
  if (tile.x_step != 1) return gemm_micro_by_four<aside, pace, GemmLies::across>(rows);
  if (tile.ahead_step == 0) return gemm_micro_by_four<aside, pace, GemmLies::near>(rows);
  return gemm_micro_by_four<aside, pace, GemmLies::along>(rows);
}

/** For whole tiles, if there is one for so many rows and steps. */
template <GemmAside aside>
inline GemmMicro gemm_micro_by_four(int64_t rows, const GemmTile& tile) {
  if (tile.k < kGemmByFour || rows < gemm_rows(kGemmVectors) - 1) return nullptr;
  const bool stored = tile.k >= kGemmLeastStored && tile.k <= kGemmMostStored &&
                      (tile.x_step != 1 || !tile.c_far) && gemm_is_plain(tile);
  if (aside != GemmAside::nothing || tile.k > kGemmShort)
    return stored ? gemm_micro_by_four<aside, GemmPace::four_stored>(rows, tile)
                  : gemm_micro_by_four<aside, GemmPace::four>(rows, tile);
  return stored ? gemm_micro_by_four<GemmAside::nothing, GemmPace::few_stored>(rows, tile)
                : gemm_micro_by_four<GemmAside::nothing, GemmPace::few>(rows, tile);
}
#endif

/** For tiles of so many rows. */
template <class Factors, GemmAside aside>
inline GemmMicro gemm_micro_for(int64_t rows, int64_t vectors, const GemmTile& tile) {
#if defined(NABLA_OUTER_STEPS)
  const bool whole = vectors == kGemmVectors && tile.tail == kWidth;
  if (whole && (tile.x_step == 1 || tile.x_row == 1))
    if (const GemmMicro micro = gemm_micro_by_four<aside>(rows, tile)) return micro;
#endif
  return gemm_micro_for<Factors, aside>(rows, vectors, tile.tail);
}

}  // namespace
