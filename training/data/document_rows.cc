#include "training/data/document_rows.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/error.h"
#include "ternary_kernels/check.h"
#include "training/data/fingerprint.h"
#include "training/random.h"

namespace trit {
namespace {

// Beside the streams of plain rows (dataset.cc).
constexpr uint64_t kFirstEpochStream = uint64_t{1} << 41;
constexpr size_t kOpenRows = 64;  // rows that a document may still go into

std::vector<int64_t> AllInOrder(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// Tokens of a document that a row of this length takes as inputs.
int64_t InputLength(const DocumentSet& documents, int64_t document, int64_t sequence_length) {
  return std::min(documents.Length(document) - 1, sequence_length);
}

}  // namespace

bool DocumentSet::Append(std::span<const int32_t> tokens, const std::vector<bool>& learned) {
  TRIT_CHECK(tokens.size() == learned.size());
  if (tokens.size() < 2 || std::find(learned.begin() + 1, learned.end(), true) == learned.end()) {
    return false;
  }
  tokens_.Append(tokens);
  learned_.insert(learned_.end(), learned.begin(), learned.end());
  begins_.push_back(tokens_.size());
  return true;
}

DocumentSet DocumentSet::SplitOff(int64_t first) {
  DocumentSet rest(tokens_.vocab_size());
  const int64_t cut = begins_[static_cast<size_t>(first)];
  rest.tokens_ = tokens_.SplitOff(cut);
  rest.learned_.assign(learned_.begin() + cut, learned_.end());
  rest.begins_.clear();
  for (size_t i = static_cast<size_t>(first); i < begins_.size(); ++i) {
    rest.begins_.push_back(begins_[i] - cut);
  }
  learned_.resize(static_cast<size_t>(cut));
  begins_.resize(static_cast<size_t>(first) + 1);
  return rest;
}

int64_t DocumentSet::Length(int64_t document) const {
  const size_t i = static_cast<size_t>(document);
  return begins_[i + 1] - begins_[i];
}

std::string DocumentSet::Fingerprint() const {
  trit::Fingerprint fingerprint;
  fingerprint.Add(tokens_.Fingerprint());
  fingerprint.Add(begins_.data(), begins_.size() * sizeof(begins_[0]));
  fingerprint.Add(std::string(learned_.begin(), learned_.end()));
  return fingerprint.Hex();
}

void DocumentSet::AddTo(int64_t document, int64_t length, float weight, LabeledBatch& out) const {
  TRIT_CHECK(length >= 1 && length < Length(document));
  const int64_t first = begins_[static_cast<size_t>(document)];
  out.AddRow(tokens_, first, length, weight);
  float* weights = out.weights.data() + out.weights.size() - static_cast<size_t>(length);
  for (int64_t i = 0; i < length; ++i) {
    if (!learned_[static_cast<size_t>(first + i + 1)]) weights[i] = 0;
  }
}

DocumentPacking::DocumentPacking(const DocumentSet& documents, std::span<const int64_t> order,
                                 int64_t sequence_length)
    : sequence_length_(sequence_length) {
  std::vector<int64_t> room;  // by row
  for (const int64_t document : order) {
    const int64_t length = InputLength(documents, document, sequence_length);
    size_t row = rows_.size() > kOpenRows ? rows_.size() - kOpenRows : 0;
    while (row < rows_.size() && room[row] < length) ++row;
    if (row == rows_.size()) {
      rows_.emplace_back();
      room.push_back(sequence_length);
    }
    rows_[row].push_back(document);
    room[row] -= length;
  }
}

void DocumentPacking::AddRow(const DocumentSet& documents, int64_t row, float weight,
                             LabeledBatch& out) const {
  int64_t room = sequence_length_;
  for (const int64_t document : rows_[static_cast<size_t>(row)]) {
    const int64_t length = InputLength(documents, document, sequence_length_);
    documents.AddTo(document, length, weight, out);
    room -= length;
  }
  if (room > 0) {
    const std::vector<int32_t> filler(static_cast<size_t>(room), 0);
    out.batch.AddSegment(static_cast<SequenceId>(out.batch.segments.size()), 0, filler);
    out.targets.insert(out.targets.end(), filler.begin(), filler.end());
    out.weights.insert(out.weights.end(), filler.size(), 0.0f);
  }
}

DocumentTrainingRows::DocumentTrainingRows(DocumentSet documents, int64_t sequence_length,
                                           DataOrder order, uint64_t seed)
    : documents_(std::move(documents)),
      sequence_length_(sequence_length),
      order_(order),
      seed_(seed) {
  if (documents_.num_documents() == 0) {
    throw Error(ErrorInfo{.what = "no document with something to learn", .key = "data.train"});
  }
  PackEpoch(0, 0);
}

void DocumentTrainingRows::PackEpoch(int64_t epoch, int64_t first_row) {
  std::vector<int64_t> order = AllInOrder(documents_.num_documents());
  if (order_ == DataOrder::kShuffle) {
    const CounterRandom random(seed_, kFirstEpochStream + static_cast<uint64_t>(epoch));
    for (size_t i = order.size() - 1; i >= 1; --i) {
      std::swap(order[i], order[static_cast<size_t>(random.Below(i, i + 1))]);
    }
  }
  packing_ = DocumentPacking(documents_, order, sequence_length_);
  epoch_ = epoch;
  epoch_first_row_ = first_row;
}

void DocumentTrainingRows::FindEpoch(int64_t row) {
  if (row < epoch_first_row_) PackEpoch(0, 0);
  while (row >= epoch_first_row_ + packing_.num_rows()) {
    PackEpoch(epoch_ + 1, epoch_first_row_ + packing_.num_rows());
  }
}

void DocumentTrainingRows::Fill(int64_t first_row, int64_t num_rows, float weight,
                                LabeledBatch& out) {
  out.Clear();
  for (int64_t row = first_row; row < first_row + num_rows; ++row) {
    FindEpoch(row);
    packing_.AddRow(documents_, row - epoch_first_row_, weight, out);
  }
}

DocumentEvaluationRows::DocumentEvaluationRows(DocumentSet documents, int64_t sequence_length)
    : documents_(std::move(documents)),
      packing_(documents_, AllInOrder(documents_.num_documents()), sequence_length) {
  targets_before_.push_back(0);
  LabeledBatch row;
  for (int64_t r = 0; r < num_rows(); ++r) {
    row.Clear();
    packing_.AddRow(documents_, r, 1.0f, row);
    const int64_t targets =
        std::count_if(row.weights.begin(), row.weights.end(), [](float w) { return w != 0; });
    targets_before_.push_back(targets_before_.back() + targets);
  }
}

int64_t DocumentEvaluationRows::NumTargets(int64_t num_rows) const {
  return targets_before_[static_cast<size_t>(num_rows)];
}

int64_t DocumentEvaluationRows::RowsFor(int64_t num_targets) const {
  if (num_targets == 0) return num_rows();
  const auto enough = std::lower_bound(targets_before_.begin(), targets_before_.end(), num_targets);
  return std::min(num_rows(), static_cast<int64_t>(enough - targets_before_.begin()));
}

void DocumentEvaluationRows::Fill(int64_t first_row, int64_t num_rows, LabeledBatch& out) const {
  out.Clear();
  for (int64_t row = first_row; row < first_row + num_rows; ++row) {
    packing_.AddRow(documents_, row, 1.0f, out);
  }
}

}  // namespace trit
