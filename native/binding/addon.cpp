// The module: what JavaScript sees of the engine. Once an environment.
#include <napi.h>

#include "../dispatch.h"
#include "../runtime/machine.h"
#include "../runtime/signature.h"
#include "../runtime/thread_pool.h"
#include "buffer_object.h"
#include "entry.h"
#include "environment.h"
#include "program_object.h"

namespace nabla {
namespace {

Napi::Value info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const auto& isas = available_isas();
  Napi::Array names = Napi::Array::New(env, isas.size());
  for (uint32_t i = 0; i < isas.size(); ++i) names.Set(i, isas[i].name);
  static const CacheSizes caches = cache_sizes();
  Napi::Object result = Napi::Object::New(env);
  result.Set("version", NABLA_VERSION);
  result.Set("isa", active_isa().name);
  result.Set("isas", names);
  result.Set("threads", ThreadPool::instance().threads());
  result.Set("l1", static_cast<double>(caches.l1));
  result.Set("l2", static_cast<double>(caches.l2));
  result.Set("l3", static_cast<double>(caches.l3));
  return result;
}

Napi::Value set_threads(const Napi::CallbackInfo& call) {
  ThreadPool::instance().set_threads(static_cast<int>(integer_argument(call[0], "threads", 1, kMaxThreads)));
  return call.Env().Undefined();
}

Napi::Value get_threads(const Napi::CallbackInfo& call) {
  return Napi::Number::New(call.Env(), ThreadPool::instance().threads());
}

Napi::Value panel_columns(const Napi::CallbackInfo& call) {
  return Napi::Number::New(call.Env(), active_isa().table->panel_columns);
}

template <class Row>
Napi::Value names_of(Napi::Env env, const std::vector<Row>& rows) {
  Napi::Array names = Napi::Array::New(env, rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i) names.Set(i, Napi::String::New(env, rows[i].name));
  return names;
}

Napi::Value kernel_names(const Napi::CallbackInfo& call) { return names_of(call.Env(), kernel_rows()); }
Napi::Value pointwise_names(const Napi::CallbackInfo& call) { return names_of(call.Env(), pointwise_rows()); }

void fill_exports(Napi::Env env, Napi::Object exports) {
  active_isa();  // a wrong NABLA_ISA or NABLA_THREADS is an error of loading
  ThreadPool::instance().threads();
  Environment::create(env);
  const napi_property_descriptor functions[] = {
      method<info>("info"),
      method<set_threads>("setThreads"),
      method<get_threads>("getThreads"),
      method<panel_columns>("panelColumns"),
      method<kernel_names>("kernelRows"),
      method<pointwise_names>("pointwiseRows"),
  };
  if (napi_define_properties(env, exports, std::size(functions), functions) != napi_ok)
    throw Napi::Error::New(env);
  exports.Set("Buffer", BufferObject::define(env));
  exports.Set("Program", ProgramObject::define(env));
}

}  // namespace
}  // namespace nabla

NAPI_MODULE_INIT() {
  return nabla::guarded(env, [&] {
    nabla::fill_exports(env, Napi::Object(env, exports));
    return exports;
  });
}
