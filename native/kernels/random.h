// Random numbers by counter (philox.h): element i of (seed, stream, step) is the same number at any
// split, thread count and instruction set that computes log, sin and cos alike.
//
//   Philox key     = key[0], key[1]                    the seed
//   Philox counter = (i / 4, stream_low, stream_high ^ rotate(step_high, 16), step_low)
//
// Distinct (seed, stream, step) below 2^32 steps are distinct Philox streams. Beyond, two of them
// meet only if their streams agree in the low word and differ in the high one by just the rotated
// difference of the high words of the steps: for streams that are hashes, one pair in 2^64.
namespace {

constexpr int64_t kRandomChunk = 16384;  // elements a task
constexpr int64_t kRandomBlock = 512;    // words at a time, in L1

/** From operand key (4) and parameters 0 and 1, the stream. */
inline PhiloxKey random_key(const Call& call, const Operand& key) {
  const int32_t* words = static_cast<const int32_t*>(key.data);
  const uint32_t step_low = static_cast<uint32_t>(words[2]), step_high = static_cast<uint32_t>(words[3]);
  const uint32_t stream_low = static_cast<uint32_t>(integer_parameter(call, 0));
  const uint32_t stream_high = static_cast<uint32_t>(integer_parameter(call, 1));
  return {{static_cast<uint32_t>(words[0]), static_cast<uint32_t>(words[1])},
          {stream_low, stream_high ^ (step_high << 16 | step_high >> 16), step_low}};
}

/** The upper 24 bits of random words: exact in every Real. */
struct RandomBlock {
  int32_t bits[kRandomBlock];

  void draw(const PhiloxKey& key, int64_t start, int64_t n) {
    uint32_t words[kRandomBlock];
    philox_fill(key, start, parts_of(n, 4) * 4, words);
    for (int64_t i = 0; i < n; i++) bits[i] = static_cast<int32_t>(words[i] >> 8);
  }
  /** (bits + 0 or 1) * 2^-24: in [0, 1) or (0, 1]. */
  V uniform(int64_t at, int64_t count) const { return load_i32(bits + at, count) * set1(Real(0x1p-24)); }
};

/** 16 random bits an element, for half the work: of a whole block's words first all lower halves, then
 *  all upper ones. */
struct RandomHalves {
  int32_t bits[kRandomBlock];

  void draw(const PhiloxKey& key, int64_t start, int64_t n) {
    constexpr int64_t kHalf = kRandomBlock / 2;
    uint32_t words[kHalf];
    const int64_t drawn = smaller(kHalf, parts_of(n, 4) * 4);
    philox_fill(key, start / 2, drawn, words);
    for (int64_t i = 0; i < drawn; i++) {
      bits[i] = static_cast<int32_t>(words[i] & 0xffff);
      bits[i + kHalf] = static_cast<int32_t>(words[i] >> 16);
    }
  }
  /** Whole, in [0, 2^16). */
  V number(int64_t at, int64_t count) const { return load_i32(bits + at, count); }
};

/** body(block, start, n) with the random bits of elements start .. start + n - 1; `whole`: draws
 *  come as multiples of this many elements. */
template <class Block, class Body>
inline void each_random_block(Context& context, const PhiloxKey& key, int64_t n, int64_t whole, double cost,
                              const Body& body) {
  parallel(context, parts_of(n, kRandomChunk), cost * static_cast<double>(n), [&](int64_t task, void*) {
    const int64_t end = smaller(n, (task + 1) * kRandomChunk);
    for (int64_t start = task * kRandomChunk; start < end; start += kRandomBlock) {
      const int64_t count = smaller(kRandomBlock, end - start);
      Block block;
      block.draw(key, start, parts_of(count, whole) * whole);
      body(block, start, count);
    }
  });
}

/** Box and Muller (1958) on elements i and i + 64 of every 128:
 *  z_i = sqrt(-2 log u) cos(2 pi w), z_(i + 64) = sqrt(-2 log u) sin(2 pi w), u in (0, 1], w in [0, 1).
 *  With 24 bits |z| <= sqrt(48 log 2) = 5.77. */
constexpr int64_t kNormalGroup = 128;

inline void normal_group(const RandomBlock& block, int64_t at, Real* z) {
  each_vector(0, kNormalGroup / 2, [&](auto lanes) {
    const V u = block.uniform(at + lanes.at, lanes.count) + set1(Real(0x1p-24));
    const V angle =
        block.uniform(at + lanes.at + kNormalGroup / 2, lanes.count) * set1(Real(6.283185307179586));
    const V radius = sqrt(set1(-2) * log(u));
    lanes.put(z + at, radius * cos(angle));
    lanes.put(z + at + kNormalGroup / 2, radius * sin(angle));
  });
}

/** kind 0: uniform in [a, b); kind 1: normal with mean a and standard deviation b. */
void random(const Call& call, Context& context) {
  const int64_t n = call.operands[1].shape[0];
  Real* y = output(call, 1);
  const PhiloxKey key = random_key(call, call.operands[0]);
  const V a = set1(real_parameter(call, 3)), b = set1(real_parameter(call, 4));
  if (integer_parameter(call, 2) == 0) {
    const V span = set1(static_cast<Real>(call.parameters[4] - call.parameters[3]));
    const M rises = lt(a, b);
    const auto cut = [=](const RandomBlock& block, int64_t start, int64_t count) {
      Real* to = y + start;
      each_vector(0, count, [=, &block](auto lanes) {
        const V v = fma(block.uniform(lanes.at, lanes.count), span, a);
        lanes.put(to, select(mask_and(rises, ge(v, b)), a, v));  // rounding may reach b
      });
    };
    return each_random_block<RandomBlock>(context, key, n, 4, 0.5, cut);
  }
  const auto bell = [=](const RandomBlock& block, int64_t start, int64_t count) {
    Real z[kRandomBlock];
    for (int64_t at = 0; at < count; at += kNormalGroup) normal_group(block, at, z);
    Real* to = y + start;
    each_vector(0, count, [=, &z](auto lanes) { lanes.put(to, fma(lanes.get(z), b, a)); });
  };
  each_random_block<RandomBlock>(context, key, n, kNormalGroup, 2.0, bell);
}

/** y = x * mask, mask = keep or 0, keep = 1 / (1 - rate) when inverted and 1 when not; an element is
 *  kept where its random number of 16 bits is >= 2^16 rate, rounded. The gradient is the same call on
 *  dy. As in PyTorch a dropped NaN or infinity gives NaN. */
void dropout(const Call& call, Context& context) {
  const int64_t n = call.operands[0].shape[0];
  const Real* x = input(call, 0);
  Real* y = output(call, 3);
  const PhiloxKey key = random_key(call, call.operands[1]);
  const Real rate = *input(call, 2);
  const Real keep = integer_parameter(call, 2) != 0 && rate < 1 ? 1 / (1 - rate) : Real(1);
  const V limit = round_even(set1(rate * 65536)), scale = set1(keep);
  const auto drop = [=](const RandomHalves& block, int64_t start, int64_t count) {
    const Real* from = x + start;
    Real* to = y + start;
    each_vector(0, count, [=, &block](auto lanes) {
      const M kept = ge(block.number(lanes.at, lanes.count), limit);
      lanes.put(to, lanes.get(from) * select(kept, scale, zero()));
    });
  };
  each_random_block<RandomHalves>(context, key, n, 4, 0.3, drop);
}

}  // namespace
