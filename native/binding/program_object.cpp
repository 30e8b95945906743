#include "program_object.h"

#include <algorithm>

#include "../dispatch.h"
#include "../runtime/thread_pool.h"
#include "buffer_object.h"
#include "entry.h"
#include "environment.h"

namespace nabla {
namespace {

constexpr double kMostSteps = static_cast<double>(kMostBytes - 1);

[[noreturn]] void refuse_array(const std::string& received, int64_t slot) {
  throw Error(ErrorCode::argument,
              expected("a typed array of ordinary memory", "slot " + std::to_string(slot), received));
}

struct ArrayMemory {
  void* data;
  size_t bytes;
};

/** Where the array's elements are now; a detached one has no bytes. `buffer` stays as it is when
 *  this is no typed array. */
ArrayMemory memory_of(napi_env env, napi_value array, napi_value* buffer = nullptr) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, buffer, nullptr) != napi_ok)
    return {nullptr, 0};
  size_t size = 1;
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array:
      size = 2;
      break;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      size = 4;
      break;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      size = 8;
      break;
    default:
      break;
  }
  return {data, length * size};
}

/** Refuses memory that JavaScript can take or share: detached, shared, resizable. */
void check_array(Napi::Env env, int64_t slot, const Napi::Value& array) {
  if (!array.IsTypedArray()) refuse_array(describe(array), slot);
  napi_value buffer = nullptr;
  napi_get_typedarray_info(env, array, nullptr, nullptr, nullptr, &buffer, nullptr);
  bool ordinary = false, detached = false;
  napi_is_arraybuffer(env, buffer, &ordinary);
  if (!ordinary) refuse_array("one of shared memory", slot);
  napi_is_detached_arraybuffer(env, buffer, &detached);
  if (detached) refuse_array("a detached one", slot);
  napi_value resizable = nullptr;
  bool yes = false;
  if (napi_get_named_property(env, buffer, "resizable", &resizable) != napi_ok) throw Napi::Error::New(env);
  if (napi_get_value_bool(env, resizable, &yes) == napi_ok && yes)
    refuse_array("one of resizable memory", slot);
}

}  // namespace

ProgramObject::ProgramObject(napi_env env, std::shared_ptr<Program> program)
    : env_(env), program_(std::move(program)) {
  int64_t total;
  napi_adjust_external_memory(env_, program_->arena_bytes(), &total);
}

ProgramObject::~ProgramObject() {
  int64_t total;
  napi_adjust_external_memory(env_, -program_->arena_bytes(), &total);
  if (arrays_) napi_delete_reference(env_, arrays_);
}

ProgramObject& ProgramObject::self(const Napi::CallbackInfo& info) { return *receiver<Handle>(info).object; }

Napi::Value ProgramObject::construct(const Napi::CallbackInfo& info) {
  require_new(info, kName);
  const Napi::Env env = info.Env();
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    refuse_argument("a Float64Array", "words", info[0]);
  }
  const Isa* isa = nullptr;
  if (!info[1].IsUndefined()) {
    if (!info[1].IsString()) refuse_argument("a string", "isa", info[1]);
    isa = &find_isa(info[1].As<Napi::String>().Utf8Value(), "isa");
  }
  const ArrayMemory words = memory_of(env, info[0]);
  auto program =
      std::make_shared<Program>(static_cast<const double*>(words.data), words.bytes / sizeof(double), isa);
  auto shared = std::make_shared<ProgramObject>(env, std::move(program));
  wrap(info, std::make_unique<Handle>(Handle{shared}));
  add_function(env, info.This().As<Napi::Object>(), "run", run, shared);
  add_function(env, info.This().As<Napi::Object>(), "runArrays", run_arrays, shared);
  return info.This();
}

// An own property, made once a program: the function finds its program in its data.
void ProgramObject::add_function(Napi::Env env, Napi::Object object, const char* name, napi_callback callback,
                                 const Shared& shared) {
  auto share = std::make_unique<Shared>(shared);
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, shared.get(), &function) != napi_ok) {
    throw Napi::Error::New(env);
  }
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Shared*>(data); };
  if (napi_add_finalizer(env, function, share.get(), finalize, nullptr, nullptr) != napi_ok) {
    throw Napi::Error::New(env);
  }
  share.release();
  const napi_property_descriptor property = {name,    nullptr,  nullptr,         nullptr,
                                             nullptr, function, napi_enumerable, nullptr};
  if (napi_define_properties(env, object, 1, &property) != napi_ok) throw Napi::Error::New(env);
}

Napi::Value ProgramObject::bind(const Napi::CallbackInfo& info) {
  Program& program = *self(info).program_;
  const int64_t slot = integer_argument(info[0], "slot", 1, static_cast<double>(program.slot_count()));
  const BufferObject* buffer = unwrap<BufferObject>(info[1]);
  if (!buffer) refuse_argument("a Buffer", "slot " + std::to_string(slot), info[1]);
  program.bind(slot, buffer->buffer());
  return info.Env().Undefined();
}

Napi::Value ProgramObject::bind_array(const Napi::CallbackInfo& info) {
  ProgramObject& object = self(info);
  const int64_t slot =
      integer_argument(info[0], "slot", 1, static_cast<double>(object.program_->slot_count()));
  check_array(info.Env(), slot, info[1]);
  object.program_->check_bytes(slot, memory_of(info.Env(), info[1]).bytes);
  object.keep_array(info.Env(), slot, info[1]);
  return info.Env().Undefined();
}

// JavaScript may detach the array before the run, so only the array is kept; its address and length
// are asked for when nothing can come between.
void ProgramObject::keep_array(Napi::Env env, int64_t slot, const Napi::Value& array) {
  napi_value arrays = nullptr;
  if (!arrays_) {
    if (napi_create_array(env, &arrays) != napi_ok ||
        napi_create_reference(env, arrays, 1, &arrays_) != napi_ok) {
      throw Napi::Error::New(env);
    }
  } else {
    napi_get_reference_value(env, arrays_, &arrays);
  }
  if (napi_set_element(env, arrays, static_cast<uint32_t>(slot), array) != napi_ok)
    throw Napi::Error::New(env);
  if (std::find(kept_.begin(), kept_.end(), slot) == kept_.end()) kept_.push_back(slot);
}

void ProgramObject::bind_kept_arrays() {
  napi_value arrays = nullptr;
  napi_get_reference_value(env_, arrays_, &arrays);
  for (const int64_t slot : kept_) {
    napi_value array = nullptr;
    napi_get_element(env_, arrays, static_cast<uint32_t>(slot), &array);
    const ArrayMemory memory = memory_of(env_, array);
    program_->bind_array(slot, memory.data, memory.bytes);
  }
}

/** However a run on arrays ends, the next one must be given its own. */
struct ProgramObject::DropArrays {
  ProgramObject& object;
  ~DropArrays() { object.drop_kept_arrays(); }
};

void ProgramObject::drop_kept_arrays() noexcept {
  program_->release_arrays();
  if (kept_.empty()) return;
  napi_value arrays = nullptr, nothing = nullptr;
  napi_get_reference_value(env_, arrays_, &arrays);
  napi_get_undefined(env_, &nothing);
  for (const int64_t slot : kept_) napi_set_element(env_, arrays, static_cast<uint32_t>(slot), nothing);
  kept_.clear();
}

const RunStatus& ProgramObject::run_now(int64_t steps, double* nanoseconds) {
  const int threads = ThreadPool::instance().threads();
  const auto go = [&]() -> const RunStatus& {
    return nanoseconds ? program_->profile(steps, threads, nanoseconds) : program_->run(steps, threads);
  };
  if (kept_.empty()) return go();
  const DropArrays drop{*this};
  bind_kept_arrays();
  return go();
}

namespace {

napi_value completed_steps(napi_env env, const RunStatus& status) {
  napi_value result = nullptr;
  if (status.completed <= INT32_MAX) {
    napi_create_int32(env, static_cast<int32_t>(status.completed), &result);
  } else {
    napi_create_double(env, static_cast<double>(status.completed), &result);
  }
  return result;
}

}  // namespace

// The hot one: Node-API's C functions, no receiver, one number in, one number out.
napi_value ProgramObject::run(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&] {
    size_t count = 1;
    napi_value argument = nullptr;
    void* data = nullptr;
    napi_get_cb_info(env, raw, &count, &argument, nullptr, &data);
    double steps = 0;
    if (napi_get_value_double(env, argument, &steps) != napi_ok || !(steps >= 0 && steps <= kMostSteps) ||
        steps != static_cast<double>(static_cast<int64_t>(steps))) {
      integer_argument(Napi::Value(env, argument), "steps", 0, kMostSteps);  // throws
    }
    return completed_steps(env,
                           static_cast<ProgramObject*>(data)->run_now(static_cast<int64_t>(steps), nullptr));
  });
}

// runArrays(a1, a2, ...): one step on the caller's arrays in slots 1, 2, ... (undefined: what is
// bound there). Nothing can come between reading their addresses and the end of the step, so a
// resizable buffer is safe, too.
napi_value ProgramObject::run_arrays(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&] {
    constexpr size_t kMost = 32;
    size_t count = kMost;
    napi_value arrays[kMost];
    void* data = nullptr;
    napi_get_cb_info(env, raw, &count, arrays, nullptr, &data);
    auto& object = *static_cast<ProgramObject*>(data);
    if (count > kMost || count > static_cast<size_t>(object.program_->slot_count())) {
      throw Error(ErrorCode::argument, expected("at most an array for each of the first 32 slots",
                                                "runArrays", std::to_string(count) + " arguments"));
    }
    const DropArrays drop{object};
    object.bind_arguments(count, arrays);
    return completed_steps(env, object.program_->run(1, ThreadPool::instance().threads()));
  });
}

void ProgramObject::bind_arguments(size_t count, const napi_value* arrays) {
  for (size_t i = 0; i < count; ++i) {
    napi_value buffer = nullptr;
    bool ordinary = false;
    ArrayMemory memory = memory_of(env_, arrays[i], &buffer);
    if (!buffer) {
      const Napi::Value value(env_, arrays[i]);
      if (value.IsUndefined()) continue;
      refuse_array(describe(value), static_cast<int64_t>(i) + 1);
    }
    napi_is_arraybuffer(env_, buffer, &ordinary);
    if (!ordinary) refuse_array("one of shared memory", static_cast<int64_t>(i) + 1);
    program_->bind_array(static_cast<int64_t>(i) + 1, memory.data, memory.bytes);
  }
}

// In the background it leaves a core to the event loop, unless told otherwise.
Napi::Value ProgramObject::run_async(const Napi::CallbackInfo& info) {
  ProgramObject& object = self(info);
  const Napi::Env env = info.Env();
  const int64_t steps = integer_argument(info[0], "steps", 0, kMostSteps);
  int threads = std::max(1, ThreadPool::instance().threads() - 1);
  if (!info[1].IsUndefined())
    threads = static_cast<int>(integer_argument(info[1], "threads", 1, kMaxThreads));
  if (!object.kept_.empty()) {
    throw Error(ErrorCode::argument, expected("buffers in every slot", "an asynchronous run",
                                              "an array in slot " + std::to_string(object.kept_.front())));
  }
  return Environment::of(env).start(env, object.program_, steps, threads);
}

Napi::Value ProgramObject::profile(const Napi::CallbackInfo& info) {
  ProgramObject& object = self(info);
  const int64_t steps = integer_argument(info[0], "steps", 0, kMostSteps);
  std::vector<double> nanoseconds(static_cast<size_t>(object.program_->instruction_count()) + 1);
  object.run_now(steps, nanoseconds.data());
  Napi::Float64Array result = Napi::Float64Array::New(info.Env(), nanoseconds.size() - 1);
  std::copy(nanoseconds.begin(), nanoseconds.end() - 1, result.Data());
  return result;
}

Napi::Value ProgramObject::interrupt(const Napi::CallbackInfo& info) {
  self(info).program_->interrupt();
  return info.Env().Undefined();
}

/** [failure, instruction, step, value] of the last run that ended; a copy. */
Napi::Value ProgramObject::status(const Napi::CallbackInfo& info) {
  const Program& program = *self(info).program_;
  Napi::Float64Array result = Napi::Float64Array::New(info.Env(), 4);
  if (program.submitted()) return result;  // the run is writing it
  const RunStatus& status = program.status();
  result[0] = static_cast<double>(status.failure);
  result[1] = static_cast<double>(status.instruction);
  result[2] = static_cast<double>(status.step);
  result[3] = status.value;
  return result;
}

Napi::Value ProgramObject::arena_bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(self(info).program_->arena_bytes()));
}

Napi::Value ProgramObject::instruction_count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(self(info).program_->instruction_count()));
}

Napi::Value ProgramObject::define(Napi::Env env) {
  const napi_property_descriptor members[] = {
      method<bind>("bind"),
      method<bind_array>("bindArray"),
      method<run_async>("runAsync"),
      method<profile>("profile"),
      method<interrupt>("interrupt"),
      getter<status>("status"),
      getter<arena_bytes>("arenaBytes"),
      getter<instruction_count>("instructionCount"),
  };
  napi_value constructor;
  const napi_status made = napi_define_class(env, kName, NAPI_AUTO_LENGTH, entry<construct>, nullptr,
                                             std::size(members), members, &constructor);
  if (made != napi_ok) throw Napi::Error::New(env);
  return Napi::Value(env, constructor);
}

}  // namespace nabla
