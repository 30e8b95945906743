// Denormals flushed to zero while it lives, the caller's mode restored after. Workers of the pool
// keep one for ever.
#pragma once
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace nabla {

class FlushDenormals {
 public:
  explicit FlushDenormals(bool wanted) noexcept {
    if (!wanted) return;
    saved_ = read();
    changed_ = (saved_ & kFlush) != kFlush;
    if (changed_) write(saved_ | kFlush);
  }
  ~FlushDenormals() {
    if (changed_) write(saved_);
  }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__) || defined(_M_X64)
  using Word = unsigned int;
  static constexpr Word kFlush = 0x8040;  // MXCSR: FTZ (bit 15), DAZ (bit 6)
  static Word read() noexcept { return _mm_getcsr(); }
  static void write(Word value) noexcept { _mm_setcsr(value); }
#elif defined(__aarch64__) && !defined(_MSC_VER)
  using Word = uint64_t;
  static constexpr Word kFlush = uint64_t{1} << 24;  // FPCR.FZ
  static Word read() noexcept {
    Word value;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void write(Word value) noexcept { __asm__ __volatile__("msr fpcr, %0" : : "r"(value)); }
#else
  using Word = unsigned int;
  static constexpr Word kFlush = 0;
  static Word read() noexcept { return 0; }
  static void write(Word) noexcept {}
#endif
  Word saved_ = 0;
  bool changed_ = false;
};

}  // namespace nabla
