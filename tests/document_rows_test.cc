// Documents packed into rows: everything once an epoch, masks where they belong, and any row again
// from its number alone.
#include "training/data/document_rows.h"

#include <boost/test/unit_test.hpp>
#include <map>
#include <vector>

#include "engine/error.h"

namespace trit {
namespace {

constexpr int64_t kVocab = 1000;
constexpr int64_t kLength = 16;

// Document d: tokens 10 d, 10 d + 1, …; every second one is learned.
DocumentSet MakeDocuments(const std::vector<int64_t>& lengths) {
  DocumentSet documents(kVocab);
  for (size_t d = 0; d < lengths.size(); ++d) {
    std::vector<int32_t> tokens;
    std::vector<bool> learned;
    for (int64_t i = 0; i < lengths[d]; ++i) {
      tokens.push_back(static_cast<int32_t>(10 * d) + static_cast<int32_t>(i % 10));
      learned.push_back(i % 2 == 1);
    }
    BOOST_REQUIRE(documents.Append(tokens, learned));
  }
  return documents;
}

const std::vector<int64_t> kLengths = {5, 9, 3, 7, 12, 4, 6, 8, 2, 10, 17, 5};

BOOST_AUTO_TEST_CASE(what_has_nothing_to_learn_is_left_out) {
  DocumentSet documents(kVocab);
  BOOST_TEST(!documents.Append(std::vector<int32_t>{1}, {true}));
  BOOST_TEST(!documents.Append(std::vector<int32_t>{1, 2}, {true, false}));
  BOOST_TEST(documents.Append(std::vector<int32_t>{1, 2}, {false, true}));
  BOOST_TEST(documents.num_documents() == 1);
  BOOST_CHECK_THROW(DocumentTrainingRows(DocumentSet(kVocab), kLength, DataOrder::kShuffle, 1),
                    Error);
}

BOOST_AUTO_TEST_CASE(rows_are_full_and_segments_are_documents) {
  DocumentTrainingRows rows(MakeDocuments(kLengths), kLength, DataOrder::kShuffle, 3);
  LabeledBatch batch;
  rows.Fill(0, 3, 0.5f, batch);
  BOOST_TEST(batch.batch.num_rows() == 3 * kLength);
  BOOST_TEST(batch.targets.size() == static_cast<size_t>(3 * kLength));
  int64_t row = 0;
  for (const Segment& segment : batch.batch.segments) {
    BOOST_TEST(segment.first_position == 0);
    const bool filler = batch.weights[static_cast<size_t>(row)] == 0 &&
                        batch.batch.tokens[static_cast<size_t>(row)] == 0 &&
                        batch.targets[static_cast<size_t>(row)] == 0;
    for (int64_t i = 0; i < segment.num_rows; ++i) {
      const size_t r = static_cast<size_t>(row + i);
      BOOST_TEST(batch.batch.positions[r] == i);
      if (filler) {
        BOOST_TEST(batch.weights[r] == 0.0f);
      } else {
        // The target is the document's token i + 1, which is learned if that is odd.
        BOOST_TEST(batch.targets[r] % 10 == (i + 1) % 10);
        BOOST_TEST(batch.weights[r] == ((i + 1) % 2 == 1 ? 0.5f : 0.0f));
      }
    }
    row += segment.num_rows;
  }
  BOOST_TEST(row == batch.batch.num_rows());
}

// Rows of one epoch hold every document once (cut to the row's length).
BOOST_AUTO_TEST_CASE(an_epoch_has_every_document_once) {
  for (const DataOrder order : {DataOrder::kShuffle, DataOrder::kSequential}) {
    const DocumentSet documents = MakeDocuments(kLengths);
    int64_t inputs = 0;
    for (const int64_t length : kLengths) inputs += std::min(length - 1, kLength);
    DocumentTrainingRows rows(MakeDocuments(kLengths), kLength, order, 4);
    std::map<int32_t, int> seen;
    int64_t total = 0;
    for (int64_t row = 0; total < inputs; ++row) {
      LabeledBatch batch;
      rows.Fill(row, 1, 1.0f, batch);
      int64_t at = 0;
      for (const Segment& segment : batch.batch.segments) {
        const size_t first = static_cast<size_t>(at);
        at += segment.num_rows;
        if (batch.targets[first] == 0) continue;  // filler
        ++seen[batch.batch.tokens[first] / 10];
        total += segment.num_rows;
      }
    }
    BOOST_TEST(seen.size() == kLengths.size());
    for (const auto& [document, count] : seen) BOOST_TEST(count == 1);
    BOOST_TEST(total == inputs);
  }
}

BOOST_AUTO_TEST_CASE(a_row_is_the_same_whenever_it_is_asked_for) {
  DocumentTrainingRows forward(MakeDocuments(kLengths), kLength, DataOrder::kShuffle, 5);
  std::vector<LabeledBatch> all(40);
  for (size_t row = 0; row < all.size(); ++row) {
    forward.Fill(static_cast<int64_t>(row), 1, 1.0f, all[row]);
  }
  DocumentTrainingRows other(MakeDocuments(kLengths), kLength, DataOrder::kShuffle, 5);
  for (const size_t row : {39u, 7u, 0u, 23u, 8u}) {
    LabeledBatch batch;
    other.Fill(static_cast<int64_t>(row), 1, 1.0f, batch);
    BOOST_TEST(batch.batch.tokens == all[row].batch.tokens);
    BOOST_TEST(batch.weights == all[row].weights);
  }
  BOOST_TEST(all[0].batch.tokens != all[20].batch.tokens);
}

BOOST_AUTO_TEST_CASE(evaluation_counts_its_targets) {
  const DocumentEvaluationRows rows(MakeDocuments(kLengths), kLength);
  int64_t counted = 0;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    LabeledBatch batch;
    rows.Fill(row, 1, batch);
    for (const float weight : batch.weights) counted += weight != 0 ? 1 : 0;
    BOOST_TEST(rows.NumTargets(row + 1) == counted);
  }
  BOOST_TEST(rows.RowsFor(0) == rows.num_rows());
  BOOST_TEST(rows.RowsFor(1) == 1);
  BOOST_TEST(rows.RowsFor(counted) == rows.num_rows());
  BOOST_TEST(rows.NumTargets(rows.RowsFor(counted / 2)) >= counted / 2);
}

BOOST_AUTO_TEST_CASE(split_off_keeps_both_halves) {
  DocumentSet documents = MakeDocuments(kLengths);
  const DocumentSet rest = documents.SplitOff(4);
  BOOST_TEST(documents.num_documents() == 4);
  BOOST_TEST(rest.num_documents() == 8);
  BOOST_TEST(rest.Length(0) == kLengths[4]);
  LabeledBatch batch;
  rest.AddTo(0, 3, 1.0f, batch);
  BOOST_TEST(batch.batch.tokens == (std::vector<int32_t>{40, 41, 42}));
  BOOST_TEST(batch.weights == (std::vector<float>{1, 0, 1}));
}

}  // namespace
}  // namespace trit
