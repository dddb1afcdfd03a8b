#include "training/data/dataset.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/error.h"
#include "ternary_kernels/check.h"
#include "training/random.h"

namespace trit {
namespace {

// Far from the streams of initial weights, which are numbered by WeightId.
constexpr uint64_t kFirstEpochStream = uint64_t{1} << 40;

}  // namespace

void LabeledBatch::Clear() {
  batch.Clear();
  targets.clear();
  weights.clear();
}

void LabeledBatch::AddRow(const TokenArray& tokens, int64_t first, int64_t length, float weight,
                          int32_t boundary) {
  std::vector<int32_t> ids(static_cast<size_t>(length) + 1);
  tokens.CopyTo(first, ids);
  const auto row_end = ids.end() - 1;
  for (auto begin = ids.begin(); begin != row_end;) {
    auto end = boundary == kNoBoundary ? row_end : std::find(begin, row_end, boundary);
    if (end != row_end) ++end;
    const SequenceId sequence = static_cast<SequenceId>(batch.segments.size());
    batch.AddSegment(sequence, /*first_position=*/0, {begin, end});
    begin = end;
  }
  targets.insert(targets.end(), ids.begin() + 1, ids.end());
  weights.insert(weights.end(), ids.size() - 1, weight);
}

TrainingRows::TrainingRows(TokenArray tokens, int64_t sequence_length, DataOrder order,
                           uint64_t seed, int32_t boundary)
    : tokens_(std::move(tokens)),
      sequence_length_(sequence_length),
      order_(order),
      seed_(seed),
      boundary_(boundary) {
  TRIT_CHECK(sequence_length >= 1);
  if (tokens_.size() <= sequence_length) {
    throw Error(ErrorInfo{.what = "not enough training data for a single row",
                          .key = "data.train",
                          .expected = "at least data.sequence_length + 1 = " +
                                      std::to_string(sequence_length + 1) + " tokens",
                          .found = std::to_string(tokens_.size())});
  }
  rows_per_epoch_ = (tokens_.size() - 1) / sequence_length;
}

void TrainingRows::PrepareEpoch(int64_t epoch) {
  if (epoch == epoch_) return;
  const CounterRandom random(seed_, kFirstEpochStream + static_cast<uint64_t>(epoch));
  const uint64_t offsets =
      static_cast<uint64_t>(tokens_.size() - 1 - rows_per_epoch_ * sequence_length_) + 1;
  offset_ = static_cast<int64_t>(random.Below(0, offsets));
  windows_.resize(static_cast<size_t>(rows_per_epoch_));
  std::iota(windows_.begin(), windows_.end(), 0);
  for (size_t i = windows_.size() - 1; i >= 1; --i) {
    std::swap(windows_[i], windows_[static_cast<size_t>(random.Below(i, i + 1))]);
  }
  epoch_ = epoch;
}

int64_t TrainingRows::FirstToken(int64_t row) {
  TRIT_CHECK(row >= 0);
  const int64_t window = row % rows_per_epoch_;
  if (order_ == DataOrder::kSequential) return window * sequence_length_;
  PrepareEpoch(row / rows_per_epoch_);
  return offset_ + windows_[static_cast<size_t>(window)] * sequence_length_;
}

void TrainingRows::Fill(int64_t first_row, int64_t num_rows, float weight, LabeledBatch& out) {
  out.Clear();
  for (int64_t row = first_row; row < first_row + num_rows; ++row) {
    out.AddRow(tokens_, FirstToken(row), sequence_length_, weight, boundary_);
  }
}

EvaluationRows::EvaluationRows(TokenArray tokens, int64_t sequence_length, int32_t boundary)
    : tokens_(std::move(tokens)), sequence_length_(sequence_length), boundary_(boundary) {
  TRIT_CHECK(sequence_length >= 1);
  num_rows_ = (std::max<int64_t>(tokens_.size(), 1) - 1 + sequence_length - 1) / sequence_length;
}

int64_t EvaluationRows::NumTargets(int64_t num_rows) const {
  TRIT_CHECK(num_rows >= 0 && num_rows <= num_rows_);
  return num_rows == 0 ? 0 : std::min(num_rows * sequence_length_, tokens_.size() - 1);
}

int64_t EvaluationRows::RowsFor(int64_t num_targets) const {
  if (num_targets == 0) return num_rows_;
  return std::min(num_rows_, (num_targets - 1) / sequence_length_ + 1);
}

void EvaluationRows::Fill(int64_t first_row, int64_t num_rows, LabeledBatch& out) const {
  TRIT_CHECK(first_row >= 0 && num_rows <= num_rows_ - first_row);
  out.Clear();
  for (int64_t row = first_row; row < first_row + num_rows; ++row) {
    const int64_t first = row * sequence_length_;
    out.AddRow(tokens_, first, std::min(sequence_length_, tokens_.size() - 1 - first), 1.0f,
               boundary_);
  }
}

}  // namespace trit
