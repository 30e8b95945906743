// Programs: what the verifier accepts and refuses, how a run goes, stops, fails and shares buffers.
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <thread>

#include "../../native/runtime/program.h"
#include "../../native/runtime/runner.h"
#include "../../native/runtime/thread_pool.h"
#include "check.h"
#include "words.h"

using namespace nabla;
using test::Ref;
using test::Words;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<Program> load(const std::vector<double>& words) {
  return std::make_unique<Program>(words.data(), words.size(), nullptr);
}
std::unique_ptr<Program> load(const Words& words) { return load(words.words()); }

float* floats(const std::shared_ptr<Buffer>& buffer) { return reinterpret_cast<float*>(buffer->data()); }

void test_signatures() {
  const KernelRow& gemm = kernel_rows()[static_cast<size_t>(test::row_number("gemm"))];
  CHECK(gemm.operands.size() == 5 && gemm.input_count == 4);
  CHECK(gemm.operands[2].name == "bias" && gemm.operands[2].optional && !gemm.operands[2].strided);
  CHECK(gemm.operands[0].strided && gemm.operands[4].output && gemm.operands[4].read_write);
  CHECK(gemm.symbols.size() == 6 &&
        gemm.operands[1].dimensions[1].symbol == gemm.operands[0].dimensions[2].symbol);
  CHECK(gemm.parameters[2].kind == ParameterRow::Kind::unary);
  const KernelRow& softmax = kernel_rows()[static_cast<size_t>(test::row_number("softmax_backward"))];
  CHECK(softmax.operands[2].alias == 1);
  CHECK(softmax.parameters[0].high == 1);
  const KernelRow& random = kernel_rows()[static_cast<size_t>(test::row_number("random"))];
  CHECK(random.operands[0].dimensions[0].literal == 4 && random.operands[0].type == TypeRule::i32);
  CHECK(random.parameters[0].high == 4294967295.0);
  REFUSES("grammar|bad", parse_row("bad", "x:q[n]", "", ""));
  REFUSES("q", parse_row("bad", "x:q[n]", "", ""));
  REFUSES("grammar", parse_row("bad", "x:f[n]", "y:f[n]@z", ""));
  REFUSES("grammar", parse_row("bad", "x:f[n]+", "", ""));
  REFUSES("grammar", parse_row("bad", "x", "", ""));
  REFUSES("grammar", parse_row("bad", "", "", "a:1"));
}

// y = exp(x) + x over n elements, by way of the arena
Words two_steps(int64_t n) {
  Words words;
  words.arena = n * 4;
  words.slots = {{n * 4, false}, {n * 4, true}};
  words.pointwise("exp", {Ref(1, 0, {n})}, Ref(0, 0, {n}));
  words.pointwise("add", {Ref(0, 0, {n}), Ref(1, 0, {n})}, Ref(2, 0, {n}));
  return words;
}

void test_run() {
  auto program = load(two_steps(5));
  auto x = std::make_shared<Buffer>(20), y = std::make_shared<Buffer>(20);
  for (int i = 0; i < 5; ++i) floats(x)[i] = 0.5f * static_cast<float>(i);
  REFUSES("slot 1|none", program->run(1, 1));
  program->bind(1, x);
  REFUSES("slot 2|none", program->run(1, 1));
  REFUSES("slot|0", program->bind(0, x));
  REFUSES("slot|3", program->bind(3, x));
  REFUSES("at least 20 bytes|slot 2|19", program->bind(2, std::make_shared<Buffer>(19)));
  program->bind(2, y);
  CHECK(program->run(1, 1).completed == 1);
  for (int i = 0; i < 5; ++i) CHECK(std::fabs(floats(y)[i] - (std::exp(0.5 * i) + 0.5 * i)) < 1e-5);
  CHECK(program->run(7, 1).completed == 7);
  CHECK(program->run(0, 1).completed == 0);
  REFUSES("steps|-1", program->run(-1, 1));
  program->bind(2, x);
  REFUSES("apart|slot 1|slot 2", program->run(1, 1));
  program->bind(2, y);
  std::vector<double> nanoseconds(2);
  CHECK(program->profile(3, 1, nanoseconds.data()).completed == 3 && nanoseconds[0] > 0 &&
        nanoseconds[1] > 0);
}

void test_arrays() {
  auto program = load(two_steps(4));
  float x[5] = {1, 1, 1, 1, 1}, y[4] = {};
  program->bind_array(1, x, 16);
  program->bind_array(2, y, 16);
  CHECK(program->run(1, 1).completed == 1 && y[3] > 3.7f);
  program->release_arrays();
  REFUSES("slot 1", program->run(1, 1));
  REFUSES("aligned to 4|slot 1", program->bind_array(1, reinterpret_cast<char*>(x) + 1, 16));
  program->bind_array(1, x, 16);
  program->bind_array(2, x + 1, 16);
  REFUSES("apart", program->run(1, 1));
  program->bind_array(2, y, 16);
  REFUSES("asynchronous", program->submit(1));
}

void test_advance() {
  Words words;  // one row of 3 a step
  words.slots = {{12, false}, {12, true}};
  words.pointwise("square", {Ref(1, 0, {3}).with_advance(12)}, Ref(2, 0, {3}).with_advance(12));
  auto program = load(words);
  auto x = std::make_shared<Buffer>(60), y = std::make_shared<Buffer>(59);
  for (int i = 0; i < 15; ++i) floats(x)[i] = static_cast<float>(i);
  program->bind(1, x);
  program->bind(2, y);
  REFUSES("0 to 4|steps|5", program->run(5, 1));
  for (int pass = 0; pass < 2; ++pass) {  // the second begins at the first row again
    std::memset(y->data(), 0, 48);
    CHECK(program->run(4, 1).completed == 4);
    bool right = true;
    for (int i = 0; i < 12; ++i) right = right && floats(y)[i] == static_cast<float>(i * i);
    CHECK(right);
  }
  Words arena;  // leaves the arena after two steps
  arena.arena = 24;
  arena.add("fill", {Ref(0, 0, {3}).with_advance(12)}, {1});
  REFUSES("0 to 2|steps|3", load(arena)->run(3, 1));
  Words meet;  // the input begins 8 floats below the output and goes faster
  meet.slots = {{4096, true}};
  meet.pointwise("square", {Ref(1, 0, {2}).with_advance(16)}, Ref(1, 32, {2}).with_advance(4));
  auto meeting = load(meet);
  meeting->bind(1, std::make_shared<Buffer>(4096));
  CHECK(meeting->run(3, 1).completed == 3);  // 0..8 16..24 32..40 against 32.. 36.. 40..
  REFUSES("0 to 3|steps|4", meeting->run(4, 1));
}

void test_failure() {
  Words words;  // y = x; stops at the first value that is not finite; then y = -x
  words.slots = {{8, false}, {8, true}};
  words.add("check_finite", {Ref(1, 0, {2}).with_advance(8)});
  words.pointwise("neg", {Ref(1, 0, {2}).with_advance(8)}, Ref(2, 0, {2}).with_advance(8));
  auto program = load(words);
  auto x = std::make_shared<Buffer>(40), y = std::make_shared<Buffer>(40);
  for (int i = 0; i < 10; ++i) floats(x)[i] = 1;
  floats(x)[7] = INFINITY;
  program->bind(1, x);
  program->bind(2, y);
  const RunStatus& status = program->run(5, 1);
  CHECK(status.completed == 3 && status.failure == Failure::not_finite && status.step == 3 &&
        status.instruction == 0);
  CHECK(floats(y)[5] == -1 && floats(y)[6] == 0);
  CHECK(program->run(3, 1).failure == Failure::none);
  CHECK(program->status().completed == 3);
}

// Every word of a good program replaced by what it must not be, and every length cut short.
void test_words() {
  const std::vector<double> good = two_steps(5).words();
  CHECK(load(good) != nullptr);
  for (size_t length = 0; length < good.size(); ++length) {
    REFUSES("", load({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}));
  }
  auto longer = good;
  longer.push_back(0);
  REFUSES("the end of the program|1 more", load(longer));
  for (size_t i = 0; i < good.size(); ++i) {
    // This program has no constants: every word is an integer.
    for (const double wrong :
         {kNaN, -1.0, 0.5, std::ldexp(1, 53), 1e300, double(INFINITY), -double(INFINITY)}) {
      auto words = good;
      words[i] = wrong;
      REFUSES("Expected", load(words));
    }
  }
  auto other = good;
  other[0] += 1;
  REFUSES("magic", load(other));
  other = good;
  other[1] = 2;
  REFUSES("version", load(other));
}

/** One instruction on a read-only slot 1 and a writable slot 2 of 1024 bytes, and an arena of 1024. */
std::vector<double> one(const std::string& kernel, const std::vector<Ref>& operands,
                        const std::vector<double>& parameters = {}, bool float64 = false) {
  Words words;
  words.arena = 1024;
  words.float64 = float64;
  words.slots = {{1024, false}, {1024, true}};
  words.add(kernel, operands, parameters);
  return words.words();
}

void test_refusals() {
  const Ref x(1, 0, {4, 8}), y(2, 0, {4, 8}), none;
  CHECK(load(one("softmax_forward", {x, y}, {0})) != nullptr);
  REFUSES("an operand|operand y|softmax_forward|none", load(one("softmax_forward", {x, none}, {0})));
  REFUSES("rank 2|operand x", load(one("softmax_forward", {Ref(1, 0, {4, 8, 1}), y}, {0})));
  REFUSES("size 8 (c of operand x)|axis 1|[4, 7]", load(one("softmax_forward", {x, Ref(2, 0, {4, 7})}, {0})));
  REFUSES("float32|operand x|int32", load(one("softmax_forward", {Ref(1, 0, {4, 8}, DType::i32), y}, {0})));
  REFUSES("float64|operand x|float32", load(one("softmax_forward", {x, y}, {0}, true)));
  REFUSES("dense|operand x", load(one("softmax_forward", {x.with_stride({9, 1}), y}, {0})));
  REFUSES("writable|operand y|slot 1", load(one("softmax_forward", {y, x}, {0})));
  REFUSES("1024 bytes of slot 2|operand y|1152",
          load(one("softmax_forward", {x, Ref(2, 1024, {4, 8})}, {0})));
  REFUSES("within|1028", load(one("softmax_forward", {x, Ref(2, 900, {4, 8})}, {0})));
  REFUSES("multiples of 4", load(one("softmax_forward", {x, Ref(2, 2, {4, 8})}, {0})));
  REFUSES("multiples of 4", load(one("softmax_forward", {x, y.with_advance(2)}, {0})));
  REFUSES("integer from 0 to 1|parameter log|2", load(one("softmax_forward", {x, y}, {2})));
  REFUSES("parameter log|NaN", load(one("softmax_forward", {x, y}, {kNaN})));
  REFUSES("1 parameters|softmax_forward|0", load(one("softmax_forward", {x, y})));
  REFUSES("1 parameters|2", load(one("softmax_forward", {x, y}, {0, 0})));
  REFUSES("2^53", load(one("softmax_forward", {Ref(1, 0, {1ll << 52, 2}), y}, {0})));
  REFUSES("2^53", load(one("reduce",
                           {Ref(1, 0, {1ll << 30, 0, 1ll << 30}), Ref(2, 0, {1ll << 30, 1ll << 30})}, {0})));
  REFUSES("size 4|axis 0|[3]",
          load(one("random", {Ref(1, 0, {3}, DType::i32), Ref(2, 0, {8})}, {0, 0, 0, 0, 1})));
  REFUSES("parameter a|NaN",
          load(one("random", {Ref(1, 0, {4}, DType::i32), Ref(2, 0, {8})}, {0, 0, 0, kNaN, 1})));
  // in place only where the row says so, and only exactly
  const Ref w(2, 0, {4, 8});
  CHECK(load(one("softmax_forward", {w, w}, {0})) != nullptr);
  REFUSES("apart from operand x|operand y", load(one("softmax_forward", {Ref(2, 4, {4, 8}), w}, {0})));
  REFUSES("apart|operand x", load(one("softmax_forward", {w, w.with_advance(4)}, {0})));
  REFUSES("apart from operand y|operand dx", load(one("softmax_backward", {w, x, w}, {0})));
  CHECK(load(one("softmax_backward", {x, w, w}, {0})) != nullptr);
  CHECK(load(one("softmax_backward", {x, Ref(2, 128, {4, 8}), w}, {0})) != nullptr);
  REFUSES("apart from operand loss|logsumexp",
          load(one("cross_entropy_forward",
                   {x, Ref(1, 512, {4}, DType::i32), none, Ref(2, 0, {4}), Ref(2, 12, {4})}, {0, -1})));
}

void test_kernel_refusals() {
  const Ref none;
  const Ref a(1, 0, {1, 2, 3}), b(1, 64, {1, 3, 4}), c(2, 0, {1, 2, 4});
  CHECK(load(one("gemm", {a, b, none, none, c}, {1, 0, -1, -1})) != nullptr);
  REFUSES("[1, 3, 4] or panels of fewer columns v [ceil(4 / v), 3, v]|operand w|[1, 3, 5]",
          load(one("gemm", {a, Ref(1, 64, {1, 3, 5}), none, none, c}, {1, 0, -1, -1})));
  for (const auto& [panels, width] : {std::pair<int64_t, int64_t>{1, 4}, {2, 3}, {2, 2}, {4, 1}})
    CHECK(load(one("gemm", {a, Ref(1, 64, {panels, 3, width}), none, none, c}, {1, 0, -1, -1})) != nullptr);
  for (const auto& [panels, width] : {std::pair<int64_t, int64_t>{2, 4}, {3, 3}, {1, 3}, {3, 2}, {4, 0}})
    REFUSES("panels of fewer columns v|operand w",
            load(one("gemm", {a, Ref(1, 64, {panels, 3, width}), none, none, c}, {1, 0, -1, -1})));
  REFUSES("shape [2, 3, 4]|operand w|[4, 3, 2]",
          load(one("gemm", {Ref(1, 0, {2, 2, 3}), Ref(1, 64, {4, 3, 2}), none, none, Ref(2, 0, {2, 2, 4})},
                   {1, 0, -1, -1})));
  const Ref aux(1, 128, {1, 2, 4});
  CHECK(load(one("gemm", {a, b, none, aux, c},
                 {1, 0, test::function_number("tanh"), test::function_number("mul")})) != nullptr);
  REFUSES("operand aux|combine|gemm",
          load(one("gemm", {a, b, none, none, c}, {1, 0, -1, test::function_number("mul")})));
  REFUSES("function of 1|activation",
          load(one("gemm", {a, b, none, none, c}, {1, 0, test::function_number("add"), -1})));
  REFUSES("function of 2|combine",
          load(one("gemm", {a, b, none, none, c}, {1, 0, -1, test::function_number("exp")})));
  REFUSES("activation|1000", load(one("gemm", {a, b, none, none, c}, {1, 0, 1000, -1})));
  REFUSES("no two elements", load(one("gemm", {a, b, none, none, c.with_stride({8, 2, 1})}, {1, 0, -1, -1})));
  REFUSES("no two elements", load(one("gemm", {a, b, none, none, c.with_stride({8, 4, 0})}, {1, 0, -1, -1})));
  CHECK(load(one("gemm", {a, b, none, none, c.with_stride({8, 1, 2})}, {1, 0, -1, -1})) != nullptr);
  REFUSES("apart from operand aux", load(one("gemm", {a, b, none, c, c}, {1, 0, -1, -1})));
  REFUSES("2^53|operand a",
          load(one("gemm", {Ref(1, 0, {1ll << 30, 1ll << 30, 3}).with_stride({0, 0, 1}), b, none, none, c},
                   {1, 0, -1, -1})));
  REFUSES("shape of operand x|copy", load(one("copy", {Ref(1, 0, {2, 3}), Ref(2, 0, {3, 2})})));
  REFUSES("uint8|float32", load(one("copy", {Ref(1, 0, {3}, DType::u8), Ref(2, 0, {3})})));
  REFUSES("1 to 2147483647|arg_reduce",
          load(one("arg_reduce", {Ref(1, 0, {2, 0, 1}), Ref(2, 0, {2, 1}, DType::i32)}, {0})));
  REFUSES("operand v|sgd_step",
          load(one("sgd_step", {Ref(1, 0, {4}), Ref(1, 64, {4}), none, Ref(2, 0, {4}), none},
                   {0.9, 0, 0, 0, 0, 0})));
}

std::vector<double> chain(std::vector<Ref> inputs, std::vector<Ref> outputs,
                          const std::vector<double>& code) {
  inputs.resize(8);
  outputs.resize(4);
  inputs.insert(inputs.end(), outputs.begin(), outputs.end());
  return one("pointwise", inputs, code);
}

void test_chains() {
  const Ref x(1, 0, {8}), y(2, 0, {8});
  const double add = test::function_number("add"), exp = test::function_number("exp");
  // registers: x0..x7, constants from 8, temporaries, outputs
  CHECK(load(chain({x}, {y}, {1, 1, 2, kNaN, add, 9, 0, 8, 0, exp, 10, 9, 0, 0})) != nullptr);
  REFUSES("parameters", load(chain({x}, {y}, {0, 0, 1, exp, 8, 0, 0})));
  REFUSES("parameters", load(chain({x}, {y}, {0, 0, 1, exp, 8, 0, 0, 0, 0})));
  REFUSES("constant count|17", load(chain({x}, {y}, {17, 0, 0})));
  REFUSES("temporary count|17", load(chain({x}, {y}, {0, 17, 0})));
  REFUSES("step count|65", load(chain({x}, {y}, {0, 0, 65})));
  REFUSES("constant count|end of the code", load(chain({x}, {y}, {})));
  REFUSES("step that writes it|operand y0", load(chain({x}, {y}, {0, 0, 0})));
  REFUSES("pointwise.inc|1000", load(chain({x}, {y}, {0, 0, 1, 1000, 8, 0, 0, 0})));
  REFUSES("destination|7", load(chain({x}, {y}, {0, 0, 1, exp, 7, 0, 0, 0})));
  REFUSES("destination|12", load(chain({x}, {y}, {0, 0, 1, exp, 12, 0, 0, 0})));
  REFUSES("destination|8", load(chain({x}, {y}, {1, 0, 1, 5, exp, 8, 0, 0, 0})));  // a constant
  REFUSES("present output|y1", load(chain({x}, {y}, {0, 0, 1, exp, 9, 0, 0, 0})));
  REFUSES("holds a value|argument 0|register 1", load(chain({x}, {y}, {0, 0, 1, exp, 8, 1, 0, 0})));
  REFUSES("holds a value|argument 1|register 8", load(chain({x}, {y}, {0, 0, 1, add, 8, 0, 8, 0})));
  REFUSES("a register|12", load(chain({x}, {y}, {0, 0, 1, exp, 8, 0, 12, 0})));  // unread, but out of range
  REFUSES("shape of y0|operand x0", load(chain({Ref(1, 0, {4})}, {y}, {0, 0, 1, exp, 8, 0, 0, 0})));
  REFUSES("int32 or uint8|float64",
          load(chain({Ref(1, 0, {8}, DType::f64)}, {y}, {0, 0, 1, exp, 8, 0, 0, 0})));
  CHECK(load(chain({y}, {y}, {0, 0, 1, exp, 8, 0, 0, 0})) != nullptr);
  REFUSES("apart", load(chain({Ref(2, 0, {8}, DType::i32)}, {y}, {0, 0, 1, exp, 8, 0, 0, 0})));
  REFUSES("apart", load(chain({Ref(2, 0, {8}).with_stride({0})}, {y}, {0, 0, 1, exp, 8, 0, 0, 0})));
  REFUSES("apart", load(chain({x}, {y, y}, {0, 0, 2, exp, 8, 0, 0, 0, exp, 9, 0, 0, 0})));
}

// a and b grow by one a step; whoever copies both between two steps sees them equal.
std::unique_ptr<Program> make_writer() {
  Words words;
  words.slots = {{8192, true}};
  const Ref a(1, 0, {1024}), b(1, 4096, {1024});
  for (const Ref& each : {a, b}) {
    std::vector<Ref> operands = {each, Ref(), Ref(), Ref(), Ref(), Ref(), Ref(), Ref(), each};
    operands.resize(12);
    words.add("pointwise", operands, {1, 0, 1, 1, test::function_number("add"), 9, 0, 8, 0});
  }
  return load(words);
}

std::unique_ptr<Program> make_reader() {
  Words words;
  words.slots = {{8192, false}, {8192, true}};
  words.add("copy", {Ref(1, 0, {2048}), Ref(2, 0, {2048})});
  return load(words);
}

struct Ended {
  std::atomic<int> count{0};
};
void job_ended(std::shared_ptr<RunJob> job) { static_cast<Ended*>(job->context)->count++; }

std::shared_ptr<RunJob> start(std::shared_ptr<Program> program, int64_t steps, Ended& ended,
                              const void* owner) {
  auto job = std::make_shared<RunJob>();
  job->program = std::move(program);
  job->steps = steps;
  job->owner = owner;
  job->done = job_ended;
  job->context = &ended;
  job->program->submit(steps);
  start_job(job);
  return job;
}

template <class Condition>
void wait_until(const Condition& condition) {
  while (!condition()) std::this_thread::yield();
}

void test_sharing() {
  auto state = std::make_shared<Buffer>(8192), seen = std::make_shared<Buffer>(8192);
  std::shared_ptr<Program> writer = make_writer(), second = make_writer();
  auto reader = make_reader();
  writer->bind(1, state);
  second->bind(1, state);
  reader->bind(1, state);
  reader->bind(2, seen);
  Ended ended;
  const auto job = start(writer, 1000000000, ended, &ended);
  REFUSES("no other run writes|slot 1", second->run(1, 1));
  REFUSES("no other run writes|slot 1", second->submit(1));
  REFUSES("not running", writer->run(1, 1));
  REFUSES("not running|slot 1", writer->bind(1, state));
  bool consistent = true;
  float last = 0;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (int i = 0; i < 2000 || (last == 0 && std::chrono::steady_clock::now() < give_up); ++i) {
    reader->run(1, 1);
    const float* values = floats(seen);
    consistent = consistent && values[0] == values[2047] && values[0] >= last;
    last = values[0];
  }
  CHECK(consistent);
  CHECK(last > 0);
  writer->interrupt();
  wait_until([&] { return ended.count == 1; });
  writer->finish_submitted();
  CHECK(job->status.completed < 1000000000 && job->status.failure == Failure::none);
  CHECK(second->run(1, 1).completed == 1);
}

// Two programs that each read what the other writes, and a reader of both: no deadlock.
void test_crossing() {
  auto a = std::make_shared<Buffer>(8192), b = std::make_shared<Buffer>(8192),
       c = std::make_shared<Buffer>(8192);
  std::shared_ptr<Program> forth = make_reader(), back = make_reader();
  forth->bind(1, a);
  forth->bind(2, b);
  back->bind(1, b);
  back->bind(2, a);
  auto reader = make_reader();
  reader->bind(2, c);
  Ended ended;
  start(forth, 3000, ended, &ended);
  start(back, 3000, ended, &ended);
  for (int i = 0; i < 200; ++i) {
    reader->bind(1, i % 2 ? a : b);
    reader->run(3, 1);
  }
  wait_until([&] { return ended.count == 2; });
  CHECK(ended.count == 2);
}

void test_cancel() {
  Ended ended, others;
  std::vector<std::shared_ptr<Program>> programs;
  for (int i = 0; i < 12; ++i) {  // more than runs at once: some still wait in the queue
    programs.push_back(make_writer());
    programs.back()->bind(1, std::make_shared<Buffer>(8192));
    start(programs.back(), 1000000000, ended, &ended);
  }
  cancel_jobs(&ended);
  const int ran = ended.count;
  CHECK(ran <= 12);
  std::shared_ptr<Program> other = make_writer();
  other->bind(1, std::make_shared<Buffer>(8192));
  start(other, 10, others, &others);
  wait_until([&] { return others.count == 1; });
  CHECK(ended.count == ran);
}

void test_denormals() {
  volatile float tiny = 1e-40f;
  Words words;
  words.slots = {{4, false}, {4, true}};
  words.pointwise("add", {Ref(1, 0, {1}), Ref(1, 0, {1})}, Ref(2, 0, {1}));
  auto program = load(words);
  auto x = std::make_shared<Buffer>(4), y = std::make_shared<Buffer>(4);
  floats(x)[0] = tiny;
  program->bind(1, x);
  program->bind(2, y);
  program->run(1, 1);
  CHECK(tiny + tiny > 0);  // this thread's mode is as before
}

/** Steps on this many floats with so many threads, until both ways were tried, for at most so many seconds.
 */
bool tries_threads(int64_t n, int threads, double seconds) {
  auto program = load(two_steps(n));
  const auto x = std::make_shared<Buffer>(static_cast<size_t>(n) * 4);
  const auto y = std::make_shared<Buffer>(static_cast<size_t>(n) * 4);
  for (int64_t i = 0; i < n; ++i) floats(x)[i] = static_cast<float>(i % 100) / 50;
  program->bind(1, x);
  program->bind(2, y);
  program->run(1, threads);
  const std::vector<float> first(floats(y), floats(y) + n);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!program->choice().tried() && std::chrono::steady_clock::now() < end) {
    program->run(1, threads);
    if (std::memcmp(first.data(), floats(y), static_cast<size_t>(n) * 4) != 0) CHECK(false);
  }
  return program->choice().tried();
}

void test_choice_of_threads() {
  // Just enough for two tasks: a step has to be brief under an emulator as well.
  ThreadPool::instance().set_threads(2);
  CHECK(tries_threads(17000, 2, 20));
  CHECK(!tries_threads(17000, 1, 0.1));
  CHECK(!tries_threads(8, 2, 0.1));  // no work to share
}

void test_float64() {
  Words words;
  words.float64 = true;
  words.slots = {{40, false}, {40, true}};
  words.pointwise("exp", {Ref(1, 0, {5}, DType::f64)}, Ref(2, 0, {5}, DType::f64));
  auto program = load(words);
  auto x = std::make_shared<Buffer>(40), y = std::make_shared<Buffer>(40);
  reinterpret_cast<double*>(x->data())[4] = 1;
  program->bind(1, x);
  program->bind(2, y);
  program->run(1, 4);
  CHECK(std::fabs(reinterpret_cast<double*>(y->data())[4] - std::exp(1.0)) < 1e-14);
}

}  // namespace

int main() {
  test_signatures();
  test_run();
  test_arrays();
  test_advance();
  test_failure();
  test_words();
  test_refusals();
  test_kernel_refusals();
  test_chains();
  test_sharing();
  test_crossing();
  test_cancel();
  test_denormals();
  test_choice_of_threads();
  test_float64();
  return test::finish();
}
