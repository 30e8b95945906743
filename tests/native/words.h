// Writes programs for the tests: the words that program_code.h describes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../../native/runtime/program_code.h"

namespace test {

using nabla::DType;

inline std::vector<int64_t> dense_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** One operand of an instruction; default-constructed: absent. */
struct Ref {
  bool present = false;
  int64_t slot = 0;
  int64_t offset = 0;  // bytes
  std::vector<int64_t> shape;
  DType dtype = DType::f32;
  std::vector<int64_t> stride;
  int64_t advance = 0;

  Ref() = default;
  Ref(int64_t slot_, int64_t offset_, std::vector<int64_t> shape_, DType dtype_ = DType::f32)
      : present(true),
        slot(slot_),
        offset(offset_),
        shape(std::move(shape_)),
        dtype(dtype_),
        stride(dense_strides(shape)) {}
  Ref with_stride(std::vector<int64_t> strides) const {
    Ref copy = *this;
    copy.stride = std::move(strides);
    return copy;
  }
  Ref with_advance(int64_t bytes) const {
    Ref copy = *this;
    copy.advance = bytes;
    return copy;
  }
};

inline int row_number(const std::string& name) {
  const auto& rows = nabla::kernel_rows();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

inline double function_number(const std::string& name) {
  const auto& rows = nabla::pointwise_rows();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == name) return static_cast<double>(i);
  }
  return -2;
}

struct Words {
  int64_t arena = 0;
  bool float64 = false;
  std::vector<nabla::Slot> slots;
  int instructions = 0;
  std::vector<double> body;

  void add(const std::string& kernel, const std::vector<Ref>& operands,
           const std::vector<double>& parameters = {}) {
    ++instructions;
    body.push_back(row_number(kernel));
    for (const Ref& ref : operands) {
      body.push_back(ref.present ? 1 : 0);
      if (!ref.present) continue;
      const double head[] = {double(ref.slot), double(ref.offset), double(int(ref.dtype)),
                             double(ref.shape.size())};
      body.insert(body.end(), head, head + 4);
      body.insert(body.end(), ref.shape.begin(), ref.shape.end());
      body.insert(body.end(), ref.stride.begin(), ref.stride.end());
      body.push_back(double(ref.advance));
    }
    body.push_back(double(parameters.size()));
    body.insert(body.end(), parameters.begin(), parameters.end());
  }

  /** y = function(inputs...), one step of the pointwise kernel. */
  void pointwise(const std::string& function, std::vector<Ref> inputs, const Ref& y) {
    std::vector<double> code = {0, 0, 1, function_number(function), 8, 0, 1, 2};
    inputs.resize(8);
    inputs.push_back(y);
    inputs.resize(12);
    add("pointwise", inputs, code);
  }

  std::vector<double> words() const {
    std::vector<double> all = {nabla::kProgramMagic, 1,
                               float64 ? 1.0 : 0.0,  double(slots.size()),
                               double(instructions), double(arena)};
    for (const nabla::Slot& slot : slots) {
      all.push_back(double(slot.bytes));
      all.push_back(slot.writable ? 1 : 0);
    }
    all.insert(all.end(), body.begin(), body.end());
    return all;
  }
};

}  // namespace test
