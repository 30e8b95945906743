// Which instruction sets this binary holds, which of them the CPU runs, and which one is used.
#pragma once
#include <string>
#include <vector>

#include "kernels/call.h"

namespace nabla {

struct Isa {
  const char* name;
  const KernelTable* table;
  bool automatic;  // chosen without being asked for; others change the arithmetic (bf16)
};

/** Those this CPU and system run, the fastest first; "scalar" is always the last. */
const std::vector<Isa>& available_isas();

/** NABLA_ISA, else the fastest automatic one. Throws Error(argument) naming those available when
 *  the variable names none of them. */
const Isa& active_isa();

/** The one of that name; throws Error(argument) otherwise. `where` is who asks. */
const Isa& find_isa(const std::string& name, const std::string& where);

/** The kernels of float64 programs: one element at a time on every machine. */
const KernelTable& float64_table();

}  // namespace nabla
