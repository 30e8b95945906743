// What products bring nearer for the instructions behind them, and that it changes no result.
#include <cstring>
#include <memory>

#include "../../native/runtime/fetch_plan.h"
#include "../../native/runtime/program.h"
#include "check.h"
#include "words.h"

using namespace nabla;
using test::Ref;
using test::Words;

namespace {

constexpr int64_t kRows = 64, kSide = 256, kLayers = 6;
constexpr size_t kY0 = 8;                                                   // operand of a chain
constexpr int64_t kSquare = kSide * kSide * 4, kSheet = kRows * kSide * 4;  // bytes

Ref sheet(int64_t slot, int64_t number) { return Ref(slot, number * kSheet, {1, kRows, kSide}); }
Ref weight(int64_t number) { return Ref(2, number * kSquare, {1, kSide, kSide}); }

void product(Words& words, const Ref& a, const Ref& w, const Ref& c) {
  words.add("gemm", {a, w, Ref(), Ref(), c}, {1, 0, -1, -1});
}

/** A chain of products, each with a weight of its own, and a sum of every result with one of slot 3. */
Words chain() {
  Words words;
  words.arena = (2 * kLayers + 1) * kSheet;
  words.slots = {{kSheet, false}, {kLayers * kSquare, false}, {kLayers * kSheet, false}, {kSheet, true}};
  for (int64_t i = 0; i < kLayers; ++i) {
    product(words, i == 0 ? sheet(1, 0) : sheet(0, 2 * i - 1), weight(i), sheet(0, 2 * i));
    words.pointwise(
        "add", {Ref(0, 2 * i * kSheet, {kRows * kSide}), Ref(3, i * kSheet, {kRows * kSide})},
        i + 1 < kLayers ? Ref(0, (2 * i + 1) * kSheet, {kRows * kSide}) : Ref(4, 0, {kRows * kSide}));
  }
  return words;
}

std::vector<std::vector<Fetch>> plan_of(const Words& words) {
  const std::vector<double> numbers = words.words();
  ProgramCode code = read_program(numbers.data(), numbers.size());
  verify_program(code);
  return plan_fetching(code);
}

/** What a list has of an operand; rows 0 if it has nothing. */
Fetch found(const std::vector<Fetch>& list, size_t instruction, size_t operand) {
  for (const Fetch& fetch : list)
    if (fetch.instruction == instruction && fetch.operand == operand) return fetch;
  return {instruction, operand, 0, 0, 0};
}
bool has(const std::vector<Fetch>& list, size_t instruction, size_t operand) {
  return found(list, instruction, operand).rows > 0;
}
bool is(const Fetch& fetch, int64_t rows, int64_t step, int64_t bytes) {
  return fetch.rows == rows && fetch.step == step && fetch.bytes == bytes;
}

void test_far() {
  const auto plan = plan_of(chain());
  for (size_t i = 0; i < kLayers; ++i) {
    const auto& list = plan[2 * i];
    CHECK(is(found(list, 2 * i + 1, 1), kSheet / 256, 256, 256));    // the other half of the sum
    CHECK(is(found(list, 2 * i + 1, kY0), kSheet / 256, 256, 256));  // and where it is written
    // of the next weight the columns that its product begins with
    if (i + 1 < kLayers) CHECK(is(found(list, 2 * i + 2, 1), kSide, kSide * 4, 256));
    CHECK(list.size() == (i + 1 < kLayers ? 3u : 2u));  // and nothing that was just written
    CHECK(plan[2 * i + 1].empty());                     // a sum waits for memory itself
  }
}

/** What is written over something that is read, or by a product, is not fetched for itself. */
void test_outputs() {
  Words words;
  words.slots = {{kSheet, false}, {8 * kSquare, false}, {8 * kSheet, true}, {8 * kSheet, true}};
  for (int64_t i = 0; i < 6; ++i) {
    const Ref sum(4, i * kSheet, {kRows * kSide});
    product(words, sheet(1, 0), weight(i), sheet(3, i));
    words.pointwise("add", {sum, Ref(1, 0, {kRows * kSide})}, sum);
  }
  const auto plan = plan_of(words);
  for (size_t i = 0; i < 6; ++i) {
    CHECK(has(plan[2 * i], 2 * i + 1, 0));
    CHECK(!has(plan[2 * i], 2 * i + 1, kY0));
    CHECK(!has(plan[2 * i], 2 * i + 2, 4));
  }
}

/** A weight stored (out, in) is no panel of columns: it is fetched whole. */
void test_transposed() {
  Words words;
  words.slots = {{kSheet, false}, {8 * kSquare, false}, {8 * kSheet, true}};
  const auto turned = [](int64_t i) { return weight(i).with_stride({kSide * kSide, 1, kSide}); };
  for (int64_t i = 0; i < 6; ++i) product(words, sheet(1, 0), turned(i), sheet(3, i));
  const auto plan = plan_of(words);
  for (size_t i = 0; i + 1 < 6; ++i) CHECK(is(found(plan[i], i + 1, 1), kSquare / 256, 256, 256));
}

/** With few steps of k, the way of the result itself takes most of the time there is to hide something. */
void test_short() {
  Words words;
  words.slots = {{kSheet, false}, {8 * kSheet, false}, {8 * kSquare, true}, {8 * kSheet, false}};
  for (int64_t i = 0; i < 4; ++i) {
    product(words, Ref(1, 0, {1, kSide, kRows}), sheet(2, i), Ref(3, i * kSquare, {1, kSide, kSide}));
    for (int64_t j = 0; j < 2; ++j)
      words.pointwise("add", {Ref(4, (2 * i + j) * kSheet, {kRows * kSide}), Ref(1, 0, {kRows * kSide})},
                      Ref(3, 7 * kSquare, {kRows * kSide}));
  }
  const auto plan = plan_of(words);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(has(plan[3 * i], 3 * i + 1, 0));  // one sheet and the columns of the next
    CHECK(!has(plan[3 * i], 3 * i + 2, 0));
    CHECK(has(plan[3 * i], 3 * i + 3, 1) == (i + 1 < 4));
  }
}

void test_near() {
  Words words;  // everything is touched again at once
  words.slots = {{kSheet, false}, {kSquare, false}, {2 * kSheet, true}};
  product(words, sheet(1, 0), weight(0), sheet(3, 0));
  product(words, sheet(3, 0), weight(0), sheet(3, 1));
  for (const auto& list : plan_of(words)) CHECK(list.empty());
}

void test_room() {
  Words words;  // 64 x 8 x 256 multiply-adds hide the way of 17 KB: not of a weight
  words.slots = {{kSheet, false}, {8 * kSquare, false}, {8 * kSheet, true}};
  const Ref narrow = Ref(2, 7 * kSquare, {1, kSide, 8});
  for (int64_t i = 0; i < 6; ++i) {
    product(words, sheet(1, 0), narrow, Ref(3, 7 * kSheet, {1, kRows, 8}));
    product(words, sheet(1, 0), weight(i), sheet(3, i));
  }
  const auto plan = plan_of(words);
  for (size_t i = 0; i < plan.size(); i += 2) CHECK(plan[i].empty());
  Words row = chain();  // one row waits for memory itself
  row.instructions = 0, row.body.clear();
  for (int64_t i = 0; i < kLayers; ++i)
    product(row, Ref(1, 0, {1, 1, kSide}), weight(i), Ref(0, i * kSheet, {1, 1, kSide}));
  for (const auto& list : plan_of(row)) CHECK(list.empty());
}

/** Every layer alone, in a program with nothing to fetch, computes what the chain does. */
void test_results() {
  const std::vector<double> words = chain().words();
  Program program(words.data(), words.size(), nullptr);
  std::vector<std::shared_ptr<Buffer>> buffers;
  uint32_t state = 1;
  for (const int64_t bytes : {kSheet, kLayers * kSquare, kLayers * kSheet, kSheet}) {
    buffers.push_back(std::make_shared<Buffer>(static_cast<size_t>(bytes)));
    float* const data = reinterpret_cast<float*>(buffers.back()->data());
    for (int64_t i = 0; i < bytes / 4; ++i) {
      state = state * 1664525 + 1013904223;
      data[i] = static_cast<float>(state >> 8) / 16777216.f - 0.5f;
    }
    program.bind(static_cast<int64_t>(buffers.size()), buffers.back());
  }
  for (const int threads : {1, 2}) {
    CHECK(program.run(1, threads).completed == 1);
    std::vector<float> h(kRows * kSide), next(kRows * kSide);
    std::memcpy(h.data(), buffers[0]->data(), kSheet);
    for (int64_t i = 0; i < kLayers; ++i) {
      Words one;
      one.slots = {{kSheet, false}, {kLayers * kSquare, false}, {kLayers * kSheet, false}, {kSheet, true}};
      one.arena = kSheet;
      product(one, sheet(1, 0), weight(i), sheet(0, 0));
      one.pointwise("add", {Ref(0, 0, {kRows * kSide}), Ref(3, i * kSheet, {kRows * kSide})},
                    Ref(4, 0, {kRows * kSide}));
      const std::vector<double> numbers = one.words();
      Program layer(numbers.data(), numbers.size(), nullptr);
      layer.bind_array(1, h.data(), kSheet);
      layer.bind(2, buffers[1]);
      layer.bind(3, buffers[2]);
      layer.bind_array(4, next.data(), kSheet);
      CHECK(layer.run(1, 1).completed == 1);
      std::swap(h, next);
    }
    CHECK(std::memcmp(h.data(), buffers[3]->data(), kSheet) == 0);
  }
}

}  // namespace

int main() {
  test_far();
  test_outputs();
  test_transposed();
  test_short();
  test_near();
  test_room();
  test_results();
  return test::finish();
}
