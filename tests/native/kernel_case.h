// One random call of a kernel: made from its signature, run on any instruction set.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../../native/runtime/program.h"
#include "allocations.h"
#include "kernel_cases.h"
#include "allocations.h"
#include "words.h"

namespace test {

using nabla::KernelRow;
using nabla::OperandRow;
using nabla::ParameterRow;
using nabla::TypeRule;

enum class Pass { normal, special, integers };

using Generator = std::mt19937_64;
inline int64_t below(Generator& generator, int64_t n) {
  return static_cast<int64_t>(generator() % static_cast<uint64_t>(n));
}
inline bool coin(Generator& generator) { return below(generator, 2) == 1; }

/** One operand and its values, in the order of storage; storage may have gaps. */
struct CaseOperand {
  bool present = false;
  bool filled = false;  // an input, or an output that is read: `values` count
  int shares = -1;      // works in place on this operand's memory
  DType dtype = DType::f32;
  std::vector<int64_t> shape, stride;
  int64_t lead = 0;             // elements before the first, so that the base is on no boundary
  std::vector<int64_t> places;  // of the elements in row-major order, in storage
  int64_t extent = 0;
  std::vector<double> values;  // one a storage place
};

struct Case {
  const KernelRow* row = nullptr;
  Pass pass = Pass::normal;
  std::vector<CaseOperand> operands;
  std::vector<double> parameters;

  bool has_real64() const {  // can be run in float64
    return std::none_of(row->operands.begin(), row->operands.end(),
                        [](const OperandRow& operand) { return operand.type == TypeRule::same; });
  }
  double parameter(const char* name) const {
    for (size_t i = 0; i < row->parameters.size(); ++i) {
      if (row->parameters[i].name == name) return parameters[i];
    }
    return std::nan("");
  }
  const CaseOperand& operand(const char* name) const {
    return operands[static_cast<size_t>(row->operand_number(name))];
  }
  /** Elements before the run, row-major. */
  std::vector<double> elements(const char* name) const {
    const CaseOperand& it = operand(name);
    std::vector<double> all;
    for (const int64_t place : it.places) all.push_back(it.values[static_cast<size_t>(place)]);
    return all;
  }
  std::string text() const;
};

inline std::string Case::text() const {
  std::string text = row->name + " (";
  for (size_t i = 0; i < operands.size(); ++i) {
    text += (i ? ", " : "") + row->operands[i].name;
    if (!operands[i].present) {
      text += " -";
      continue;
    }
    text += " [";
    for (size_t axis = 0; axis < operands[i].shape.size(); ++axis) {
      text += (axis ? "," : "") + std::to_string(operands[i].shape[axis]) + ":" +
              std::to_string(operands[i].stride[axis]);
    }
    text += "]";
    text += operands[i].shares >= 0 ? " in place" : std::string(" ") + nabla::dtype_name(operands[i].dtype);
  }
  text += ";";
  for (const double parameter : parameters) text += " " + nabla::number_text(parameter);
  return text + ") " + (pass == Pass::normal ? "normal" : pass == Pass::special ? "special" : "integers");
}

// ---------------------------------------------------------------- running

constexpr size_t kGuard = 64;

struct Outcome {
  nabla::RunStatus status;
  std::vector<std::vector<std::byte>> memory;  // by operand; empty when absent
  int size_of_real = 4;
  int64_t allocations = 0;  // made by the run
};

inline DType dtype_in(const CaseOperand& operand, bool float64) {
  return float64 && operand.dtype == DType::f32 ? DType::f64 : operand.dtype;
}

inline void put(std::byte* at, DType dtype, double value) {
  if (dtype == DType::f32) {
    const float narrow = static_cast<float>(value);
    std::memcpy(at, &narrow, 4);
  } else if (dtype == DType::f64) {
    std::memcpy(at, &value, 8);
  } else if (dtype == DType::i32) {
    const int32_t integer = static_cast<int32_t>(value);
    std::memcpy(at, &integer, 4);
  } else {
    *at = static_cast<std::byte>(static_cast<int>(value) & 255);
  }
}

inline double get(const std::byte* at, DType dtype) {
  if (dtype == DType::f32) {
    float narrow;
    std::memcpy(&narrow, at, 4);
    return static_cast<double>(narrow);
  }
  if (dtype == DType::f64) {
    double value;
    std::memcpy(&value, at, 8);
    return value;
  }
  if (dtype == DType::i32) {
    int32_t integer;
    std::memcpy(&integer, at, 4);
    return integer;
  }
  return static_cast<double>(static_cast<unsigned char>(*at));
}

inline size_t offset_of(const CaseOperand& operand, bool float64) {
  return kGuard + static_cast<size_t>(operand.lead * nabla::element_size(dtype_in(operand, float64)));
}

/** The operand's memory before a run: all bits set (NaN, -1) wherever no value stands. */
inline std::vector<std::byte> memory_before(const CaseOperand& operand, bool float64) {
  const DType dtype = dtype_in(operand, float64);
  const size_t size = static_cast<size_t>(nabla::element_size(dtype)), offset = offset_of(operand, float64);
  std::vector<std::byte> memory(offset + static_cast<size_t>(operand.extent) * size + kGuard, std::byte{255});
  if (!operand.filled) return memory;
  for (const int64_t place : operand.places) {
    put(&memory[offset + static_cast<size_t>(place) * size], dtype,
        operand.values[static_cast<size_t>(place)]);
  }
  return memory;
}

inline Outcome run_case(const Case& it, const nabla::Isa* isa, bool float64, int threads) {
  Words words;
  words.float64 = float64;
  std::vector<Ref> refs;
  std::vector<std::shared_ptr<nabla::Buffer>> buffers;  // by slot - 1
  std::vector<int64_t> slot_of(it.operands.size(), 0);
  for (size_t i = 0; i < it.operands.size(); ++i) {
    const CaseOperand& operand = it.operands[i];
    if (!operand.present) {
      refs.push_back(Ref());
      continue;
    }
    const bool output = it.row->operands[i].output;
    if (operand.shares >= 0) {
      slot_of[i] = slot_of[static_cast<size_t>(operand.shares)];
      words.slots[static_cast<size_t>(slot_of[i] - 1)].writable = true;
    } else {
      const auto memory = memory_before(operand, float64);
      buffers.push_back(std::make_shared<nabla::Buffer>(memory.size()));
      std::copy(memory.begin(), memory.end(), buffers.back()->data());
      words.slots.push_back({static_cast<int64_t>(memory.size()), output});
      slot_of[i] = static_cast<int64_t>(words.slots.size());
    }
    refs.push_back(Ref(slot_of[i], static_cast<int64_t>(offset_of(operand, float64)), operand.shape,
                       dtype_in(operand, float64))
                       .with_stride(operand.stride));
  }
  words.add(it.row->name, refs, it.parameters);
  const std::vector<double> all = words.words();
  nabla::Program program(all.data(), all.size(), isa);
  for (size_t i = 0; i < buffers.size(); ++i) program.bind(static_cast<int64_t>(i) + 1, buffers[i]);
  Outcome outcome;
  const int64_t before = allocations;
  outcome.status = program.run(1, threads);
  outcome.allocations = allocations - before;
  for (size_t i = 0; i < it.operands.size(); ++i) {
    outcome.memory.emplace_back();
    if (!it.operands[i].present) continue;
    const auto& buffer = buffers[static_cast<size_t>(slot_of[i] - 1)];
    outcome.memory.back().assign(buffer->data(), buffer->data() + buffer->bytes());
  }
  return outcome;
}

/** Elements of an operand after a run, row-major. */
inline std::vector<double> results(const Case& it, const Outcome& outcome, size_t operand, bool float64) {
  const CaseOperand& y = it.operands[operand];
  const DType dtype = dtype_in(y, float64);
  const size_t size = static_cast<size_t>(nabla::element_size(dtype)), offset = offset_of(y, float64);
  std::vector<double> all;
  for (const int64_t place : y.places) {
    all.push_back(get(&outcome.memory[operand][offset + static_cast<size_t>(place) * size], dtype));
  }
  return all;
}

/** Every byte that is no element of an output is as it was before. */
inline bool others_untouched(const Case& it, const Outcome& outcome, size_t operand, bool float64) {
  const CaseOperand& y = it.operands[operand];
  const CaseOperand& owner = y.shares >= 0 ? it.operands[static_cast<size_t>(y.shares)] : y;
  std::vector<std::byte> before = memory_before(owner, float64);
  const size_t size = static_cast<size_t>(nabla::element_size(dtype_in(y, float64))),
               offset = offset_of(y, float64);
  const std::vector<std::byte>& after = outcome.memory[operand];
  bool shared_by_output = it.row->operands[operand].output;
  for (size_t i = 0; i < it.operands.size(); ++i)
    shared_by_output = shared_by_output || it.operands[i].shares == static_cast<int>(operand);
  if (shared_by_output) {
    for (const int64_t place : y.places) {
      const size_t at = offset + static_cast<size_t>(place) * size;
      std::copy(after.begin() + static_cast<std::ptrdiff_t>(at),
                after.begin() + static_cast<std::ptrdiff_t>(at + size),
                before.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return before == after;
}

}  // namespace test
