// Documents packed into rows: each is a segment of its own, so that none sees another, and each of
// its tokens says whether it is to be learned.
#ifndef TRIT_TRAINING_DATA_DOCUMENT_ROWS_H_
#define TRIT_TRAINING_DATA_DOCUMENT_ROWS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/data/dataset.h"
#include "training/data/token_array.h"

namespace trit {

// Documents one after the other in one array.
class DocumentSet {
 public:
  explicit DocumentSet(int64_t vocab_size) : tokens_(vocab_size) {}

  // learned: one a token. Documents of fewer than two tokens, or with nothing to learn after the
  // first token, are left out; returns whether it was taken.
  bool Append(std::span<const int32_t> tokens, const std::vector<bool>& learned);
  // Removes the documents from `first` on and returns them.
  DocumentSet SplitOff(int64_t first);

  int64_t num_documents() const { return static_cast<int64_t>(begins_.size()) - 1; }
  int64_t num_tokens() const { return tokens_.size(); }
  int64_t Length(int64_t document) const;
  std::string Fingerprint() const;

  // Appends a document's first `length` tokens as a segment, the targets after them weighted where
  // they are to be learned. length: less than the document's.
  void AddTo(int64_t document, int64_t length, float weight, LabeledBatch& out) const;

 private:
  TokenArray tokens_;
  std::vector<bool> learned_;          // by token
  std::vector<int64_t> begins_ = {0};  // by document, and the end
};

// Documents of one order, first fit: each goes into the oldest of the last few open rows it fits
// into. A row has room for sequence_length tokens; longer documents lose their end.
class DocumentPacking {
 public:
  DocumentPacking() = default;
  DocumentPacking(const DocumentSet& documents, std::span<const int64_t> order,
                  int64_t sequence_length);
  int64_t num_rows() const { return static_cast<int64_t>(rows_.size()); }
  // Appends one row, filled up to sequence_length with a segment that does not count.
  void AddRow(const DocumentSet& documents, int64_t row, float weight, LabeledBatch& out) const;

 private:
  int64_t sequence_length_ = 0;
  std::vector<std::vector<int64_t>> rows_;  // documents of each
};

// The endless stream: an epoch is all documents in a new order (data.order = "shuffle": drawn from
// the seed and the epoch alone) packed anew. Which rows a step sees is a function of seed and step.
class DocumentTrainingRows : public TrainingSource {
 public:
  DocumentTrainingRows(DocumentSet documents, int64_t sequence_length, DataOrder order,
                       uint64_t seed);
  int64_t num_tokens() const override { return documents_.num_tokens(); }
  void Fill(int64_t first_row, int64_t num_rows, float weight, LabeledBatch& out) override;

 private:
  // Makes `epoch_` the epoch that holds the row.
  void FindEpoch(int64_t row);
  void PackEpoch(int64_t epoch, int64_t first_row);

  DocumentSet documents_;
  int64_t sequence_length_;
  DataOrder order_;
  uint64_t seed_;
  int64_t epoch_ = 0;
  int64_t epoch_first_row_ = 0;
  DocumentPacking packing_;  // of the epoch
};

// Validation: all documents in order.
class DocumentEvaluationRows : public EvaluationSource {
 public:
  DocumentEvaluationRows(DocumentSet documents, int64_t sequence_length);
  int64_t num_rows() const override { return packing_.num_rows(); }
  int64_t NumTargets(int64_t num_rows) const override;
  int64_t RowsFor(int64_t num_targets) const override;
  void Fill(int64_t first_row, int64_t num_rows, LabeledBatch& out) const override;

 private:
  DocumentSet documents_;
  DocumentPacking packing_;
  std::vector<int64_t> targets_before_;  // by row, and all
};

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_DOCUMENT_ROWS_H_
