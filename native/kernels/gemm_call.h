// A call of gemm as numbers.
namespace {

/** A call as numbers: strides of dimensions of size 1 are made 1 where that makes memory contiguous. */
struct GemmCall {
  int64_t batch, m, n, k;
  int64_t a_batch, a_row, a_column, w_batch, w_row, w_column, aux_batch, c_batch;
  int64_t panel;  // columns of each of several panels of w, w_batch apart, of a single product; else 0
  const Real *a, *w;
  GemmOutput output;
  const Call* call;
};

inline BlockFunction gemm_function(double row) {
  return row < 0 ? nullptr : block_functions[static_cast<int64_t>(row)];
}

inline GemmCall gemm_read(const Call& call) {
  const Operand &a = call.operands[0], &w = call.operands[1], &bias = call.operands[2],
                &aux = call.operands[3], &c = call.operands[4];
  GemmCall g;
  g.call = &call;
  g.batch = c.shape[0];
  g.m = c.shape[1];
  g.n = c.shape[2];
  g.k = a.shape[2];
  g.a = static_cast<const Real*>(a.data);
  g.w = static_cast<const Real*>(w.data);
  g.a_batch = a.stride[0], g.a_row = a.stride[1], g.a_column = a.stride[2];
  g.w_batch = w.stride[0], g.w_row = w.stride[1], g.w_column = w.stride[2];
  g.c_batch = c.stride[0];
  g.panel = g.batch == 1 && w.shape[0] > 1 ? w.shape[2] : 0;
  GemmOutput& o = g.output;
  o.c = static_cast<Real*>(c.data), o.row = c.stride[1], o.column = g.n == 1 ? 1 : c.stride[2];
  o.bias = static_cast<const Real*>(bias.data);
  o.alpha = real_parameter(call, 0), o.beta = real_parameter(call, 1);
  o.activation = gemm_function(call.parameters[2]), o.combine = gemm_function(call.parameters[3]);
  o.aux = nullptr, o.aux_row = o.aux_column = g.aux_batch = 0;
  if (o.combine && aux) {
    o.aux = static_cast<const Real*>(aux.data);
    g.aux_batch = aux.stride[0], o.aux_row = aux.stride[1], o.aux_column = g.n == 1 ? 1 : aux.stride[2];
  }
  if (!o.aux) o.combine = nullptr;
  if (g.n == 1) g.w_column = 1;
  if (g.k == 1) g.a_column = 1;
  // One w for the whole batch, whose rows follow each other: a single product.
  if (g.batch > 1 && g.w_batch == 0 && g.a_batch == g.m * g.a_row && g.c_batch == g.m * o.row &&
      (!o.aux || g.aux_batch == g.m * o.aux_row)) {
    g.m *= g.batch;
    g.batch = 1;
  }
  return g;
}

inline GemmProduct gemm_product(const GemmCall& g, bool swapped) {
  const bool far = (swapped ? g.n : g.m) * g.k > kGemmLastCache;
  if (swapped) return {g.n, g.m, g.k, g.w, g.w_column, g.w_row, g.a, g.a_column, g.a_row, far};
  return {
      g.m, g.n, g.k, g.a, g.a_row, g.a_column, g.w, g.w_row, g.w_column, far, g.panel > 0 ? g.w_batch : 0};
}

/** The product of batch element b. */
inline void gemm_at(const GemmCall& g, int64_t b, GemmProduct& p, bool swapped, GemmOutput& o) {
  o = g.output;
  o.c += b * g.c_batch;
  if (o.aux) o.aux += b * g.aux_batch;
  p.x += b * (swapped ? g.w_batch : g.a_batch);
  p.y += b * (swapped ? g.a_batch : g.w_batch);
}

}  // namespace
