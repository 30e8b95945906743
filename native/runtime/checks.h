// What a kernel demands beyond its row in kernels.inc.
#pragma once
#include "program_code.h"

namespace nabla {

/** Throws Error(program) when the operands or parameters, right by the signature, would make this
 *  kernel read or write what it must not. After the checks of program_verifier.cpp. */
void check_kernel(const ProgramCode& code, const InstructionCode& instruction);

/** Whether this output may be the very memory of this input. */
bool may_work_in_place(const KernelRow& row, size_t output, size_t input);

}  // namespace nabla
