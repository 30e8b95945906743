// Loading a verified program, and binding memory to it. Running it: program_run.cpp.
#include "program.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "error.h"
#include "fetch_plan.h"

namespace nabla {
namespace {

// Where operands without an element point to: present is "not null".
alignas(64) std::byte nowhere[64];

std::string slot_text(int64_t slot) { return "slot " + std::to_string(slot); }

}  // namespace

Program::Program(const double* words, size_t count, const Isa* isa) : arena_(nullptr) {
  ProgramCode code = read_program(words, count);
  verify_program(code);
  const bool real64 = code.real == DType::f64;
  flush_denormals_ = !real64;
  parallel_ = !real64;  // workers of the pool flush denormals for ever
  const Kernel* table = real64 ? float64_table().kernels : (isa ? *isa : active_isa()).table->kernels;
  arena_bytes_ = code.slots[0].bytes;
  most_steps_in_code_ = code.most_steps;
  load(code);
  for (const InstructionCode& instruction : code.instructions) {
    kernels_.push_back(table[instruction.row_number]);
  }
  arena_ = static_cast<std::byte*>(allocate_zeroed(static_cast<size_t>(arena_bytes_)));
  try {
    resolve(0, arena_, static_cast<size_t>(arena_bytes_));
  } catch (...) {
    release_memory(arena_, static_cast<size_t>(arena_bytes_));
    throw;
  }
}

Program::~Program() { release_memory(arena_, static_cast<size_t>(arena_bytes_)); }

void Program::load(const ProgramCode& code) {
  size_t operands = 0, parameters = 0;
  for (const InstructionCode& instruction : code.instructions) {
    operands += instruction.operands.size();
    parameters += instruction.parameters.size();
  }
  // Calls point into these two, so they must not grow while they are filled.
  operands_.reserve(operands);
  parameters_.reserve(parameters);
  for (const Slot& slot : code.slots) {
    BoundSlot bound{};
    bound.least_bytes = slot.bytes;
    bound.writable = slot.writable;
    bound.alignment = 1;
    bound.most_steps = kMostBytes;
    slots_.push_back(std::move(bound));
  }
  unbound_ = static_cast<int>(slots_.size());
  for (const InstructionCode& instruction : code.instructions) load_instruction(instruction);
  load_fetching(code);
}

void Program::load_fetching(const ProgramCode& code) {
  const auto plan = plan_fetching(code);
  size_t count = 0;
  for (const auto& fetched : plan) count += fetched.size();
  soon_.reserve(count);  // calls point into it
  for (size_t i = 0; i < plan.size(); ++i) {
    calls_[i].soon = soon_.data() + soon_.size();
    calls_[i].soon_count = static_cast<int32_t>(plan[i].size());
    for (const Fetch& fetch : plan[i])
      soon_.push_back(
          {calls_[fetch.instruction].operands + fetch.operand, fetch.rows, fetch.step, fetch.bytes});
  }
}

void Program::load_instruction(const InstructionCode& instruction) {
  const Operand* first = operands_.data() + operands_.size();
  const double* parameters = parameters_.data() + parameters_.size();
  for (const OperandCode& code : instruction.operands) {
    const size_t number = operands_.size();
    Operand operand{};
    if (code.present) {
      operand.rank = code.rank;
      operand.dtype = code.dtype;
      std::copy(code.shape, code.shape + code.rank, operand.shape);
      std::copy(code.stride, code.stride + code.rank, operand.stride);
      BoundSlot& slot = slots_[static_cast<size_t>(code.slot)];
      slot.operands.push_back(number);
      slot.alignment = std::max(slot.alignment, static_cast<size_t>(element_size(code.dtype)));
      if (code.advance > 0 && code.elements > 0) advancing_.push_back(number);
    }
    operands_.push_back(operand);
    places_.push_back({code.offset, code.elements > 0 ? code.advance : 0, code.end, code.present, code.slot});
  }
  parameters_.insert(parameters_.end(), instruction.parameters.begin(), instruction.parameters.end());
  calls_.push_back({first, parameters, static_cast<int32_t>(instruction.parameters.size())});
}

Program::BoundSlot& Program::slot_to_bind(int64_t slot) {
  if (slot < 1 || slot > slot_count()) {
    throw Error(ErrorCode::argument, expected("an integer from 1 to " + std::to_string(slot_count()), "slot",
                                              std::to_string(slot)));
  }
  if (submitted_) {
    throw Error(ErrorCode::busy,
                expected("a program that is not running", slot_text(slot), "one in an asynchronous run"));
  }
  return slots_[static_cast<size_t>(slot)];
}

void Program::bind(int64_t slot, std::shared_ptr<Buffer> buffer) {
  BoundSlot& target = slot_to_bind(slot);
  resolve(slot, buffer->data(), buffer->bytes());
  target.buffer = std::move(buffer);
  if (target.array) --arrays_;
  target.array = false;
  rebuild_gates();
}

void Program::bind_array(int64_t slot, void* data, size_t bytes) {
  BoundSlot& target = slot_to_bind(slot);
  resolve(slot, static_cast<std::byte*>(data), bytes);
  if (target.buffer) {
    target.buffer.reset();
    rebuild_gates();
  }
  if (!target.array) ++arrays_;
  target.array = true;
}

void Program::release_arrays() noexcept {
  if (arrays_ == 0) return;
  for (BoundSlot& slot : slots_) {
    if (!slot.array) continue;
    slot.array = slot.bound = false;
    ++unbound_;
  }
  arrays_ = 0;
}

void Program::check_bytes(int64_t slot, size_t bytes) const {
  const int64_t least = slots_[static_cast<size_t>(slot)].least_bytes;
  if (bytes >= static_cast<size_t>(least)) return;
  throw Error(ErrorCode::argument, expected("at least " + std::to_string(least) + " bytes", slot_text(slot),
                                            std::to_string(bytes)));
}

// Points the operands of a slot into its memory and finds how many steps that memory holds.
// Throws before it changes anything.
void Program::resolve(int64_t number, std::byte* data, size_t bytes) {
  BoundSlot& slot = slots_[static_cast<size_t>(number)];
  check_bytes(number, bytes);
  if (reinterpret_cast<uintptr_t>(data) % slot.alignment != 0) {
    throw Error(ErrorCode::argument,
                expected("memory aligned to " + std::to_string(slot.alignment) + " bytes", slot_text(number),
                         "an unaligned address"));
  }
  if (!data) data = nowhere;
  slot.most_steps = kMostBytes;
  for (const size_t operand : slot.operands) {
    const Place& place = places_[operand];
    operands_[operand].data = data + place.offset;
    if (place.advance == 0) continue;
    slot.most_steps =
        std::min(slot.most_steps, (static_cast<int64_t>(bytes) - place.end) / place.advance + 1);
  }
  if (!slot.bound) --unbound_;
  slot.bound = true;
  apart_ = false;
  slot.data = data;
  slot.bytes = bytes;
  most_steps_ = most_steps_in_code_;
  for (const BoundSlot& each : slots_) most_steps_ = std::min(most_steps_, each.most_steps);
}

// The verifier knew slots only; two of them may share memory when neither is written.
void Program::check_apart() {
  for (size_t i = 1; i < slots_.size(); ++i) {
    for (size_t j = i + 1; j < slots_.size(); ++j) {
      const BoundSlot& a = slots_[i];
      const BoundSlot& b = slots_[j];
      if (!(a.writable || b.writable) || a.bytes == 0 || b.bytes == 0) continue;
      const uintptr_t begin_a = reinterpret_cast<uintptr_t>(a.data),
                      begin_b = reinterpret_cast<uintptr_t>(b.data);
      if (begin_a < begin_b + b.bytes && begin_b < begin_a + a.bytes) {
        throw Error(ErrorCode::argument, expected("memory apart from " + slot_text(static_cast<int64_t>(i)),
                                                  slot_text(static_cast<int64_t>(j)),
                                                  "memory that overlaps it, and one of the two is written"));
      }
    }
  }
  apart_ = true;
}

void Program::rebuild_gates() {
  std::vector<GateSet::Member> members;
  for (int64_t i = 1; i <= slot_count(); ++i) {
    const BoundSlot& slot = slots_[static_cast<size_t>(i)];
    if (slot.buffer) members.push_back({&slot.buffer->gate(), slot.writable, static_cast<int>(i)});
  }
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.gate < b.gate; });
  // One buffer in two slots: both read only (check_apart), so one gate is enough.
  members.erase(std::unique(members.begin(), members.end(),
                            [](const auto& a, const auto& b) { return a.gate == b.gate; }),
                members.end());
  gates_.reset(std::move(members));
}

}  // namespace nabla
