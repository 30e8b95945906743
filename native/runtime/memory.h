// Zeroed memory for buffers, arenas and scratch.
#pragma once
#include <cstddef>

namespace nabla {

/** Zeroed bytes, aligned to 64; from 2 MB on aligned to 2 MB, and in large pages where the system
 *  gives them (a fresh 40 MB touched once: 20 ms in 4 KB pages, 5 ms in large ones). Never null:
 *  throws Error(memory). No bytes give a valid pointer, too. */
void* allocate_zeroed(size_t bytes);
void release_memory(void* memory, size_t bytes) noexcept;

/** What every thread that runs kernels owns; made at its first use, freed when the thread ends. */
struct ThreadMemory {
  void* scratch;     // kScratchBytes
  double* partials;  // kPartials
};
const ThreadMemory& thread_memory();

}  // namespace nabla
