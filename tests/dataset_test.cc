#include "training/data/dataset.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "training/random.h"

namespace trit {
namespace {

using Ids = std::vector<int32_t>;

// Token i is i, so that ids say where they come from.
TokenArray Counting(int64_t size) {
  TokenArray tokens(65536);
  Ids ids(static_cast<size_t>(size));
  std::iota(ids.begin(), ids.end(), 0);
  tokens.Append(ids);
  return tokens;
}

std::vector<int64_t> FirstTokens(TrainingRows& rows, int64_t begin, int64_t end) {
  std::vector<int64_t> first;
  for (int64_t row = begin; row < end; ++row) first.push_back(rows.FirstToken(row));
  return first;
}

BOOST_AUTO_TEST_CASE(SequentialRowsAreTheFormula) {
  constexpr int64_t kT = 4, kB = 3;
  TrainingRows rows(Counting(100), kT, DataOrder::kSequential, 1);
  LabeledBatch out;
  for (int64_t i = 0; i < 8; ++i) {  // 24 rows of 4 are what 100 tokens have
    rows.Fill(i * kB, kB, 0.25f, out);
    BOOST_REQUIRE(out.batch.num_rows() == kB * kT);
    BOOST_REQUIRE(out.batch.segments.size() == static_cast<size_t>(kB));
    for (int64_t b = 0; b < kB; ++b) {
      BOOST_TEST(out.batch.segments[static_cast<size_t>(b)].num_rows == kT);
      BOOST_TEST(out.batch.segments[static_cast<size_t>(b)].first_position == 0);
      for (int64_t t = 0; t < kT; ++t) {
        const size_t r = static_cast<size_t>(b * kT + t);
        BOOST_TEST(out.batch.tokens[r] == (i * kB + b) * kT + t);
        BOOST_TEST(out.batch.positions[r] == t);
        BOOST_TEST(out.targets[r] == out.batch.tokens[r] + 1);
        BOOST_TEST(out.weights[r] == 0.25f);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(SequentialRowsStartOverAtZero) {
  // 9 tokens: two rows of 4 and the last target. 8 tokens: the second row lacks a target.
  TrainingRows nine(Counting(9), 4, DataOrder::kSequential, 1);
  BOOST_TEST(nine.rows_per_epoch() == 2);
  BOOST_TEST(FirstTokens(nine, 0, 5) == std::vector<int64_t>({0, 4, 0, 4, 0}));
  TrainingRows eight(Counting(8), 4, DataOrder::kSequential, 1);
  BOOST_TEST(eight.rows_per_epoch() == 1);
  BOOST_TEST(FirstTokens(eight, 0, 3) == std::vector<int64_t>({0, 0, 0}));
  LabeledBatch out;
  nine.Fill(1, 2, 1.0f, out);  // a batch across the end
  BOOST_TEST(out.batch.tokens == Ids({4, 5, 6, 7, 0, 1, 2, 3}));
  BOOST_TEST(out.targets == Ids({5, 6, 7, 8, 1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(EveryEpochIsAPermutationOfWindows) {
  constexpr int64_t kT = 5, kN = 523;
  TrainingRows rows(Counting(kN), kT, DataOrder::kShuffle, 42);
  const int64_t w = rows.rows_per_epoch();
  BOOST_REQUIRE(w == (kN - 1) / kT);
  std::set<std::vector<int64_t>> orders;
  std::set<int64_t> offsets;
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    std::vector<int64_t> first = FirstTokens(rows, epoch * w, (epoch + 1) * w);
    orders.insert(first);
    std::sort(first.begin(), first.end());
    const int64_t offset = first.front();
    offsets.insert(offset);
    BOOST_TEST(offset >= 0);
    BOOST_TEST(first.back() + kT < kN);  // its last target exists
    for (int64_t k = 0; k < w; ++k) BOOST_TEST(first[static_cast<size_t>(k)] == offset + k * kT);
  }
  BOOST_TEST(orders.size() == 20u);
  // 522 = 104 * 5 + 2: offsets 0, 1 and 2, all of which 20 draws should have.
  BOOST_TEST(offsets.size() == 3u);
}

// The order is a format: a run continues on it, perhaps with a later program. This states it anew.
BOOST_AUTO_TEST_CASE(ShuffledOrderIsAsDocumented) {
  constexpr int64_t kT = 3, kN = 50;
  constexpr uint64_t kSeed = 7;
  TrainingRows rows(Counting(kN), kT, DataOrder::kShuffle, kSeed);
  const int64_t w = rows.rows_per_epoch();
  for (const int64_t epoch : {0, 1, 5}) {
    const CounterRandom random(kSeed, (uint64_t{1} << 40) + static_cast<uint64_t>(epoch));
    const int64_t offset = static_cast<int64_t>(random.Below(0, (kN - 1) % kT + 1));
    std::vector<int64_t> p(static_cast<size_t>(w));
    std::iota(p.begin(), p.end(), 0);
    for (uint64_t i = static_cast<uint64_t>(w) - 1; i > 0; --i) {
      std::swap(p[i], p[random.Below(i, i + 1)]);
    }
    for (int64_t i = 0; i < w; ++i) {
      BOOST_TEST(rows.FirstToken(epoch * w + i) == offset + p[static_cast<size_t>(i)] * kT);
    }
  }
}

// Uniform: over many seeds, each window comes first about equally often. 4000 draws of 8 windows:
// 500 each, standard deviation sqrt(4000 * 1/8 * 7/8) = 21; the bound is five of them.
BOOST_AUTO_TEST_CASE(ShufflingIsFair) {
  std::vector<int> first(8, 0), last(8, 0);
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    TrainingRows rows(Counting(9), 1, DataOrder::kShuffle, seed);
    ++first[static_cast<size_t>(rows.FirstToken(0))];
    ++last[static_cast<size_t>(rows.FirstToken(7))];
  }
  for (const int count : first) BOOST_TEST(std::abs(count - 500) < 105);
  for (const int count : last) BOOST_TEST(std::abs(count - 500) < 105);
}

// Going on from step 37 sees what a run without a break sees, and going back too.
BOOST_AUTO_TEST_CASE(PositionIsAFunctionOfTheStep) {
  constexpr int64_t kB = 6;
  for (const DataOrder order : {DataOrder::kShuffle, DataOrder::kSequential}) {
    TrainingRows whole(Counting(200), 7, order, 3);
    TrainingRows resumed(Counting(200), 7, order, 3);
    std::vector<Ids> seen;
    LabeledBatch out;
    for (int64_t step = 0; step < 60; ++step) {  // 360 rows, 28 an epoch
      whole.Fill(step * kB, kB, 1.0f, out);
      seen.push_back(out.batch.tokens);
    }
    for (const int64_t step : {37, 59, 5, 4, 38}) {
      resumed.Fill(step * kB, kB, 1.0f, out);
      BOOST_TEST(out.batch.tokens == seen[static_cast<size_t>(step)]);
    }
    // Micro batches of 2 rows are the step's rows in order.
    Ids joined;
    for (int64_t micro = 0; micro < 3; ++micro) {
      resumed.Fill(37 * kB + 2 * micro, 2, 1.0f, out);
      joined.insert(joined.end(), out.batch.tokens.begin(), out.batch.tokens.end());
    }
    BOOST_TEST(joined == seen[37]);
  }
}

BOOST_AUTO_TEST_CASE(SeedsDiffer) {
  TrainingRows a(Counting(500), 4, DataOrder::kShuffle, 1);
  TrainingRows b(Counting(500), 4, DataOrder::kShuffle, 2);
  BOOST_TEST(FirstTokens(a, 0, 100) != FirstTokens(b, 0, 100));
}

BOOST_AUTO_TEST_CASE(OneWindowIsEnough) {
  for (const DataOrder order : {DataOrder::kShuffle, DataOrder::kSequential}) {
    TrainingRows rows(Counting(5), 4, order, 1);
    BOOST_TEST(FirstTokens(rows, 0, 3) == std::vector<int64_t>({0, 0, 0}));
    const std::string text = ErrorText([&] { TrainingRows(Counting(4), 4, order, 1); });
    BOOST_TEST(Contains(text, "= 5 tokens, found 4"));
  }
}

BOOST_AUTO_TEST_CASE(EvaluationPredictsEveryTokenOnce) {
  for (const int64_t size : {0, 1, 2, 4, 5, 6, 9, 10, 23}) {
    const EvaluationRows rows(Counting(size), 4);
    const int64_t targets = std::max<int64_t>(size - 1, 0);
    BOOST_TEST(rows.num_rows() == (targets + 3) / 4);
    BOOST_TEST(rows.NumTargets(rows.num_rows()) == targets);
    Ids predicted;
    LabeledBatch out;
    for (int64_t row = 0; row < rows.num_rows(); row += 2) {
      rows.Fill(row, std::min<int64_t>(2, rows.num_rows() - row), out);
      BOOST_TEST(out.batch.tokens.size() == out.targets.size());
      BOOST_TEST(out.weights == std::vector<float>(out.targets.size(), 1.0f));
      predicted.insert(predicted.end(), out.targets.begin(), out.targets.end());
    }
    Ids expected(static_cast<size_t>(targets));
    std::iota(expected.begin(), expected.end(), 1);
    BOOST_TEST(predicted == expected);
  }
}

BOOST_AUTO_TEST_CASE(EvaluationStopsAfterEnoughTargets) {
  const EvaluationRows rows(Counting(11), 4);  // rows of 4, 4 and 2 targets
  BOOST_TEST(rows.RowsFor(0) == 3);
  BOOST_TEST(rows.RowsFor(1) == 1);
  BOOST_TEST(rows.RowsFor(4) == 1);
  BOOST_TEST(rows.RowsFor(5) == 2);
  BOOST_TEST(rows.RowsFor(9) == 3);
  BOOST_TEST(rows.RowsFor(1000) == 3);
  BOOST_TEST(rows.NumTargets(0) == 0);
  BOOST_TEST(rows.NumTargets(2) == 8);
  BOOST_TEST(rows.NumTargets(3) == 10);
  BOOST_TEST(EvaluationRows(Counting(0), 4).RowsFor(0) == 0);
  BOOST_TEST(EvaluationRows(Counting(0), 4).RowsFor(9) == 0);
}

BOOST_AUTO_TEST_CASE(DocumentsAreSegments) {
  TokenArray tokens(10);
  tokens.Append(std::vector<int32_t>{5, 9, 6, 7, 9, 9, 8, 4});
  LabeledBatch batch;
  batch.AddRow(tokens, 0, 7, 1.0f, /*boundary=*/9);
  const std::vector<int64_t> lengths = {2, 3, 1, 1};
  BOOST_REQUIRE(batch.batch.segments.size() == lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) {
    BOOST_TEST(batch.batch.segments[i].num_rows == lengths[i]);
    BOOST_TEST(batch.batch.segments[i].sequence == static_cast<SequenceId>(i));
  }
  BOOST_TEST(batch.batch.tokens == std::vector<int32_t>({5, 9, 6, 7, 9, 9, 8}),
             boost::test_tools::per_element());
  BOOST_TEST(batch.targets == std::vector<int32_t>({9, 6, 7, 9, 9, 8, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(batch.batch.positions == std::vector<int32_t>({0, 1, 0, 1, 2, 0, 0}),
             boost::test_tools::per_element());
}

}  // namespace
}  // namespace trit
