// What the machine and the system grant this process.
#pragma once
#include <cstdint>

namespace nabla {

/** CPUs this process may use: the affinity mask, and no more than its cgroup's CPU quota. */
int available_cpus();

struct CacheSizes {
  int64_t l1, l2, l3;  // bytes; 0 where the system does not say
};
CacheSizes cache_sizes();

/** Keeps this library loaded for ever: a worker_threads environment that ends unloads its addons,
 *  and the threads of the pool would wake up in memory that is gone. */
void pin_library() noexcept;

}  // namespace nabla
