// The frame of a native test: CHECK counts, finish() prints the last line and gives the exit status.
#pragma once
#include <algorithm>
#include <cstdio>
#include <string>

#include "../../native/runtime/error.h"

namespace test {

inline int passed = 0;
inline int failed = 0;

inline bool check(bool right, const char* what, const char* file, int line, const std::string& detail = "") {
  right ? ++passed : ++failed;
  if (!right) std::printf("%s:%d: %s %s\n", file, line, what, detail.c_str());
  return right;
}

/** body() must throw a nabla::Error whose message holds every one of these texts, split by '|'. */
template <class Body>
bool refuses(const std::string& texts, const char* file, int line, const Body& body) {
  std::string message;
  try {
    body();
    return check(false, "nothing thrown, expected:", file, line, texts);
  } catch (const nabla::Error& error) {
    message = error.what();
  }
  for (size_t at = 0; at <= texts.size();) {
    const size_t end = std::min(texts.find('|', at), texts.size());
    if (message.find(texts.substr(at, end - at)) == std::string::npos) {
      return check(false, "message:", file, line, message + "   expected: " + texts);
    }
    at = end + 1;
  }
  return check(true, "", file, line);
}

inline int finish() {
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace test

#define CHECK(condition) test::check((condition), #condition, __FILE__, __LINE__)
#define REFUSES(texts, ...) test::refuses(texts, __FILE__, __LINE__, [&] { __VA_ARGS__; })
