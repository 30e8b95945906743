// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
// a bijection of 128-bit counters chosen by a 64-bit key, so that any element of the stream can be
// computed on its own. The words are the same on every instruction set.
//
//   philox_fill(key, first_element, n, out)     first_element and n multiples of 4
//
// writes words first_element .. first_element + n - 1 of the stream: element e is word e % 4 of the
// block whose counter is (e / 4, counter[0], counter[1], counter[2]). The block number has 32 bits:
// a stream has 2^34 elements. A word u becomes a uniform in [0, 1) as (u >> 8) * 2^-24.
namespace {

struct PhiloxKey {
  uint32_t key[2];
  uint32_t counter[3];
};

/** Ten rounds on sets * kWords counters at once; x becomes the random words. A round waits for the
 *  multiplications of the one before, so several sets go side by side. */
template <int sets>
inline void philox_rounds(VU (&x)[sets][4], uint32_t key0, uint32_t key1) {
  const VU multiplier0 = uset1(0xd2511f53u), multiplier1 = uset1(0xcd9e8d57u);
  for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 8
    for (int s = 0; s < sets; s++) {
      VU high0, low0, high1, low1;
      mul_wide(x[s][0], multiplier0, high0, low0);
      mul_wide(x[s][2], multiplier1, high1, low1);
      x[s][0] = high1 ^ x[s][1] ^ uset1(key0);
      x[s][1] = low1;
      x[s][2] = high0 ^ x[s][3] ^ uset1(key1);
      x[s][3] = low0;
    }
    key0 += 0x9e3779b9u;  // the golden ratio and sqrt(3) - 1, as fractions of 2^32
    key1 += 0xbb67ae85u;
  }
}

/** The sets * 4 * kWords words of the blocks first_block, first_block + 1, ... */
template <int sets>
inline void philox_blocks(const PhiloxKey& key, uint32_t first_block, uint32_t* out) {
  VU x[sets][4];
#pragma GCC unroll 8
  for (int s = 0; s < sets; s++) {
    x[s][0] = uset1(first_block + static_cast<uint32_t>(s * kWords)) + block_iota();
    for (int w = 0; w < 3; w++) x[s][w + 1] = uset1(key.counter[w]);
  }
  philox_rounds(x, key.key[0], key.key[1]);
#pragma GCC unroll 8
  for (int s = 0; s < sets; s++) store_blocks(out + s * 4 * kWords, x[s][0], x[s][1], x[s][2], x[s][3]);
}

inline void philox_fill(const PhiloxKey& key, int64_t first_element, int64_t n, uint32_t* out) {
  constexpr int kSets = 2;
  constexpr int64_t kStep = 4 * kWords;
  int64_t i = 0;
  for (; i + kSets * kStep <= n; i += kSets * kStep) {
    philox_blocks<kSets>(key, static_cast<uint32_t>((first_element + i) / 4), out + i);
  }
  for (; i + kStep <= n; i += kStep) {
    philox_blocks<1>(key, static_cast<uint32_t>((first_element + i) / 4), out + i);
  }
  if (i < n) {
    uint32_t last[kStep];
    philox_blocks<1>(key, static_cast<uint32_t>((first_element + i) / 4), last);
    std::memcpy(out + i, last, static_cast<size_t>(n - i) * sizeof(uint32_t));
  }
}

}  // namespace
