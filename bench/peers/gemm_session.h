// The child's side of bench/compare/session.mjs for matrix products: reads the request, times blocks on
// demand. The gemm programs differ only in what one product calls.
#pragma once
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <sys/resource.h>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

namespace bench {

/** c(m, n) = a(m, k) b(k, n), row-major; a transposed operand is stored the other way round. */
struct Product {
  long m, n, k;
  bool transpose_a, transpose_b;
  const float *a, *b;
  float* c;

  long lda() const { return transpose_a ? m : k; }
  long ldb() const { return transpose_b ? k : n; }
};

/** What a program answers: who it is, and one product, ready to be called again and again. */
struct Peer {
  std::string name, version, note;
  std::function<void()> multiply;
  bool computes = true;  // the product, that is: it is checked then
};

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/** Aligned memory in large pages where the system gives them, the same for every library; never freed. */
inline float* filled(long count) {
  constexpr size_t kPage = size_t{2} << 20;
  const size_t bytes = (sizeof(float) * count + kPage - 1) / kPage * kPage;
  float* const memory = static_cast<float*>(std::aligned_alloc(kPage, bytes));
#if defined(MADV_HUGEPAGE)
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  for (long i = 0; i < count; i++) memory[i] = float((i * 2654435761u >> 16) & 255) / 256.f - 0.5f;
  return memory;
}

/** "sgemm_NT_32x512x784": batch x out x in of a dense layer, weights stored (in, out).
 *    NN  y = x w     NT  dx = dy wT     TN  dw = xT dy */
inline bool parse_product(const char* request, Product& product) {
  const char* name = std::strstr(request, "sgemm_");
  char op[3];
  long batch, out, in;
  if (!name || std::sscanf(name, "sgemm_%2[NT]_%ldx%ldx%ld", op, &batch, &out, &in) != 4) return false;
  product.m = batch, product.n = out, product.k = in;
  if (!std::strcmp(op, "NT")) product.n = in, product.k = out;
  if (!std::strcmp(op, "TN")) product.m = in, product.k = batch;
  product.transpose_a = op[0] == 'T', product.transpose_b = op[1] == 'T';
  product.a = filled(product.m * product.k);
  product.b = filled(product.k * product.n);
  product.c = filled(product.m * product.n);
  return true;
}

inline double number_of(const char* request, const char* key) {
  const char* at = std::strstr(request, key);
  return at ? std::atof(std::strchr(at, ':') + 1) : 0;
}

/** Some elements against float64: a library called wrongly would be fast for the wrong reason. */
inline bool right(const Product& p) {
  for (long sample = 0; sample < 16; sample++) {
    const long i = sample * 7919 % p.m, j = sample * 104729 % p.n;
    double sum = 0;
    for (long l = 0; l < p.k; l++) {
      const double a = p.transpose_a ? p.a[l * p.m + i] : p.a[i * p.k + l];
      sum += a * (p.transpose_b ? p.b[j * p.k + l] : p.b[l * p.n + j]);
    }
    // Every product is at most 1/4, every rounding at most 2^-24 of the running sum.
    if (!(std::abs(sum - p.c[i * p.n + j]) <= 1e-6 * double(p.k))) return false;
  }
  return true;
}

/** Bytes; the kernel's own peak where it tells: getrusage also counts the process this one was forked from.
 */
inline double peak_memory() {
  if (FILE* status = std::fopen("/proc/self/status", "r")) {
    char line[256];
    long kilobytes = 0;
    while (std::fgets(line, sizeof line, status)) std::sscanf(line, "VmHWM: %ld", &kilobytes);
    std::fclose(status);
    if (kilobytes > 0) return 1024.0 * double(kilobytes);
  }
#if defined(__unix__) || defined(__APPLE__)
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
  return double(usage.ru_maxrss);
#else
  return 1024.0 * double(usage.ru_maxrss);
#endif
#else
  return 0;
#endif
}

inline int unable(const std::string& reason) {
  std::printf("{\"unable\":\"%s\"}\n", reason.c_str());
  return 0;
}

/** Speaks with the driver until it says "end". `prepare(product, threads)` may throw a std::string. */
inline int serve(const std::function<Peer(const Product&, int)>& prepare) {
  char line[1024];
  Product product{};
  if (!std::fgets(line, sizeof line, stdin) || !parse_product(line, product)) return unable("only products");
  const double block = number_of(line, "\"blockMs\"") / 1e3;
  Peer peer;
  try {
    peer = prepare(product, static_cast<int>(number_of(line, "\"threads\"")));
  } catch (const std::string& reason) {
    return unable(reason);
  }
  const auto time = [&](long calls) {
    const double start = seconds();
    for (long i = 0; i < calls; i++) peer.multiply();
    return (seconds() - start) / double(calls);
  };
  time(1);
  if (peer.computes && !right(product)) return unable("wrong result");
  long calls = 1;
  double once = time(1);
  while (once * double(calls) < block / 2) once = time(calls *= 2);
  calls = std::max(1L, std::lround(block / once));

  std::printf("{\"peer\":\"%s\",\"version\":\"%s\",\"note\":\"%s\"}\n", peer.name.c_str(),
              peer.version.c_str(), peer.note.c_str());
  for (std::fflush(stdout); std::fgets(line, sizeof line, stdin); std::fflush(stdout)) {
    if (!std::strncmp(line, "end", 3)) break;
    time((calls + 7) / 8);  // wakes workers, brings the operands back into the caches
    std::printf("%.9g\n", 1e3 * time(calls));
  }
  std::printf("%.0f\n", peak_memory());
  return 0;
}

}  // namespace bench
