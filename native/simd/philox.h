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

/** Ten rounds on kWords counters at once; x becomes the random words. */
inline void philox_rounds(VU (&x)[4], uint32_t key0, uint32_t key1) {
  const VU multiplier0 = uset1(0xd2511f53u), multiplier1 = uset1(0xcd9e8d57u);
  for (int round = 0; round < 10; ++round) {
    VU high0, low0, high1, low1;
    mul_wide(x[0], multiplier0, high0, low0);
    mul_wide(x[2], multiplier1, high1, low1);
    x[0] = high1 ^ x[1] ^ uset1(key0);
    x[1] = low1;
    x[2] = high0 ^ x[3] ^ uset1(key1);
    x[3] = low0;
    key0 += 0x9e3779b9u;  // the golden ratio and sqrt(3) - 1, as fractions of 2^32
    key1 += 0xbb67ae85u;
  }
}

/** The 4 * kWords words of the blocks first_block, first_block + 1, ... */
inline void philox_blocks(const PhiloxKey& key, uint32_t first_block, uint32_t* out) {
  VU x[4] = {uset1(first_block) + block_iota(), uset1(key.counter[0]), uset1(key.counter[1]),
             uset1(key.counter[2])};
  philox_rounds(x, key.key[0], key.key[1]);
  store_blocks(out, x[0], x[1], x[2], x[3]);
}

inline void philox_fill(const PhiloxKey& key, int64_t first_element, int64_t n, uint32_t* out) {
  constexpr int64_t kStep = 4 * kWords;
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    philox_blocks(key, static_cast<uint32_t>((first_element + i) / 4), out + i);
  }
  if (i < n) {
    uint32_t last[kStep];
    philox_blocks(key, static_cast<uint32_t>((first_element + i) / 4), last);
    std::memcpy(out + i, last, static_cast<size_t>(n - i) * sizeof(uint32_t));
  }
}

}  // namespace
