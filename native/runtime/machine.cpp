#include "machine.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#if defined(_WIN32)
#include <windows.h>

#include <vector>
#else
#include <dlfcn.h>
#if defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__linux__)
#include <sched.h>
#endif
#endif

namespace nabla {
namespace {

#if defined(__linux__)
int affinity_cpus() {
  // 8192 CPUs: the kernel refuses a mask shorter than its own.
  constexpr int kCpus = 8192;
  cpu_set_t* mask = CPU_ALLOC(kCpus);
  if (!mask) return 0;
  const size_t bytes = CPU_ALLOC_SIZE(kCpus);
  CPU_ZERO_S(bytes, mask);
  const int count = sched_getaffinity(0, bytes, mask) == 0 ? CPU_COUNT_S(bytes, mask) : 0;
  CPU_FREE(mask);
  return count;
}

// CPUs granted by one cgroup directory, or infinity. Version 2: "quota period" or "max period" in
// cpu.max; version 1: two files, quota -1 for none.
double quota_in(const std::string& directory) {
  std::string quota;
  double period = 0;
  if (std::ifstream file(directory + "/cpu.max"); file >> quota >> period && quota != "max" && period > 0) {
    return std::strtod(quota.c_str(), nullptr) / period;
  }
  double microseconds = 0;
  std::ifstream quota_file(directory + "/cpu.cfs_quota_us");
  std::ifstream period_file(directory + "/cpu.cfs_period_us");
  if (quota_file >> microseconds && period_file >> period && microseconds > 0 && period > 0) {
    return microseconds / period;
  }
  return INFINITY;
}

// The tightest quota of this process's cgroup and every one above it.
double cgroup_cpus() {
  double least = std::min(quota_in("/sys/fs/cgroup"), quota_in("/sys/fs/cgroup/cpu"));
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // number:controllers:/path
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("cpu") == std::string::npos) continue;
    const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (std::string path = line.substr(second + 1); path.size() > 1; path.erase(path.find_last_of('/'))) {
      least = std::min(least, quota_in(root + path));
    }
  }
  return least;
}

int64_t cache_bytes(int level) {
  for (int index = 0; index < 8; ++index) {
    const std::string directory = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    int found = 0;
    std::string type;
    std::ifstream(directory + "/level") >> found;
    std::ifstream(directory + "/type") >> type;
    if (found != level || type == "Instruction") continue;
    int64_t size = 0;
    char unit = 0;
    std::ifstream(directory + "/size") >> size >> unit;
    return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size;
  }
  return 0;
}
#elif defined(__APPLE__)
int64_t system_number(const char* name) {
  int64_t value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}
#endif

}  // namespace

int available_cpus() {
  int cpus = 0;
#if defined(__linux__)
  cpus = affinity_cpus();
  const double quota = cgroup_cpus();
  if (cpus > 0 && quota < cpus) cpus = static_cast<int>(std::ceil(quota));
#endif
  if (cpus <= 0) cpus = static_cast<int>(std::thread::hardware_concurrency());
  return std::max(cpus, 1);
}

CacheSizes cache_sizes() {
#if defined(__linux__)
  return {cache_bytes(1), cache_bytes(2), cache_bytes(3)};
#elif defined(__APPLE__)
  return {system_number("hw.l1dcachesize"), system_number("hw.l2cachesize"), system_number("hw.l3cachesize")};
#elif defined(_WIN32)
  CacheSizes sizes{0, 0, 0};
  DWORD bytes = 0;
  GetLogicalProcessorInformation(nullptr, &bytes);
  std::vector<SYSTEM_LOGICAL_PROCESSOR_INFORMATION> all(bytes / sizeof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION));
  if (!GetLogicalProcessorInformation(all.data(), &bytes)) return sizes;
  for (const auto& one : all) {
    if (one.Relationship != RelationCache || one.Cache.Type == CacheInstruction) continue;
    int64_t& size = one.Cache.Level == 1 ? sizes.l1 : one.Cache.Level == 2 ? sizes.l2 : sizes.l3;
    size = one.Cache.Size;
  }
  return sizes;
#else
  return {0, 0, 0};
#endif
}

void pin_library() noexcept {
#if defined(_WIN32)
  HMODULE module;
  GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                     reinterpret_cast<LPCSTR>(&pin_library), &module);
#else
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&pin_library), &info) != 0 && info.dli_fname) {
    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
  }
#endif
}

}  // namespace nabla
