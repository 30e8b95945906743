// class Buffer: native memory as JavaScript sees it.
#pragma once
#include <napi.h>

#include <memory>

#include "../runtime/buffer.h"

namespace nabla {

class BufferObject {
 public:
  static constexpr napi_type_tag kTag = {0x6e61626c61427566, 0x9d2f4c6b8e1a7053};
  static constexpr const char* kName = "Buffer";
  static Napi::Value define(Napi::Env env);

  BufferObject(napi_env env, std::shared_ptr<Buffer> buffer);
  ~BufferObject();
  BufferObject(const BufferObject&) = delete;
  BufferObject& operator=(const BufferObject&) = delete;

  const std::shared_ptr<Buffer>& buffer() const { return buffer_; }

 private:
  static Napi::Value construct(const Napi::CallbackInfo& info);
  static Napi::Value array_buffer(const Napi::CallbackInfo& info);
  static Napi::Value byte_length(const Napi::CallbackInfo& info);
  static Napi::Value being_written(const Napi::CallbackInfo& info);
  static Napi::Value detach(const Napi::CallbackInfo& info);
  napi_value attached(napi_env env) const;

  napi_env env_;
  std::shared_ptr<Buffer> buffer_;
  napi_ref view_ = nullptr;  // the ArrayBuffer, once asked for
};

}  // namespace nabla
