// The one error type of native code. The binding turns it into a JavaScript error
// (binding/errors.cpp); kernels and the executor never throw.
#pragma once
#include <exception>
#include <string>
#include <utility>

namespace nabla {

enum class ErrorCode { argument, program, busy, state, memory, platform };

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  ErrorCode code() const noexcept { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorCode code_;
  std::string message_;
};

/** The message form of the whole project. */
inline std::string expected(const std::string& what, const std::string& where, const std::string& received) {
  return "Expected " + what + " for " + where + " but received " + received;
}

/** A number as a person would write it: integers without a point, others with 17 digits at most. */
std::string number_text(double value);

}  // namespace nabla
