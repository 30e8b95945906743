// pointwise: a chain of element functions over one iteration space, run block by block in L1.
// First, what the other families use too: reading a call, walking a row vector by vector with one
// formula for body and tail, strided views, and the block functions made from pointwise.inc.
namespace {

constexpr DType kRealType = sizeof(Real) == 8 ? DType::f64 : DType::f32;

inline const Real* input(const Call& call, int i) { return static_cast<const Real*>(call.operands[i].data); }
inline Real* output(const Call& call, int i) { return static_cast<Real*>(call.operands[i].data); }
inline int64_t integer_parameter(const Call& call, int i) { return static_cast<int64_t>(call.parameters[i]); }
inline Real real_parameter(const Call& call, int i) { return static_cast<Real>(call.parameters[i]); }

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
/** ceil(n / part): how many tasks of `part` cover n. */
constexpr int64_t parts_of(int64_t n, int64_t part) { return (n + part - 1) / part; }

inline int64_t element_count(const Operand& x) {
  int64_t n = 1;
  for (int d = 0; d < x.rank; d++) n *= x.shape[d];
  return n;
}

// ---------------------------------------------------------------- vectors of a row

/** kWidth elements from `at`. */
struct AllLanes {
  int64_t at;
  static constexpr int64_t count = kWidth;
  V get(const Real* p) const { return load(p + at); }
  void put(Real* p, V v) const { store(p + at, v); }
  /** v where there are elements, `neutral` in the lanes behind the end. */
  V keep(V v, V) const { return v; }
};

/** The last `count` < kWidth elements, from `at`; other lanes read as 0 and are not written. */
struct FirstLanes {
  int64_t at, count;
  V get(const Real* p) const { return load_n(p + at, count); }
  void put(Real* p, V v) const { store_n(p + at, v, count); }
  V keep(V v, V neutral) const { return select(lt(iota(), set1(static_cast<Real>(count))), v, neutral); }
};

/** body(lanes) for every vector of [begin, end): the tail differs only in the type of `lanes`. */
template <class Body>
inline void each_vector(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + kWidth <= end; i += kWidth) body(AllLanes{i});
  if (i < end) body(FirstLanes{i, end - i});
}

// ---------------------------------------------------------------- functions of one element

#define POINTWISE(name, arity, expression)                                          \
  struct function_##name {                                                          \
    static constexpr int kArity = arity;                                            \
    static V of([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V z) { \
      [[maybe_unused]] const V one = set1(Real(1)), zero = set1(Real(0));           \
      return expression;                                                            \
    }                                                                               \
  };
#include "pointwise.inc"
#undef POINTWISE

/** out[i] = f(x[i], y[i], z[i]), i < n; arguments beyond the function's arity are not read.
 *  out may be x, y or z itself. */
using BlockFunction = void (*)(const Real* x, const Real* y, const Real* z, Real* out, int64_t n);

template <class Function>
void block_function(const Real* x, const Real* y, const Real* z, Real* out, int64_t n) {
  each_vector(0, n, [=](auto lanes) {
    const V a = lanes.get(x);
    V b = a, c = a;
    if constexpr (Function::kArity > 1) b = lanes.get(y);
    if constexpr (Function::kArity > 2) c = lanes.get(z);
    lanes.put(out, Function::of(a, b, c));
  });
}

/** One block function a row of pointwise.inc. */
constexpr BlockFunction block_functions[] = {
#define POINTWISE(name, arity, expression) block_function<function_##name>,
#include "pointwise.inc"
#undef POINTWISE
};

/** Functions of a few instructions, so that large ones wait for memory alone: only these gain by
 *  streaming (AVX-512, 40 MB: relu 3.1 -> 2.1 ms, but tanh 4.1 -> 4.7). One left out loses no more. */
template <class Function>
constexpr bool kLight = false;
#define LIGHT(name) \
  template <>       \
  constexpr bool kLight<function_##name> = true
LIGHT(identity);
LIGHT(neg);
LIGHT(abs);
LIGHT(square);
LIGHT(relu);
LIGHT(relu6);
LIGHT(add);
LIGHT(sub);
LIGHT(mul);
LIGHT(minimum);
LIGHT(maximum);
LIGHT(leaky_relu);
LIGHT(relu_grad);
LIGHT(select);
LIGHT(fma);
LIGHT(clip);
#undef LIGHT

constexpr bool light_functions[] = {
#define POINTWISE(name, arity, expression) kLight<function_##name>,
#include "pointwise.inc"
#undef POINTWISE
};

// ---------------------------------------------------------------- strided views

/** A strided operand with neighbouring dimensions merged where one stride walks both. */
struct View {
  int rank;  // 0: one element
  int64_t shape[kMaxRank], stride[kMaxRank];

  bool dense() const { return rank == 0 || (rank == 1 && stride[0] == 1); }
  bool constant() const { return rank == 0 || (rank == 1 && stride[0] == 0); }
};

inline void collapse(const Operand& x, View& view) {
  int rank = 0;
  for (int d = 0; d < x.rank; d++) {
    if (x.shape[d] == 1) continue;
    if (rank > 0 && view.stride[rank - 1] == x.shape[d] * x.stride[d]) {
      view.shape[rank - 1] *= x.shape[d];
      view.stride[rank - 1] = x.stride[d];
    } else {
      view.shape[rank] = x.shape[d];
      view.stride[rank] = x.stride[d];
      rank++;
    }
  }
  view.rank = rank;
}

/** body(offset, n): the runs along the last dimension that make up elements
 *  [start, start + count) of a view of rank >= 1 in row-major order. */
template <class Body>
inline void each_run(const View& view, int64_t start, int64_t count, const Body& body) {
  const int last = view.rank - 1;
  int64_t index[kMaxRank];
  int64_t rest = start, offset = 0;
  for (int d = last; d >= 0; d--) {
    index[d] = d > 0 ? rest % view.shape[d] : rest;
    rest = d > 0 ? rest / view.shape[d] : 0;
    offset += index[d] * view.stride[d];
  }
  while (count > 0) {
    const int64_t n = smaller(view.shape[last] - index[last], count);
    body(offset, n);
    count -= n;
    offset -= index[last] * view.stride[last];
    index[last] = 0;
    for (int d = last - 1; d >= 0; d--) {
      offset += view.stride[d];
      if (++index[d] < view.shape[d]) break;
      offset -= view.shape[d] * view.stride[d];
      index[d] = 0;
    }
  }
}

/** to[0..n) = from[0, stride, 2 stride ...), converted. */
template <class From, class To>
inline void copy_run(const From* from, int64_t stride, To* to, int64_t n) {
  if (stride == 1) {
    for (int64_t i = 0; i < n; i++) to[i] = static_cast<To>(from[i]);
  } else if (stride == 0) {
    const To value = static_cast<To>(from[0]);
    for (int64_t i = 0; i < n; i++) to[i] = value;
  } else {
    for (int64_t i = 0; i < n; i++) to[i] = static_cast<To>(from[i * stride]);
  }
}

/** to[0..n) = elements start .. of the view, in row-major order, converted. */
template <class From, class To>
inline void gather_view(const From* from, const View& view, int64_t start, int64_t n, To* to) {
  if (view.constant()) {
    copy_run(from, 0, to, n);
    return;
  }
  const int64_t stride = view.stride[view.rank - 1];
  each_run(view, start, n, [&](int64_t offset, int64_t run) {
    copy_run(from + offset, stride, to, run);
    to += run;
  });
}

// ---------------------------------------------------------------- the chain

constexpr int kChainInputs = 8, kChainOutputs = 4, kChainConstants = 16, kChainTemporaries = 16,
              kChainSteps = 64;
constexpr int kChainRegisters = kChainInputs + kChainConstants + kChainTemporaries + kChainOutputs;
constexpr int64_t kChainBlock = 512;        // elements: a register is 2 KB, a usual chain stays in L1
constexpr int64_t kChainChunk = 16384;      // elements a task
constexpr int64_t kStreamBytes = 16 << 20;  // outputs from here on bypass the caches if the steps are light
constexpr int64_t kStreamBlock =
    128;  // then: short, so that one block's stores overlap the next one's arithmetic
constexpr int64_t kVectorBytes = kWidth * static_cast<int64_t>(sizeof(Real));

struct ChainStep {
  BlockFunction function;
  uint8_t to, x, y, z;  // registers
};

/** How the block of an operand's register comes to be. */
enum class Feed : uint8_t {
  direct,    // the operand's own memory
  constant,  // filled once a task
  gathered,  // an input: collected before the steps; an output: converted or streamed after them
};

struct ChainPort {
  const Operand* operand;
  int register_number;
  Feed feed;
};

/** Registers: x0..x7 | constants | temporaries | y0..y3. */
struct Chain {
  const double* constants;
  int constant_count, temporary_count, step_count, input_count, output_count;
  int64_t count, block;
  int64_t first;  // elements of a task's first block: as many as bring a streamed output to a whole vector
  bool light, gathers, puts,
      streams;  // all steps light; any input gathered, output not direct, output streamed
  ChainPort inputs[kChainInputs], outputs[kChainOutputs];  // those that are present
  View views[kChainInputs];                                // of inputs
  ChainStep steps[kChainSteps];
};

inline void decode_steps(const Call& call, Chain& chain) {
  const double* code = call.parameters;
  chain.constant_count = static_cast<int>(code[0]);
  chain.temporary_count = static_cast<int>(code[1]);
  chain.step_count = static_cast<int>(code[2]);
  chain.constants = code + 3;
  chain.light = true;
  code += 3 + chain.constant_count;
  for (int s = 0; s < chain.step_count; s++, code += 5) {
    chain.steps[s] = {block_functions[static_cast<int>(code[0])], static_cast<uint8_t>(code[1]),
                      static_cast<uint8_t>(code[2]), static_cast<uint8_t>(code[3]),
                      static_cast<uint8_t>(code[4])};
    chain.light &= light_functions[static_cast<int>(code[0])];
  }
}

inline void find_inputs(const Call& call, Chain& chain) {
  chain.input_count = 0;
  for (int i = 0; i < kChainInputs; i++) {
    const Operand& x = call.operands[i];
    if (!x) continue;
    View& view = chain.views[chain.input_count];
    collapse(x, view);
    const bool direct = x.dtype == kRealType && view.dense();
    chain.inputs[chain.input_count++] = {&x, i,
                                         direct            ? Feed::direct
                                         : view.constant() ? Feed::constant
                                                           : Feed::gathered};
  }
}

/** Is input register x read by a step after one that wrote register y? Then x may not be read in
 *  place when both are the same memory. (Arguments a function ignores only make this cautious.) */
inline bool read_after_write(const Chain& chain, int x, int y) {
  bool written = false;
  for (int s = 0; s < chain.step_count; s++) {
    const ChainStep& step = chain.steps[s];
    if (written && (step.x == x || step.y == x || step.z == x)) return true;
    written = written || step.to == y;
  }
  return false;
}

/** Elements from p to the next address that a vector can be streamed to. */
inline int64_t elements_to_vector(const void* p) {
  const uintptr_t beyond = reinterpret_cast<uintptr_t>(p) % kVectorBytes;
  return static_cast<int64_t>((kVectorBytes - beyond) % kVectorBytes / sizeof(Real));
}

inline void find_outputs(const Call& call, Chain& chain) {
  chain.output_count = 0;
  chain.streams = chain.puts = false;
  const bool large = chain.light && chain.count * static_cast<int64_t>(sizeof(Real)) >= kStreamBytes;
  for (int o = 0; o < kChainOutputs; o++) {
    const Operand& y = call.operands[kChainInputs + o];
    if (!y) continue;
    const int number = kChainInputs + chain.constant_count + chain.temporary_count + o;
    bool in_place = false;
    for (int i = 0; i < chain.input_count; i++) {
      ChainPort& x = chain.inputs[i];
      if (x.operand->data != y.data) continue;
      in_place = true;
      if (x.feed == Feed::direct && read_after_write(chain, x.register_number, number))
        x.feed = Feed::gathered;
    }
    const bool real = y.dtype == kRealType;
    const bool stream = large && real && !in_place;
    chain.outputs[chain.output_count++] = {&y, number, real && !stream ? Feed::direct : Feed::gathered};
    if (stream) chain.first = elements_to_vector(y.data);
    chain.streams |= stream;
    chain.puts |= stream || !real;
  }
  if (chain.streams) chain.block = kStreamBlock;
  if (!chain.streams || chain.first == 0) chain.first = chain.block;
  chain.gathers = false;
  for (int i = 0; i < chain.input_count; i++) chain.gathers |= chain.inputs[i].feed == Feed::gathered;
}

inline void gather_block(const Operand& x, const View& view, int64_t start, int64_t n, Real* to) {
  if (x.dtype == DType::i32)
    gather_view(static_cast<const int32_t*>(x.data), view, start, n, to);
  else if (x.dtype == DType::u8)
    gather_view(static_cast<const uint8_t*>(x.data), view, start, n, to);
  else
    gather_view(static_cast<const Real*>(x.data), view, start, n, to);
}

/** Writes a finished block of an output that is not Real, or that is streamed past the caches. */
inline void put_block(const Operand& y, int64_t start, int64_t n, const Real* from) {
  if (y.dtype == DType::i32) {
    int32_t* to = static_cast<int32_t*>(y.data) + start;
    each_vector(0, n, [=](auto lanes) { store_i32(to + lanes.at, lanes.get(from), lanes.count); });
  } else if (y.dtype == DType::u8) {
    uint8_t* to = static_cast<uint8_t*>(y.data) + start;
    each_vector(0, n, [=](auto lanes) { store_u8(to + lanes.at, lanes.get(from), lanes.count); });
  } else {
    Real* to = static_cast<Real*>(y.data) + start;
    const int64_t whole = elements_to_vector(to) == 0 ? n / kWidth * kWidth : 0;
    for (int64_t i = 0; i < whole; i += kWidth) store_stream(to + i, load(from + i));
    for (int64_t i = whole; i < n; i++) to[i] = from[i];
  }
}

/** Gives every register its memory: the operand's from element `begin`, or the next block of scratch. */
inline void place_registers(const Chain& chain, int64_t begin, Real* scratch, Real** registers) {
  const int64_t step = chain.block + 64 / static_cast<int64_t>(sizeof(Real));  // off multiples of 4 KB
  const auto next_block = [&]() {
    Real* block = scratch;
    scratch += step;
    return block;
  };
  registers[0] = nullptr;  // what ignored arguments name
  for (int i = 0; i < chain.input_count; i++) {
    const ChainPort& x = chain.inputs[i];
    Real*& place = registers[x.register_number];
    place = x.feed == Feed::direct ? static_cast<Real*>(x.operand->data) + begin : next_block();
    if (x.feed == Feed::constant) gather_block(*x.operand, chain.views[i], 0, chain.block, place);
  }
  Real** place = registers + kChainInputs;
  for (int c = 0; c < chain.constant_count; c++) {
    const V value = set1(static_cast<Real>(chain.constants[c]));
    *place = next_block();
    for (int64_t i = 0; i < chain.block; i += kWidth) store(*place + i, value);
    place++;
  }
  for (int t = 0; t < chain.temporary_count; t++) *place++ = next_block();
  for (int o = 0; o < chain.output_count; o++) {
    const ChainPort& y = chain.outputs[o];
    registers[y.register_number] =
        y.feed == Feed::direct ? static_cast<Real*>(y.operand->data) + begin : next_block();
  }
}

inline void gather_inputs(const Chain& chain, int64_t start, int64_t n, Real** registers) {
  for (int i = 0; i < chain.input_count; i++) {
    const ChainPort& x = chain.inputs[i];
    if (x.feed == Feed::gathered)
      gather_block(*x.operand, chain.views[i], start, n, registers[x.register_number]);
  }
}

inline void put_outputs(const Chain& chain, int64_t start, int64_t n, Real** registers) {
  for (int o = 0; o < chain.output_count; o++) {
    const ChainPort& y = chain.outputs[o];
    if (y.feed == Feed::gathered) put_block(*y.operand, start, n, registers[y.register_number]);
  }
}

inline void advance(const ChainPort* ports, int count, int64_t n, Real** registers) {
  for (int i = 0; i < count; i++) {
    if (ports[i].feed == Feed::direct) registers[ports[i].register_number] += n;
  }
}

inline void run_chain(const Chain& chain, int64_t begin, int64_t end, Real* scratch) {
  Real* registers[kChainRegisters];
  place_registers(chain, begin, scratch, registers);
  for (int64_t start = begin, block = chain.first;;) {
    const int64_t n = smaller(block, end - start);
    if (chain.gathers) gather_inputs(chain, start, n, registers);
    for (const ChainStep *step = chain.steps, *last = step + chain.step_count; step < last; step++) {
      step->function(registers[step->x], registers[step->y], registers[step->z], registers[step->to], n);
    }
    if (chain.puts) put_outputs(chain, start, n, registers);
    start += n;
    block = chain.block;
    if (start >= end) break;
    advance(chain.inputs, chain.input_count, n, registers);
    advance(chain.outputs, chain.output_count, n, registers);
  }
  if (chain.streams) stream_fence();
}

/** Inputs have the outputs' shape (stride 0 where broadcast) and are read as Real from Real, i32 or
 *  u8; outputs are dense. code = [constants, temporaries, steps | constant values | per step:
 *  function, to, x, y, z], checked when the program was loaded. */
void pointwise(const Call& call, Context& context) {
  Chain chain;
  chain.count = element_count(call.operands[kChainInputs]);
  if (chain.count == 0) return;
  chain.block = smaller(kChainBlock, parts_of(chain.count, kWidth) * kWidth);
  decode_steps(call, chain);
  find_inputs(call, chain);
  find_outputs(call, chain);
  if (chain.count <= kChainChunk) {  // tiny networks are made of such calls: no machinery
    run_chain(chain, 0, chain.count, static_cast<Real*>(context.scratch));
    return;
  }
  const double work = 0.25 * static_cast<double>(chain.count) * chain.step_count;
  parallel(context, parts_of(chain.count, kChainChunk), work, [&](int64_t task, void* scratch) {
    run_chain(chain, task * kChainChunk, smaller(chain.count, (task + 1) * kChainChunk),
              static_cast<Real*>(scratch));
  });
}

}  // namespace
