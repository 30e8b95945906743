#include "memory.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../kernels/call.h"
#include "error.h"

#if defined(_WIN32)
#include <malloc.h>
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace nabla {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kLargePage = size_t{2} << 20;
// From here on memory is made of whole large pages, also the end of it: parameters, gradients and what an
// optimizer keeps are walked through in every step (mlp_deep in small pages: 4 % more time).
constexpr size_t kLargeFrom = size_t{1} << 20;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

#if defined(_WIN32)
void* allocate_pages(size_t bytes) {
  return VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);  // 64 KB aligned
}
void release_pages(void* memory, size_t) { VirtualFree(memory, 0, MEM_RELEASE); }
void* allocate_small(size_t bytes) { return _aligned_malloc(bytes, kAlignment); }
void release_small(void* memory) { _aligned_free(memory); }
#else
// Maps one large page too much and gives the ends back, so that the rest begins on a large page.
void* allocate_pages(size_t bytes) {
  const size_t mapped = bytes + kLargePage;
  void* raw = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(raw);
  const uintptr_t aligned = round_up(begin, kLargePage);
  if (aligned > begin) munmap(raw, aligned - begin);
  const size_t behind = begin + mapped - (aligned + bytes);
  if (behind > 0) munmap(reinterpret_cast<void*>(aligned + bytes), behind);
#if defined(MADV_HUGEPAGE)
  madvise(reinterpret_cast<void*>(aligned), bytes, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<void*>(aligned);
}
void release_pages(void* memory, size_t bytes) { munmap(memory, bytes); }
void* allocate_small(size_t bytes) {
  void* memory = nullptr;
  return posix_memalign(&memory, kAlignment, bytes) == 0 ? memory : nullptr;
}
void release_small(void* memory) { std::free(memory); }
#endif

// Room for one cache line at least: an empty buffer still has an address of its own.
size_t small_size(size_t bytes) { return bytes == 0 ? kAlignment : bytes; }

struct OwnedThreadMemory : ThreadMemory {
  OwnedThreadMemory() {
    scratch = allocate_zeroed(kScratchBytes);
    partials = static_cast<double*>(allocate_zeroed(sizeof(double) * kPartials));
  }
  ~OwnedThreadMemory() {
    release_memory(scratch, kScratchBytes);
    release_memory(partials, sizeof(double) * kPartials);
  }
};

}  // namespace

void* allocate_zeroed(size_t bytes) {
  constexpr size_t kMost = SIZE_MAX / 4;
  void* memory = nullptr;
  if (bytes >= kLargeFrom && bytes < kMost) {
    memory = allocate_pages(round_up(bytes, kLargePage));
  } else if (bytes < kLargeFrom) {
    memory = allocate_small(small_size(bytes));
    if (memory) std::memset(memory, 0, small_size(bytes));
  }
  if (!memory) {
    throw Error(ErrorCode::memory, "Expected " + number_text(static_cast<double>(bytes)) +
                                       " bytes of memory but the system refused them");
  }
  return memory;
}

void release_memory(void* memory, size_t bytes) noexcept {
  if (!memory) return;
  if (bytes >= kLargeFrom) {
    release_pages(memory, round_up(bytes, kLargePage));
  } else {
    release_small(memory);
  }
}

const ThreadMemory& thread_memory() {
  static thread_local OwnedThreadMemory memory;
  return memory;
}

}  // namespace nabla
