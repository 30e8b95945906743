// A program that may run: verified code, an arena of its own, the memory bound to its slots.
// Not for two threads at once; what two programs share are buffers, and their gates order that.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "../dispatch.h"
#include "buffer.h"
#include "gate_set.h"
#include "program_code.h"
#include "thread_choice.h"

namespace nabla {

/** How a run ended. completed < the steps asked for: a failure, or an interruption (failure none). */
struct RunStatus {
  int64_t completed = 0;
  Failure failure = Failure::none;
  int64_t instruction = 0;
  int64_t step = 0;
  double value = 0;
};

class Program {
 public:
  /** Verifies. isa null: the active one (float64 programs have kernels of their own). */
  Program(const double* words, size_t count, const Isa* isa);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /** Slot 1 ..; the buffer stays until another is bound. */
  void bind(int64_t slot, std::shared_ptr<Buffer> buffer);
  /** Memory of the caller, until the end of the next run. */
  void bind_array(int64_t slot, void* data, size_t bytes);
  void release_arrays() noexcept;
  /** Throws when a slot would refuse memory of that many bytes. */
  void check_bytes(int64_t slot, size_t bytes) const;
  int64_t slot_count() const noexcept { return static_cast<int64_t>(slots_.size()) - 1; }

  /** One synchronous run. Throws, with nothing done, when a slot is unbound, a buffer too short for
   *  the steps, or another run writes one of the buffers. */
  const RunStatus& run(int64_t steps, int threads);
  /** The same, adding up nanoseconds by instruction. */
  const RunStatus& profile(int64_t steps, int threads, double* nanoseconds);

  /** Asynchronous: submit() throws as run() does and claims the buffers; then either
   *  run_submitted() on any thread or cancel_submitted(), then finish_submitted(). */
  void submit(int64_t steps);
  const RunStatus& run_submitted(int64_t steps, int threads) noexcept;
  void cancel_submitted() noexcept { gates_.unclaim(); }
  void finish_submitted() noexcept { submitted_ = false; }

  /** In place of submit(): the step is run here and now, when the last one that was measured took at most
   *  `most` nanoseconds and nobody else is at the buffers. Whether it was; throws as run() does. */
  bool run_if_brief(int threads, double most);
  /** Of the last step run by itself by run_submitted() or run_if_brief(). */
  double measured_nanoseconds() const noexcept { return measured_; }
  bool submitted() const noexcept { return submitted_; }

  /** From any thread: stop before the next step. */
  void interrupt() noexcept { interrupted_.store(true, std::memory_order_relaxed); }

  const RunStatus& status() const noexcept { return status_; }
  /** What its steps gain from threads, as far as is known. Not while it runs. */
  const ThreadChoice& choice() const noexcept { return choice_; }
  int64_t arena_bytes() const noexcept { return arena_bytes_; }
  int64_t instruction_count() const noexcept { return static_cast<int64_t>(calls_.size()); }

 private:
  struct Place {  // of an operand; parallel to operands_
    int64_t offset;
    int64_t advance;
    int64_t end;
    bool present;
    int slot;
  };
  struct BoundSlot {
    int64_t least_bytes;
    bool writable;
    size_t alignment;
    std::vector<size_t> operands;  // numbers in operands_
    std::shared_ptr<Buffer> buffer;
    std::byte* data = nullptr;
    size_t bytes = 0;
    bool bound = false;
    bool array = false;
    int64_t most_steps = kMostBytes;  // that the bound bytes hold
  };

  void load(const ProgramCode& code);
  void load_instruction(const InstructionCode& instruction);
  void load_fetching(const ProgramCode& code);
  BoundSlot& slot_to_bind(int64_t slot);
  void resolve(int64_t slot, std::byte* data, size_t bytes);
  void check_apart();
  void rebuild_gates();
  void begin(int64_t steps);
  [[noreturn]] void refuse_begin(int64_t steps) const;
  [[noreturn]] static void refuse_busy(int slot);
  void execute(int64_t steps, int threads, double* nanoseconds) noexcept;
  void execute_measured(int64_t steps, int threads) noexcept;
  size_t execute_step(Context& context) const noexcept;
  size_t execute_chosen_step(Context& context, int threads) noexcept;
  size_t profile_step(Context& context, double* nanoseconds) const noexcept;
  void advance() noexcept;
  void rewind() noexcept;

  bool flush_denormals_;
  bool parallel_;
  std::vector<Kernel> kernels_;
  std::vector<Call> calls_;
  std::vector<Operand> operands_;
  std::vector<Place> places_;
  std::vector<size_t> advancing_;  // numbers in operands_
  std::vector<double> parameters_;
  std::vector<Soon> soon_;

  std::vector<BoundSlot> slots_;  // slot 0: the arena
  int64_t arena_bytes_;
  std::byte* arena_;
  int unbound_ = 0;
  int arrays_ = 0;
  bool apart_ = false;  // check_apart has seen the memory bound now
  int64_t most_steps_in_code_;
  int64_t most_steps_ = 0;  // with the memory bound now
  GateSet gates_;
  ThreadChoice choice_;

  std::atomic<bool> interrupted_{false};
  bool submitted_ = false;
  double measured_ = 0;  // 0: not yet
  RunStatus status_;
};

}  // namespace nabla
