// Memory that JavaScript and programs share: counted by reference (std::shared_ptr), so it stays
// while a view, a program or a running step needs it.
#pragma once
#include <cstddef>
#include <memory>

#include "gate.h"
#include "memory.h"

namespace nabla {

class Buffer {
 public:
  explicit Buffer(size_t bytes) : data_(static_cast<std::byte*>(allocate_zeroed(bytes))), bytes_(bytes) {}
  ~Buffer() { release_memory(data_, bytes_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::byte* data() const noexcept { return data_; }
  size_t bytes() const noexcept { return bytes_; }
  Gate& gate() noexcept { return gate_; }

 private:
  std::byte* data_;
  size_t bytes_;
  Gate gate_;
};

}  // namespace nabla
