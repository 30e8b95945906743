#include "buffer_object.h"

#include "../runtime/program_code.h"
#include "entry.h"

namespace nabla {
namespace {

using Shared = std::shared_ptr<Buffer>;

// The memory lives while the ArrayBuffer does, wherever that was transferred to.
napi_value make_view(napi_env env, const Shared& buffer) {
  auto share = std::make_unique<Shared>(buffer);
  napi_value view = nullptr;
  const auto finalize = [](napi_env, void*, void* hint) { delete static_cast<Shared*>(hint); };
  const napi_status status =
      napi_create_external_arraybuffer(env, buffer->data(), buffer->bytes(), finalize, share.get(), &view);
  if (status == napi_no_external_buffers_allowed) {
    throw Error(ErrorCode::platform, expected("a JavaScript engine that allows external buffers",
                                              "arrayBuffer", "one that forbids them"));
  }
  if (status != napi_ok) throw Napi::Error::New(env);
  share.release();
  return view;
}

}  // namespace

// The garbage collector must know how much memory a small object holds.
BufferObject::BufferObject(napi_env env, Shared buffer) : env_(env), buffer_(std::move(buffer)) {
  int64_t total;
  napi_adjust_external_memory(env_, static_cast<int64_t>(buffer_->bytes()), &total);
}

BufferObject::~BufferObject() {
  int64_t total;
  napi_adjust_external_memory(env_, -static_cast<int64_t>(buffer_->bytes()), &total);
  if (view_) napi_delete_reference(env_, view_);
}

Napi::Value BufferObject::construct(const Napi::CallbackInfo& info) {
  require_new(info, kName);
  const int64_t bytes = integer_argument(info[0], "byteLength", 0, static_cast<double>(kMostBytes - 1));
  auto buffer = std::make_shared<Buffer>(static_cast<size_t>(bytes));
  wrap(info, std::make_unique<BufferObject>(info.Env(), std::move(buffer)));
  return info.This();
}

/** The ArrayBuffer made before, unless there is none or it was detached. */
napi_value BufferObject::attached(napi_env env) const {
  napi_value view = nullptr;
  bool detached = true;
  if (view_ && napi_get_reference_value(env, view_, &view) == napi_ok && view) {
    napi_is_detached_arraybuffer(env, view, &detached);
  }
  return detached ? nullptr : view;
}

Napi::Value BufferObject::array_buffer(const Napi::CallbackInfo& info) {
  BufferObject& self = receiver<BufferObject>(info);
  const Napi::Env env = info.Env();
  napi_value view = self.attached(env);
  if (!view) {
    view = make_view(env, self.buffer_);
    if (self.view_) napi_delete_reference(env, self.view_);
    self.view_ = nullptr;
    if (napi_create_reference(env, view, 1, &self.view_) != napi_ok) throw Napi::Error::New(env);
  }
  return Napi::Value(env, view);
}

Napi::Value BufferObject::byte_length(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(receiver<BufferObject>(info).buffer_->bytes()));
}

Napi::Value BufferObject::being_written(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), receiver<BufferObject>(info).buffer_->gate().claimed());
}

Napi::Value BufferObject::detach(const Napi::CallbackInfo& info) {
  BufferObject& self = receiver<BufferObject>(info);
  if (const napi_value view = self.attached(info.Env())) napi_detach_arraybuffer(info.Env(), view);
  if (self.view_) napi_delete_reference(info.Env(), self.view_);
  self.view_ = nullptr;
  return info.Env().Undefined();
}

Napi::Value BufferObject::define(Napi::Env env) {
  const napi_property_descriptor members[] = {
      getter<array_buffer>("arrayBuffer"),
      getter<byte_length>("byteLength"),
      getter<being_written>("beingWritten"),
      method<detach>("detach"),
  };
  napi_value constructor;
  const napi_status status = napi_define_class(env, kName, NAPI_AUTO_LENGTH, entry<construct>, nullptr,
                                               std::size(members), members, &constructor);
  if (status != napi_ok) throw Napi::Error::New(env);
  return Napi::Value(env, constructor);
}

}  // namespace nabla
