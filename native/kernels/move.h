// copy: a strided view of any type into dense memory (transposes, slices, broadcasts); fill.
namespace {

constexpr int64_t kMoveChunk = 65536;  // elements a task

/** A view whose last dimension is strided while another, `near`, is contiguous: a batch of
 *  transposes. Walked in tiles of one cache line by one cache line through a small buffer, so that
 *  every line of x and of y is touched once whatever the strides (powers of two collide in L1). */
template <class T>
struct Transpose {
  static constexpr int64_t kTile = 64 / static_cast<int64_t>(sizeof(T));
  const T* x;
  T* y;
  View view;
  int near;

  int64_t near_size() const { return view.shape[near]; }
  int64_t last_size() const { return view.shape[view.rank - 1]; }

  /** Rows i .. i + rows - 1 of `near`, all of the last dimension; y's rows are y_stride apart. */
  void strip(const T* from, T* to, int64_t rows, int64_t y_stride) const {
    const int64_t stride = view.stride[view.rank - 1], columns = last_size();
    T tile[kTile * kTile];
    for (int64_t j = 0; j < columns; j += kTile) {
      const int64_t width = smaller(kTile, columns - j);
      for (int64_t b = 0; b < width; b++) {
        const T* line = from + (j + b) * stride;
        for (int64_t a = 0; a < rows; a++) tile[a * kTile + b] = line[a];
      }
      for (int64_t a = 0; a < rows; a++) {
        std::memcpy(to + a * y_stride + j, tile + a * kTile, static_cast<size_t>(width) * sizeof(T));
      }
    }
  }

  /** Strip `number` of near_size() / kTile strips of every plane of the other dimensions. */
  void run(int64_t number) const {
    const int64_t strips = parts_of(near_size(), kTile), row = number % strips * kTile;
    int64_t plane = number / strips, from = row, to = 0, step = 1, near_step = 1;
    for (int d = view.rank - 1; d >= 0; d--) {
      if (d == near) {
        near_step = step;
      } else if (d != view.rank - 1) {
        const int64_t at = plane % view.shape[d];
        plane /= view.shape[d];
        from += at * view.stride[d];
        to += at * step;
      }
      step *= view.shape[d];
    }
    strip(x + from, y + to + row * near_step, smaller(kTile, near_size() - row), near_step);
  }
};

/** The dimension other than the last along which the view is contiguous, or -1. */
inline int contiguous_dimension(const View& view) {
  if (view.rank < 2 || view.stride[view.rank - 1] <= 1) return -1;
  for (int d = view.rank - 2; d >= 0; d--) {
    if (view.stride[d] == 1) return d;
  }
  return -1;
}

template <class T>
void copy_elements(const Operand& x, const Operand& y, Context& context) {
  const T* from = static_cast<const T*>(x.data);
  T* to = static_cast<T*>(y.data);
  const int64_t n = element_count(y);
  if (n == 0) return;
  Transpose<T> transpose{from, to, {}, -1};
  View& view = transpose.view;
  collapse(x, view);
  transpose.near = contiguous_dimension(view);
  if (transpose.near >= 0) {
    constexpr int64_t kTile = Transpose<T>::kTile;
    const int64_t strips = n / (transpose.near_size() * transpose.last_size()) * parts_of(transpose.near_size(), kTile);
    const int64_t group = larger(1, kMoveChunk / (kTile * transpose.last_size()));
    parallel(context, parts_of(strips, group), 0.5 * static_cast<double>(n), [&](int64_t task, void*) {
      for (int64_t s = task * group; s < smaller(strips, (task + 1) * group); s++) transpose.run(s);
    });
    return;
  }
  const bool dense = view.dense();
  parallel(context, parts_of(n, kMoveChunk), (dense ? 0.1 : 0.5) * static_cast<double>(n), [&](int64_t task, void*) {
    const int64_t start = task * kMoveChunk, count = smaller(kMoveChunk, n - start);
    if (dense) std::memcpy(to + start, from + start, static_cast<size_t>(count) * sizeof(T));
    else gather_view(from, view, start, count, to + start);
  });
}

void copy(const Call& call, Context& context) {
  const Operand &x = call.operands[0], &y = call.operands[1];
  switch (x.dtype) {
    case DType::f32: return copy_elements<float>(x, y, context);
    case DType::f64: return copy_elements<double>(x, y, context);
    case DType::i32: return copy_elements<int32_t>(x, y, context);
    case DType::u8: return copy_elements<uint8_t>(x, y, context);
  }
}

void fill(const Call& call, Context& context) {
  const int64_t n = call.operands[0].shape[0];
  Real* y = output(call, 0);
  const V value = set1(real_parameter(call, 0));
  parallel(context, parts_of(n, kMoveChunk), 0.1 * static_cast<double>(n), [=](int64_t task, void*) {
    each_vector(task * kMoveChunk, smaller(n, (task + 1) * kMoveChunk), [=](auto lanes) { lanes.put(y, value); });
  });
}

}  // namespace
