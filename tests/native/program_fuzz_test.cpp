// Forged programs: good ones with words changed, lost and added. Each is refused by an Error(program)
// or runs; what runs keeps to its buffers (which a sanitizer build sees to the byte).
//   program_fuzz_test [--programs N]     default 20000
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

#include "../../native/runtime/program.h"
#include "check.h"
#include "words.h"

using namespace nabla;
using test::Ref;
using test::Words;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/** Programs with a bit of everything, as seeds. */
std::vector<std::vector<double>> seeds() {
  const Ref none;
  std::vector<std::vector<double>> all;
  Words words;
  words.arena = 4096;
  words.slots = {{2048, false}, {2048, true}, {256, false}};
  const Ref x(1, 0, {4, 8}), labels(3, 0, {4}, DType::i32), key(3, 64, {4}, DType::i32), scalars(3, 128, {4});
  words.add("gemm",
            {Ref(1, 0, {2, 3, 4}), Ref(1, 512, {2, 4, 5}), Ref(1, 1024, {5}), none, Ref(0, 0, {2, 3, 5})},
            {1, 0.5, test::function_number("relu"), -1});
  words.add("gemm",
            {Ref(1, 0, {1, 8, 8}).with_stride({0, 1, 8}), Ref(1, 512, {1, 8, 8}), none, Ref(1, 0, {1, 8, 8}),
             Ref(2, 0, {1, 8, 8})},
            {2, 0, -1, test::function_number("mul")});
  words.add("softmax_forward", {x, Ref(0, 256, {4, 8})}, {1});
  words.add("cross_entropy_forward", {x, labels, none, Ref(0, 512, {4}), Ref(0, 528, {4})}, {0.1, -100});
  words.add("layer_norm_forward",
            {x, Ref(1, 1024, {8}), none, Ref(0, 1024, {4, 8}), Ref(0, 1152, {4}), Ref(0, 1168, {4})}, {1e-5});
  words.add("batch_norm_backward", {x, x, none, Ref(1, 0, {8}), Ref(1, 32, {8}), Ref(0, 0, {4, 8}),
                                    Ref(0, 128, {8}), Ref(0, 160, {8})});
  all.push_back(words.words());
  words.body.clear();
  words.instructions = 0;
  words.add("reduce", {Ref(1, 0, {2, 3, 4}), Ref(0, 0, {2, 4})}, {1});
  words.add("arg_reduce", {Ref(1, 0, {2, 3, 4}), Ref(0, 64, {2, 4}, DType::i32)}, {0});
  words.add("gather_rows", {x, labels, Ref(0, 256, {4, 8})});
  words.add("scatter_add_rows", {x, labels, Ref(2, 0, {4, 8})}, {1});
  words.add("copy", {Ref(1, 0, {3, 4, 5}).with_stride({1, 15, 3}), Ref(2, 1024, {3, 4, 5})});
  words.add("dropout", {Ref(2, 0, {32}), key, Ref(1, 0, {1}), Ref(2, 0, {32})}, {1, 2, 1});
  words.add("random", {key, Ref(2, 512, {33})}, {5, 6, 1, 0, 1});
  words.add("adam_step",
            {Ref(1, 0, {16}).with_advance(64), scalars, none, Ref(2, 0, {16}), Ref(2, 64, {16}),
             Ref(2, 128, {16}), none},
            {0.9, 0.999, 1e-8, 0, 0.01, 1, 0});
  words.add("pick_backward", {Ref(1, 0, {4}), labels, Ref(0, 0, {4, 8})});
  words.add("fill", {Ref(0, 3000, {10})}, {7});
  all.push_back(words.words());
  words.body.clear();
  words.instructions = 0;
  const double add = test::function_number("add"), exp = test::function_number("exp"),
               fma = test::function_number("fma");
  words.add("pointwise",
            {Ref(1, 0, {3, 4}), Ref(1, 64, {3, 4}).with_stride({0, 1}), Ref(3, 0, {3, 4}, DType::i32),
             Ref(3, 64, {3, 4}, DType::u8).with_stride({1, 3}), none, none, none, none, Ref(0, 0, {3, 4}),
             Ref(0, 64, {3, 4}, DType::i32), Ref(0, 112, {3, 4}, DType::u8), none},
            {2,   2,  5,  0.5, -3, add, 10, 0,  1, 0, fma, 11, 10, 8, 2,
             exp, 12, 11, 0,   0,  add, 13, 12, 3, 0, add, 14, 13, 9, 0});
  all.push_back(words.words());
  return all;
}

/** Multiplies no more than a fuzz run may take. */
bool small_enough(const std::vector<double>& words) {
  const ProgramCode code = read_program(words.data(), words.size());
  double work = 0;
  for (const InstructionCode& instruction : code.instructions) {
    double all = 1;
    for (const OperandCode& operand : instruction.operands) {
      double elements = 1;
      for (int axis = 0; axis < operand.rank; ++axis)
        elements *= std::max<double>(1, double(operand.shape[axis]));
      all = std::max(all, elements);
    }
    work += all * (instruction.row->name == "gemm" ? 1000 : 1);
  }
  double bytes = 0;
  for (const Slot& slot : code.slots) bytes += double(slot.bytes);
  return work < 1e6 && bytes < 1e6;
}

void run_mutant(const std::vector<double>& words) {
  Program program(words.data(), words.size(), nullptr);
  const ProgramCode code = read_program(words.data(), words.size());
  for (size_t i = 1; i < code.slots.size(); ++i) {
    program.bind(static_cast<int64_t>(i), std::make_shared<Buffer>(static_cast<size_t>(code.slots[i].bytes)));
  }
  program.run(1, 1);
}

double odd_number(std::mt19937_64& generator) {
  static const double odd[] = {0,
                               1,
                               2,
                               3,
                               4,
                               5,
                               7,
                               8,
                               15,
                               16,
                               17,
                               31,
                               32,
                               33,
                               64,
                               255,
                               256,
                               1023,
                               1024,
                               4096,
                               -1,
                               0.5,
                               1e9,
                               std::ldexp(1, 31),
                               std::ldexp(1, 32),
                               std::ldexp(1, 52),
                               std::ldexp(1, 53),
                               std::ldexp(1, 63),
                               1e300,
                               double(INFINITY),
                               -double(INFINITY),
                               kNaN};
  return odd[generator() % std::size(odd)];
}

void test_fuzz(int64_t count) {
  std::mt19937_64 generator(7);
  const auto good = seeds();
  int64_t accepted = 0, refused = 0;
  for (const auto& seed : good) {
    CHECK(small_enough(seed));
    run_mutant(seed);
  }
  for (int64_t i = 0; i < count; ++i) {
    std::vector<double> words = good[generator() % good.size()];
    for (uint64_t edits = 1 + generator() % 3; edits-- > 0;) {
      const size_t at = generator() % words.size();
      const auto place = words.begin() + static_cast<std::ptrdiff_t>(at);
      switch (generator() % 8) {
        case 0:
          words.erase(place);
          break;
        case 1:
          words.insert(place, odd_number(generator));
          break;
        case 2:
          *place += static_cast<double>(static_cast<int64_t>(generator() % 9) - 4);
          break;
        case 3:
          *place *= 2;
          break;
        default:
          *place = odd_number(generator);
          break;
      }
      if (words.empty()) words.push_back(0);
    }
    try {
      if (small_enough(words)) {
        run_mutant(words);
      } else {
        ProgramCode code = read_program(words.data(), words.size());
        verify_program(code);
      }
      ++accepted;
    } catch (const Error& error) {
      ++refused;
      if (error.code() != ErrorCode::program) test::check(false, "code of", __FILE__, __LINE__, error.what());
    }
  }
  std::printf("fuzz: %lld refused, %lld accepted and run\n", static_cast<long long>(refused),
              static_cast<long long>(accepted));
  CHECK(refused > count / 4);
  CHECK(accepted > count / 100);
}

}  // namespace

int main(int argc, char** argv) {
  int64_t programs = 20000;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--programs") == 0) programs = std::atoll(argv[i + 1]);
  }
  test_fuzz(programs);
  return test::finish();
}
