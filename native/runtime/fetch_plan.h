// What products bring nearer for the instructions behind them. A weight was last touched when the step
// before updated it, an activation when it was computed, memory to be written in the step before: by the time
// they are needed they lie in the last cache or in memory. A product has arithmetic enough to hide their way
// (kernels/gemm_micro.h).
#pragma once
#include <cstddef>
#include <vector>

#include "program_code.h"

namespace nabla {

/** Of an operand of a later instruction `rows` runs of `bytes`, `step` bytes apart. */
struct Fetch {
  size_t instruction, operand;
  int64_t rows, step, bytes;
};

/** For every instruction, what it should fetch: at most kMostSoon operands. */
std::vector<std::vector<Fetch>> plan_fetching(const ProgramCode& code);

}  // namespace nabla
