// What no library can beat, for `npm run bench:compare`: as many multiply-adds as the product has, in
// registers, reading and writing nothing. Time of this over that of a library is the share of the machine's
// limit which that library reaches, at the speed that the machine has at that moment.
#include "gemm_session.h"

#include "../../native/dispatch.h"
#include "../../native/kernels/call.h"
#include "../../native/runtime/memory.h"
#include "../../native/runtime/thread_pool.h"
#include "../native/peak.h"

namespace {

/** What each thread does. */
struct Share {
  nabla::Chains chains;
  int64_t steps;
};

bench::Peer prepare(const bench::Product& p, int threads) {
  const std::string isa = nabla::active_isa().name;
  static Share share{};
  share.chains = nabla::chains_of(isa);
  if (!share.chains.run) throw "no limit known for " + isa;
  const double flop = 2.0 * double(p.m) * double(p.n) * double(p.k) / threads;
  share.steps = std::max(1L, std::lround(flop / share.chains.flop));
  nabla::ThreadPool& pool = nabla::ThreadPool::instance();
  pool.set_threads(threads);
  static nabla::Context context{};
  context.pool = &pool;
  context.threads = threads;
  context.scratch = nabla::thread_memory().scratch;
  const auto one = [](void*, int64_t, void*) { share.chains.run(share.steps); };
  const double nanoseconds = flop * threads / 100;
  const auto all = [=] { nabla::run_tasks(context, threads, nanoseconds, one, nullptr); };
  return {"limit", NABLA_VERSION, isa, all, false};
}

}  // namespace

int main() { return bench::serve(prepare); }
