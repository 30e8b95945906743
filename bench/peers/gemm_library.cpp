// The matrix products of a BLAS for `npm run bench:compare`: gemm_library NAME FILE, NAME one of openblas,
// blis, mkl, onednn, FILE its shared library.
//
// Each as fast as its documentation says: sgemm of OpenBLAS, BLIS and MKL with the number of threads set by
// their own call (and by the driver's environment before the library loads); oneDNN by its matmul primitive,
// which its documentation prefers, made once a shape and executed again and again, or by dnnl_sgemm where
// that is faster. Operands stay in row-major order, packing them is part of the work, as it is for nabla.
#include <dlfcn.h>

#include <cstdint>

#include "gemm_session.h"

namespace {

void* library = nullptr;

template <class Function>
Function* find(const std::string& name) {
  return reinterpret_cast<Function*>(dlsym(library, name.c_str()));
}
template <class Function>
Function* need(const std::string& name) {
  Function* const function = find<Function>(name);
  if (!function) throw "no " + name + " in the library";
  return function;
}

using CblasSgemm = void(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                        const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc);

std::function<void()> cblas(const bench::Product& p, CblasSgemm* sgemm) {
  constexpr int kRowMajor = 101, kAsIs = 111, kTransposed = 112;
  return [=] {
    sgemm(kRowMajor, p.transpose_a ? kTransposed : kAsIs, p.transpose_b ? kTransposed : kAsIs, int(p.m),
          int(p.n), int(p.k), 1.f, p.a, int(p.lda()), p.b, int(p.ldb()), 0.f, p.c, int(p.n));
  };
}

bench::Peer openblas(const bench::Product& p, int threads) {
  // The Python registry's build of OpenBLAS puts a prefix before every name.
  const std::string prefix = find<void>("scipy_cblas_sgemm") ? "scipy_" : "";
  need<void(int)>(prefix + "openblas_set_num_threads")(threads);
  const char* const configuration = need<const char*()>(prefix + "openblas_get_config")();
  char version[32] = "";
  std::sscanf(configuration, "OpenBLAS %31s", version);
  return {"OpenBLAS", version, need<const char*()>(prefix + "openblas_get_corename")(),
          cblas(p, need<CblasSgemm>(prefix + "cblas_sgemm"))};
}

bench::Peer blis(const bench::Product& p, int threads) {
  need<void(int64_t)>("bli_thread_set_num_threads")(threads);
  const int architecture = need<int()>("bli_arch_query_id")();
  return {"BLIS", need<const char*()>("bli_info_get_version_str")(),
          need<const char*(int)>("bli_arch_string")(architecture), cblas(p, need<CblasSgemm>("cblas_sgemm"))};
}

bench::Peer mkl(const bench::Product& p, int threads) {
  need<void(int)>("MKL_Set_Num_Threads")(threads);
  char text[256] = "", version[32] = "";
  need<void(char*, int)>("MKL_Get_Version_String")(text, sizeof text);
  const char* const at = std::strstr(text, "Version ");
  if (at) std::sscanf(at, "Version %31[^- ]", version);
  return {"MKL", version, "", cblas(p, need<CblasSgemm>("cblas_sgemm"))};
}

/** oneDNN's C interface, version 3, as far as a product needs it. */
namespace onednn {
using Handle = void*;
struct Argument {
  int what;
  Handle memory;
};
constexpr int kCpu = 1, kInOrder = 1, kFloat32 = 3, kSource = 1, kWeights = 33, kDestination = 17;
struct Version {
  int major, minor, patch;
};

void check(int status, const char* what) {
  if (status != 0) throw std::string(what) + " answered " + std::to_string(status);
}

Handle describe(long rows, long columns, bool transposed) {
  int64_t size[12] = {rows, columns}, stride[12] = {transposed ? 1 : columns, transposed ? rows : 1};
  Handle description = nullptr;
  check(need<int(Handle*, int, const int64_t*, int, const int64_t*)>("dnnl_memory_desc_create_with_strides")(
            &description, 2, size, kFloat32, stride),
        "dnnl_memory_desc_create_with_strides");
  return description;
}

/** The primitive, made once for the shape; nothing before version 3, where descriptions were large structs.
 */
std::function<void()> matmul(const bench::Product& p) {
  if (!find<void>("dnnl_memory_desc_create_with_strides")) return nullptr;
  Handle engine, stream, description, primitive;
  check(need<int(Handle*, int, size_t)>("dnnl_engine_create")(&engine, kCpu, 0), "dnnl_engine_create");
  check(need<int(Handle*, Handle, int)>("dnnl_stream_create")(&stream, engine, kInOrder),
        "dnnl_stream_create");
  const Handle shapes[] = {describe(p.m, p.k, p.transpose_a), describe(p.k, p.n, p.transpose_b),
                           describe(p.m, p.n, false)};
  check(
      need<int(Handle*, Handle, Handle, Handle, Handle, Handle, Handle)>("dnnl_matmul_primitive_desc_create")(
          &description, engine, shapes[0], shapes[1], nullptr, shapes[2], nullptr),
      "dnnl_matmul_primitive_desc_create");
  check(need<int(Handle*, Handle)>("dnnl_primitive_create")(&primitive, description),
        "dnnl_primitive_create");
  const void* const data[] = {p.a, p.b, p.c};
  static Argument arguments[] = {{kSource, nullptr}, {kWeights, nullptr}, {kDestination, nullptr}};
  for (int i = 0; i < 3; i++)
    check(need<int(Handle*, Handle, Handle, void*)>("dnnl_memory_create")(&arguments[i].memory, shapes[i],
                                                                          engine, const_cast<void*>(data[i])),
          "dnnl_memory_create");
  auto* const execute = need<int(Handle, Handle, int, const Argument*)>("dnnl_primitive_execute");
  auto* const wait = need<int(Handle)>("dnnl_stream_wait");
  return [=] {
    execute(primitive, stream, 3, arguments);
    wait(stream);
  };
}

std::function<void()> sgemm(const bench::Product& p) {
  using Sgemm = int(char, char, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
                    const float* b, int64_t ldb, float beta, float* c, int64_t ldc);
  Sgemm* const function = need<Sgemm>("dnnl_sgemm");
  return [=] {
    function(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.f, p.a, p.lda(), p.b,
             p.ldb(), 0.f, p.c, p.n);
  };
}

/** Seconds a call, the best of some: others may use the machine, too. */
double best_time(const std::function<void()>& multiply) {
  double best = 1e9;
  const double end = bench::seconds() + 0.1;
  for (int call = 0; call < 5 || bench::seconds() < end; call++) {
    const double start = bench::seconds();
    multiply();
    best = std::min(best, bench::seconds() - start);
  }
  return best;
}

bench::Peer prepare(const bench::Product& p, int) {
  const Version& version = *need<const Version*()>("dnnl_version")();
  const auto number = [](int part) { return std::to_string(part); };
  bench::Peer peer = {"oneDNN",
                      number(version.major) + "." + number(version.minor) + "." + number(version.patch),
                      "sgemm", sgemm(p)};
  const std::function<void()> primitive = matmul(p);
  if (primitive && best_time(primitive) < best_time(peer.multiply)) {
    peer.note = "matmul";
    peer.multiply = primitive;
  }
  return peer;
}
}  // namespace onednn

bench::Peer prepare(const std::string& name, const bench::Product& p, int threads) {
  if (name == "openblas") return openblas(p, threads);
  if (name == "blis") return blis(p, threads);
  if (name == "mkl") return mkl(p, threads);
  if (name != "onednn") throw "Expected openblas, blis, mkl or onednn but received " + name;
  return onednn::prepare(p, threads);
}

}  // namespace

int main(int count, char** values) {
  if (count != 3) return bench::unable("Expected a name and a file");
  library = dlopen(values[2], RTLD_NOW | RTLD_LOCAL);
  if (!library) return bench::unable("the library does not load");
  return bench::serve([&](const bench::Product& p, int threads) { return prepare(values[1], p, threads); });
}
