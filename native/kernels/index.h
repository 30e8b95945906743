// Rows of a table by index (embedding): gather forward, scatter-add backward.
namespace {

inline int64_t element_size(DType dtype) { return dtype == DType::f64 ? 8 : dtype == DType::u8 ? 1 : 4; }

/** y[k] = table[index[k]]; table (v, d), y (n, d), of any type. */
void gather_rows(const Call& call, Context& context) {
  const Operand& table = call.operands[0];
  const int64_t v = table.shape[0], n = call.operands[1].shape[0];
  const int32_t* index = static_cast<const int32_t*>(call.operands[1].data);
  if (!labels_in_range(index, n, v, NAN, context)) return;
  const size_t row = static_cast<size_t>(table.shape[1] * element_size(table.dtype));
  const char* from = static_cast<const char*>(table.data);
  char* to = static_cast<char*>(call.operands[2].data);
  if (row == 0) return;
  const int64_t group = larger(1, 65536 / static_cast<int64_t>(row));
  const double work = static_cast<double>(n) * (5 + 0.05 * static_cast<double>(row));
  parallel(context, parts_of(n, group), work, [=](int64_t task, void*) {
    const int64_t end = smaller(n, (task + 1) * group);
    for (int64_t k = task * group; k < end; k++) {
      const int64_t label = label_at(index, k, v);
      if (label < 0) continue;
      std::memcpy(to + static_cast<size_t>(k) * row, from + static_cast<size_t>(label) * row, row);
    }
  });
}

/** table[index[k]] += dy[k], onto zeros unless accumulate; table (v, d), dy (n, d). Tasks split the
 *  columns: every element gets its terms in the order of k. */
void scatter_add_rows(const Call& call, Context& context) {
  constexpr int64_t kColumns = 128;  // a task's
  const int64_t n = call.operands[0].shape[0], d = call.operands[0].shape[1], v = call.operands[2].shape[0];
  const Real* dy = input(call, 0);
  const int32_t* index = static_cast<const int32_t*>(call.operands[1].data);
  Real* table = output(call, 2);
  const bool accumulate = integer_parameter(call, 0) != 0;
  if (!labels_in_range(index, n, v, NAN, context)) return;
  const double work = 0.2 * static_cast<double>(d) * static_cast<double>(accumulate ? n : n + v);
  parallel(context, parts_of(d, kColumns), work, [=](int64_t task, void*) {
    const int64_t begin = task * kColumns, end = smaller(d, begin + kColumns);
    for (int64_t row = 0; row < v && !accumulate; row++) {
      Real* to = table + row * d;
      each_vector(begin, end, [=](auto lanes) { lanes.put(to, zero()); });
    }
    for (int64_t k = 0; k < n; k++) {
      const int64_t label = label_at(index, k, v);
      if (label < 0) continue;
      const Real* from = dy + k * d;
      Real* to = table + label * d;
      each_vector(begin, end, [=](auto lanes) { lanes.put(to, lanes.get(to) + lanes.get(from)); });
    }
  });
}

}  // namespace
