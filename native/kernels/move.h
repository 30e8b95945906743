// copy: a strided view of any type into dense memory (transposes, slices, broadcasts) or into a part
// of it (concatenation); fill.
namespace {

constexpr int64_t kMoveChunk = 65536;  // elements a task

constexpr int64_t kTransposeStrip = 16;  // rows of y transposed together: a cache line of float32

/** to[j][i] = from[i][j], i < rows, j < columns, whatever the type; Real has gemm_turn.h's. */
template <class T>
inline void transpose(const T* from, int64_t from_row, int64_t rows, int64_t columns, T* to, int64_t to_row) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < columns; j++) to[j * to_row + i] = from[i * from_row + j];
  }
}
inline void transpose(const Real* from, int64_t from_row, int64_t rows, int64_t columns, Real* to,
                      int64_t to_row) {
  gemm_transpose(from, from_row, rows, columns, to, to_row);
}

/** A view whose last dimension is strided while another, `near`, is contiguous: a batch of
 *  transposes, walked in strips of kTransposeStrip along `near`. */
template <class T>
struct Transpose {
  const T* x;
  T* y;
  View view;
  int near;

  int64_t near_size() const { return view.shape[near]; }
  int64_t last_size() const { return view.shape[view.rank - 1]; }

  /** Strip `number`: so many to a plane, the planes along the other dimensions. */
  void run(int64_t number) const {
    const int64_t strips = parts_of(near_size(), kTransposeStrip), row = number % strips * kTransposeStrip;
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
    transpose(x + from, view.stride[view.rank - 1], last_size(), smaller(kTransposeStrip, near_size() - row),
              y + to + row * near_step, near_step);
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

/** y with gaps: run by run of its last axes, along which it has none. */
template <class T>
void copy_to_view(const View& view, const T* from, const Operand& y, T* to, int64_t n, Context& context) {
  int64_t run = 1;
  int axis = y.rank - 1;
  for (; axis >= 0 && (y.shape[axis] == 1 || y.stride[axis] == run); axis--) run *= y.shape[axis];
  const int64_t runs = n / run, group = larger(1, kMoveChunk / run);
  parallel(context, parts_of(runs, group), 0.5 * static_cast<double>(n), [&](int64_t task, void*) {
    for (int64_t r = task * group; r < smaller(runs, (task + 1) * group); r++) {
      int64_t place = 0, rest = r;
      for (int d = axis; d >= 0; d--) {
        place += rest % y.shape[d] * y.stride[d];
        rest /= y.shape[d];
      }
      gather_view(from, view, r * run, run, to + place);
    }
  });
}

inline bool is_dense(const Operand& y) {
  int64_t stride = 1;
  for (int d = y.rank - 1; d >= 0; d--) {
    if (y.shape[d] != 1 && y.stride[d] != stride) return false;
    stride *= y.shape[d];
  }
  return true;
}

template <class T>
void copy_elements(const Operand& x, const Operand& y, Context& context) {
  const T* from = static_cast<const T*>(x.data);
  T* to = static_cast<T*>(y.data);
  const int64_t n = element_count(y);
  if (n == 0) return;
  Transpose<T> planes{from, to, {}, -1};
  View& view = planes.view;
  collapse(x, view);
  if (!is_dense(y)) return copy_to_view(view, from, y, to, n, context);
  planes.near = contiguous_dimension(view);
  if (planes.near >= 0) {
    const int64_t strips =
        n / (planes.near_size() * planes.last_size()) * parts_of(planes.near_size(), kTransposeStrip);
    const int64_t group = larger(1, kMoveChunk / (kTransposeStrip * planes.last_size()));
    parallel(context, parts_of(strips, group), 0.5 * static_cast<double>(n), [&](int64_t task, void*) {
      for (int64_t s = task * group; s < smaller(strips, (task + 1) * group); s++) planes.run(s);
    });
    return;
  }
  const bool dense = view.dense();
  parallel(context, parts_of(n, kMoveChunk), (dense ? 0.1 : 0.5) * static_cast<double>(n),
           [&](int64_t task, void*) {
             const int64_t start = task * kMoveChunk, count = smaller(kMoveChunk, n - start);
             if (dense)
               std::memcpy(to + start, from + start, static_cast<size_t>(count) * sizeof(T));
             else
               gather_view(from, view, start, count, to + start);
           });
}

void copy(const Call& call, Context& context) {
  const Operand &x = call.operands[0], &y = call.operands[1];
  switch (x.dtype) {
    case DType::f32:
      return copy_elements<float>(x, y, context);
    case DType::f64:
      return copy_elements<double>(x, y, context);
    case DType::i32:
      return copy_elements<int32_t>(x, y, context);
    case DType::u8:
      return copy_elements<uint8_t>(x, y, context);
  }
}

void fill(const Call& call, Context& context) {
  const int64_t n = call.operands[0].shape[0];
  Real* y = output(call, 0);
  const V value = set1(real_parameter(call, 0));
  parallel(context, parts_of(n, kMoveChunk), 0.1 * static_cast<double>(n), [=](int64_t task, void*) {
    each_vector(task * kMoveChunk, smaller(n, (task + 1) * kMoveChunk),
                [=](auto lanes) { lanes.put(y, value); });
  });
}

}  // namespace
