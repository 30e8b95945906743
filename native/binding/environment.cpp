#include "environment.h"

#include "entry.h"

namespace nabla {

/** A run and the promise that waits for it. */
struct Environment::Pending {
  std::shared_ptr<RunJob> job;
  napi_deferred deferred;
};

void Environment::create(Napi::Env env) { env.SetInstanceData(new Environment); }

Environment& Environment::of(napi_env env) { return *Napi::Env(env).GetInstanceData<Environment>(); }

// The hook is added after the channel exists: hooks run last in, first out, so no run is left that
// could use the channel when Node closes it.
void Environment::open_channel(Napi::Env env) {
  if (channel_) return;
  const napi_status made =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "nabla"), 0, 1, nullptr,
                                      nullptr, this, settle, &channel_);
  if (made != napi_ok) throw Napi::Error::New(env);
  napi_unref_threadsafe_function(env, channel_);
  napi_add_env_cleanup_hook(env, close, this);
}

bool Environment::run_if_brief(Program& program, int threads) {
  if (brief_ >= kBriefTogether || !program.run_if_brief(threads, kBrief)) return false;
  const auto now = Clock::now();
  const double since = std::chrono::duration<double, std::nano>(now - last_brief_).count();
  brief_ += since < kGap ? since : program.measured_nanoseconds();
  last_brief_ = now;
  return true;
}

Napi::Value Environment::start(Napi::Env env, std::shared_ptr<Program> program, int64_t steps, int threads) {
  if (steps == 1 && run_if_brief(*program, threads)) {
    napi_deferred deferred;
    napi_value promise;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) throw Napi::Error::New(env);
    napi_resolve_deferred(env, deferred,
                          Napi::Number::New(env, static_cast<double>(program->status().completed)));
    return Napi::Value(env, promise);
  }
  brief_ = 0;
  open_channel(env);
  auto job = std::make_shared<RunJob>();
  auto pending = std::make_unique<Pending>();
  job->program = program;
  job->steps = steps;
  job->threads = threads;
  job->owner = this;
  job->done = run_ended;
  job->context = pending.get();
  pending->job = job;
  napi_value promise;
  if (napi_create_promise(env, &pending->deferred, &promise) != napi_ok) throw Napi::Error::New(env);
  program->submit(steps);
  try {
    start_job(std::move(job));
  } catch (...) {
    program->cancel_submitted();
    program->finish_submitted();
    throw;
  }
  pending.release();                                                 // settle() deletes it
  if (running_++ == 0) napi_ref_threadsafe_function(env, channel_);  // the event loop stays for it
  return Napi::Value(env, promise);
}

// On a runner's thread.
void Environment::run_ended(std::shared_ptr<RunJob> job) {
  const auto* self = static_cast<const Environment*>(job->owner);
  napi_call_threadsafe_function(self->channel_, job->context, napi_tsfn_nonblocking);
}

// On the environment's thread; env is null when the environment is ending.
void Environment::settle(napi_env env, napi_value, void* self, void* data) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  RunJob& job = *pending->job;
  job.program->finish_submitted();
  if (!env) return;
  auto* environment = static_cast<Environment*>(self);
  if (--environment->running_ == 0) napi_unref_threadsafe_function(env, environment->channel_);
  const Napi::HandleScope scope(env);
  if (job.error.empty()) {
    napi_value steps;
    napi_create_double(env, static_cast<double>(job.status.completed), &steps);
    napi_resolve_deferred(env, pending->deferred, steps);
  } else {
    napi_reject_deferred(env, pending->deferred, error_value(env, ErrorCode::memory, job.error.c_str()));
  }
}

void Environment::close(void* self) {
  auto* environment = static_cast<Environment*>(self);
  cancel_jobs(environment);
  napi_release_threadsafe_function(environment->channel_, napi_tsfn_release);
}

}  // namespace nabla
