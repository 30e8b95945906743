#include "entry.h"

namespace nabla {
namespace {

const char* code_text(ErrorCode code) {
  switch (code) {
    case ErrorCode::argument:
      return "ERR_NABLA_ARGUMENT";
    case ErrorCode::program:
      return "ERR_NABLA_PROGRAM";
    case ErrorCode::busy:
      return "ERR_NABLA_BUSY";
    case ErrorCode::state:
      return "ERR_NABLA_STATE";
    case ErrorCode::memory:
      return "ERR_NABLA_MEMORY";
    case ErrorCode::platform:
      return "ERR_NABLA_PLATFORM";
  }
  return "ERR_NABLA";
}

const char* array_name(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
      return "Int8Array";
    case napi_uint8_array:
      return "Uint8Array";
    case napi_uint8_clamped_array:
      return "Uint8ClampedArray";
    case napi_int16_array:
      return "Int16Array";
    case napi_uint16_array:
      return "Uint16Array";
    case napi_int32_array:
      return "Int32Array";
    case napi_uint32_array:
      return "Uint32Array";
    case napi_float32_array:
      return "Float32Array";
    case napi_float64_array:
      return "Float64Array";
    case napi_bigint64_array:
      return "BigInt64Array";
    case napi_biguint64_array:
      return "BigUint64Array";
    default:
      return "a typed array";
  }
}

}  // namespace

napi_value error_value(napi_env env, ErrorCode code, const char* message) noexcept {
  napi_value code_value = nullptr, text = nullptr, error = nullptr;
  napi_create_string_utf8(env, code_text(code), NAPI_AUTO_LENGTH, &code_value);
  napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text);
  if (code == ErrorCode::argument) {
    napi_create_type_error(env, code_value, text, &error);
  } else {
    napi_create_error(env, code_value, text, &error);
  }
  return error;
}

void throw_in_javascript(napi_env env, ErrorCode code, const char* message) noexcept {
  napi_throw(env, error_value(env, code, message));
}

void throw_in_javascript(const Napi::Error& error) noexcept {
  try {
    error.ThrowAsJavaScriptException();
  } catch (const Napi::Error&) {  // it could not be thrown
  }
}

std::string describe(const Napi::Value& value) {
  if (value.IsUndefined()) return "undefined";
  if (value.IsNull()) return "null";
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value() ? "true" : "false";
  if (value.IsNumber()) return number_text(value.As<Napi::Number>().DoubleValue());
  if (value.IsString()) return "\"" + value.As<Napi::String>().Utf8Value() + "\"";
  if (value.IsFunction()) return "a function";
  if (value.IsTypedArray()) return array_name(value.As<Napi::TypedArray>().TypedArrayType());
  if (value.IsArray()) return "an Array";
  return value.IsObject() ? "an object" : "a value of another type";
}

void refuse_argument(const std::string& what, const std::string& name, const Napi::Value& received) {
  throw Error(ErrorCode::argument, expected(what, name, describe(received)));
}

int64_t integer_argument(const Napi::Value& value, const std::string& name, double low, double high) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : low - 1;
  if (!(number >= low && number <= high) || number != static_cast<double>(static_cast<int64_t>(number))) {
    refuse_argument("an integer from " + number_text(low) + " to " + number_text(high), name, value);
  }
  return static_cast<int64_t>(number);
}

void require_new(const Napi::CallbackInfo& info, const char* name) {
  if (!info.IsConstructCall()) refuse_argument("new", name, info.Env().Undefined());
}

}  // namespace nabla
