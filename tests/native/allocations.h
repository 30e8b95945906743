// Counts what operator new is asked for, to show that running a program allocates nothing. To be
// included by one source of a test program.
#pragma once
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace test {
inline std::atomic<int64_t> allocations{0};
}  // namespace test

void* operator new(std::size_t bytes) {
  test::allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
