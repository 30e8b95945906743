// The frame around every function JavaScript calls: C++ errors become JavaScript errors here and
// nowhere else, and a receiver or argument is unwrapped only when its type tag is right.
#pragma once
#include <napi.h>

#include <cstdint>
#include <memory>
#include <new>
#include <string>

#include "../runtime/error.h"

namespace nabla {

/** Makes the error pending, with its .code: ERR_NABLA_ARGUMENT (a TypeError), _PROGRAM, _BUSY ... */
void throw_in_javascript(napi_env env, ErrorCode code, const char* message) noexcept;
/** The same for an error that Node-API's own functions raised. An environment that is being ended, such as
 *  a worker terminated in the middle of a call, takes no error any more: nobody is left to hear of it. */
void throw_in_javascript(const Napi::Error& error) noexcept;
/** An error of ours as a value, for rejecting a promise. */
napi_value error_value(napi_env env, ErrorCode code, const char* message) noexcept;

/** body(), its errors made JavaScript's. */
template <class Body>
napi_value guarded(napi_env env, const Body& body) noexcept {
  try {
    return body();
  } catch (const Napi::Error& error) {  // already JavaScript's
    throw_in_javascript(error);
  } catch (const Error& error) {
    throw_in_javascript(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    throw_in_javascript(env, ErrorCode::memory, "Expected memory but the system refused it");
  }
  return nullptr;
}

/** Wraps `function` as a Node-API callback. */
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
napi_value entry(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, raw);
    return function(info);
  });
}

/** A value in a few words, for messages: "abc", NaN, an object, Float32Array. */
std::string describe(const Napi::Value& value);
[[noreturn]] void refuse_argument(const std::string& what, const std::string& name,
                                  const Napi::Value& received);
int64_t integer_argument(const Napi::Value& value, const std::string& name, double low, double high);

/** The native object behind a JavaScript object of class T, or null when it is none. */
template <class T>
T* unwrap(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&T::kTag)) return nullptr;
  void* native = nullptr;
  return napi_unwrap(value.Env(), value, &native) == napi_ok ? static_cast<T*>(native) : nullptr;
}

template <class T>
T& receiver(const Napi::CallbackInfo& info) {
  T* native = unwrap<T>(info.This());
  if (!native) refuse_argument(std::string("a ") + T::kName, "this", info.This());
  return *native;
}

/** Ties a native object to `this` of a constructor; JavaScript's garbage collector deletes it. */
template <class T>
void wrap(const Napi::CallbackInfo& info, std::unique_ptr<T> native) {
  const Napi::Env env = info.Env();
  Napi::Object object = info.This().As<Napi::Object>();
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
  if (napi_wrap(env, object, native.get(), finalize, nullptr, nullptr) != napi_ok)
    throw Napi::Error::New(env);
  native.release();
  object.TypeTag(&T::kTag);
}

void require_new(const Napi::CallbackInfo& info, const char* name);

/** Rows for napi_define_class. */
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
napi_property_descriptor method(const char* name) {
  return {name, nullptr, entry<function>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
napi_property_descriptor getter(const char* name) {
  return {name, nullptr, nullptr, entry<function>, nullptr, nullptr, napi_enumerable, nullptr};
}

}  // namespace nabla
