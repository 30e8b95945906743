// class Program: a verified program and the memory bound to it.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "../runtime/program.h"

namespace nabla {

/** What the functions of one program object share. `run` and `runArrays` carry it as data, so that
 *  the hottest calls of all have no receiver to unwrap. */
class ProgramObject {
 public:
  static constexpr napi_type_tag kTag = {0x6e61626c6150726f, 0xb1c7e90a2d5f6384};
  static constexpr const char* kName = "Program";
  static Napi::Value define(Napi::Env env);

  ProgramObject(napi_env env, std::shared_ptr<Program> program);
  ~ProgramObject();
  ProgramObject(const ProgramObject&) = delete;
  ProgramObject& operator=(const ProgramObject&) = delete;

 private:
  using Shared = std::shared_ptr<ProgramObject>;
  /** What JavaScript's object owns; those two functions own shares, too. */
  struct Handle {
    static constexpr napi_type_tag kTag = ProgramObject::kTag;
    static constexpr const char* kName = ProgramObject::kName;
    Shared object;
  };

  static Napi::Value construct(const Napi::CallbackInfo& info);
  static Napi::Value bind(const Napi::CallbackInfo& info);
  static Napi::Value bind_array(const Napi::CallbackInfo& info);
  static Napi::Value run_async(const Napi::CallbackInfo& info);
  static Napi::Value profile(const Napi::CallbackInfo& info);
  static Napi::Value interrupt(const Napi::CallbackInfo& info);
  static Napi::Value status(const Napi::CallbackInfo& info);
  static Napi::Value arena_bytes(const Napi::CallbackInfo& info);
  static Napi::Value instruction_count(const Napi::CallbackInfo& info);
  static napi_value run(napi_env env, napi_callback_info raw) noexcept;
  static napi_value run_arrays(napi_env env, napi_callback_info raw) noexcept;

  struct DropArrays;
  static ProgramObject& self(const Napi::CallbackInfo& info);
  static void add_function(Napi::Env env, Napi::Object object, const char* name, napi_callback callback,
                           const Shared& shared);
  void keep_array(Napi::Env env, int64_t slot, const Napi::Value& array);
  void bind_arguments(size_t count, const napi_value* arrays);
  void bind_kept_arrays();
  void drop_kept_arrays() noexcept;
  const RunStatus& run_now(int64_t steps, double* nanoseconds);

  napi_env env_;
  std::shared_ptr<Program> program_;
  napi_ref arrays_ = nullptr;  // JavaScript array: the typed array by slot
  std::vector<int64_t> kept_;  // slots whose array waits for the next run
};

}  // namespace nabla
