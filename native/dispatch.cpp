#include "dispatch.h"

#include <cstdint>
#include <cstdlib>

#include "runtime/error.h"

#if defined(__x86_64__) || defined(_M_X64)
#define NABLA_X86 1
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace nabla {

// The units of isa/.
namespace scalar {
extern const KernelTable table;
}
namespace scalar64 {
extern const KernelTable table;
}
#if defined(NABLA_X86)
namespace avx2 {
extern const KernelTable table;
}
namespace avx512 {
extern const KernelTable table;
}
namespace avx512bf16 {
extern const KernelTable table;
}
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
namespace neon {
extern const KernelTable table;
}
#endif

namespace {

#if defined(NABLA_X86)
struct Registers {
  uint32_t a, b, c, d;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
#if defined(_MSC_VER) && !defined(__clang__)
  int out[4];
  __cpuidex(out, static_cast<int>(leaf), static_cast<int>(subleaf));
  return {static_cast<uint32_t>(out[0]), static_cast<uint32_t>(out[1]), static_cast<uint32_t>(out[2]),
          static_cast<uint32_t>(out[3])};
#else
  Registers r{0, 0, 0, 0};
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
  return r;
#endif
}

// The registers that the system saves at a task switch (XCR0): without it an instruction set the
// CPU has may still not be used.
uint64_t saved_registers() {
#if defined(_MSC_VER) && !defined(__clang__)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ __volatile__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
#endif
}

struct X86Features {
  bool avx2 = false, avx512 = false, avx512bf16 = false;
};

// Bit numbers: Intel SDM volume 2A, CPUID; XCR0: volume 1, chapter 13.
X86Features x86_features() {
  const auto bit = [](uint32_t word, int number) { return ((word >> number) & 1) != 0; };
  X86Features found;
  const Registers one = cpuid(1, 0);
  const bool fma = bit(one.c, 12), xsave_on = bit(one.c, 27), avx = bit(one.c, 28);
  if (!fma || !xsave_on || !avx) return found;
  const uint64_t saved = saved_registers();
  const Registers seven = cpuid(7, 0);
  found.avx2 = (saved & 0x6) == 0x6 && bit(seven.b, 5);
  const bool parts =
      bit(seven.b, 16) && bit(seven.b, 17) && bit(seven.b, 30) && bit(seven.b, 31);  // F DQ BW VL
  found.avx512 = found.avx2 && (saved & 0xe6) == 0xe6 && parts;
  found.avx512bf16 = found.avx512 && bit(cpuid(7, 1).a, 5);
  return found;
}
#endif

std::string list_of(const std::vector<Isa>& isas) {
  std::string text;
  for (size_t i = 0; i < isas.size(); ++i) {
    if (i > 0) text += i + 1 == isas.size() ? " or " : ", ";
    text += isas[i].name;
  }
  return text;
}

}  // namespace

// One row an instruction set, the fastest first.
const std::vector<Isa>& available_isas() {
  static const std::vector<Isa> isas = [] {
    std::vector<Isa> found;
#if defined(NABLA_X86)
    const X86Features cpu = x86_features();
    if (cpu.avx512) found.push_back({"avx512", &avx512::table, true});
    if (cpu.avx2) found.push_back({"avx2", &avx2::table, true});
    // Rounds the factors of matrix products: only where somebody asks for it.
    if (cpu.avx512bf16) found.push_back({"avx512bf16", &avx512bf16::table, false});
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
    found.push_back({"neon", &neon::table, true});
#endif
    found.push_back({"scalar", &scalar::table, true});
    return found;
  }();
  return isas;
}

const Isa& find_isa(const std::string& name, const std::string& where) {
  for (const Isa& isa : available_isas()) {
    if (isa.name == name) return isa;
  }
  throw Error(ErrorCode::argument, expected(list_of(available_isas()), where, "\"" + name + "\""));
}

const Isa& active_isa() {
  static const Isa& active = []() -> const Isa& {
    const char* forced = std::getenv("NABLA_ISA");
    if (forced && *forced) return find_isa(forced, "NABLA_ISA");
    for (const Isa& isa : available_isas()) {
      if (isa.automatic) return isa;
    }
    return available_isas().back();
  }();
  return active;
}

const KernelTable& float64_table() { return scalar64::table; }

}  // namespace nabla
