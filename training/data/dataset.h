// Token ids cut into the rows that training and evaluation run on. A row of T tokens is one segment
// with positions from 0; targets[r] is the token after tokens[r].
#ifndef TRIT_TRAINING_DATA_DATASET_H_
#define TRIT_TRAINING_DATA_DATASET_H_

#include <cstdint>
#include <vector>

#include "engine/batch.h"
#include "training/config/training_config.h"
#include "training/data/token_array.h"

namespace trit {

inline constexpr int32_t kNoBoundary = -1;

// A batch and what is to be predicted. (rows) counts tokens, as in Batch.
struct LabeledBatch {
  Batch batch;
  std::vector<int32_t> targets;  // (rows)
  std::vector<float> weights;    // (rows): factor of the row's loss; 0: does not count

  void Clear();
  // Appends `length` tokens from tokens[first] on; tokens[first + length] must exist. They are one
  // segment, or with a boundary several: each ends with that token, or with the row.
  void AddRow(const TokenArray& tokens, int64_t first, int64_t length, float weight,
              int32_t boundary = kNoBoundary);
};

// Rows to train on, without end. Row r is a function of the seed and r alone.
class TrainingSource {
 public:
  virtual ~TrainingSource() = default;
  virtual int64_t num_tokens() const = 0;  // in the data
  // Rows [first_row, first_row + num_rows), each token that counts with that weight; overwrites
  // `out`.
  virtual void Fill(int64_t first_row, int64_t num_rows, float weight, LabeledBatch& out) = 0;
};

// Rows to evaluate on.
class EvaluationSource {
 public:
  virtual ~EvaluationSource() = default;
  virtual int64_t num_rows() const = 0;  // 0: there is no validation data
  // Tokens predicted by the first num_rows rows; RowsFor(n) is how many rows predict at least n
  // tokens, all of them if there are fewer or n is 0.
  virtual int64_t NumTargets(int64_t num_rows) const = 0;
  virtual int64_t RowsFor(int64_t num_targets) const = 0;
  // Rows [first_row, first_row + num_rows), weight 1 where a token counts; overwrites `out`.
  virtual void Fill(int64_t first_row, int64_t num_rows, LabeledBatch& out) const = 0;
};

// Running text as training rows. An epoch is W = (N - 1) / T rows, N being the number of
// tokens, whole ones only. Row r belongs to epoch r / W and is window p(r % W) of it; window k
// holds tokens [o + kT, o + (k+1)T) and the target after them.
//
//   sequential  p(i) = i, o = 0: after the last whole row the stream starts over at token 0, and up
//               to T tokens at the end are never seen
//   shuffle     p is a permutation and o in [0, (N - 1) % T] an offset, new in every epoch e, drawn
//               with R = CounterRandom(seed, 2^40 + e): o = R.Below(0, (N - 1) % T + 1); p starts
//               as the identity, and for i = W-1 ... 1 p(i) changes places with p(R.Below(i, i +
//               1))
//
// Which rows a step sees is a function of the seed and the step alone: with B rows an update, step
// i has rows [iB, (i+1)B). So a run continues exactly from its step number.
class TrainingRows : public TrainingSource {
 public:
  // Throws Error if there are not even sequence_length + 1 tokens.
  // boundary: LabeledBatch::AddRow's, so that documents do not see each other.
  TrainingRows(TokenArray tokens, int64_t sequence_length, DataOrder order, uint64_t seed,
               int32_t boundary = kNoBoundary);

  int64_t num_tokens() const override { return tokens_.size(); }
  const TokenArray& tokens() const { return tokens_; }
  int64_t sequence_length() const { return sequence_length_; }
  int64_t rows_per_epoch() const { return rows_per_epoch_; }

  // Where row r begins.
  int64_t FirstToken(int64_t row);
  void Fill(int64_t first_row, int64_t num_rows, float weight, LabeledBatch& out) override;

 private:
  void PrepareEpoch(int64_t epoch);

  TokenArray tokens_;
  int64_t sequence_length_;
  DataOrder order_;
  uint64_t seed_;
  int32_t boundary_;
  int64_t rows_per_epoch_ = 0;
  int64_t epoch_ = -1;  // the one prepared
  int64_t offset_ = 0;
  std::vector<int64_t> windows_;  // (rows_per_epoch): p, kShuffle only
};

// Running text to evaluate on: every token but the first is predicted once. The last row may be
// shorter.
class EvaluationRows : public EvaluationSource {
 public:
  EvaluationRows(TokenArray tokens, int64_t sequence_length, int32_t boundary = kNoBoundary);

  int64_t num_rows() const override { return num_rows_; }
  int64_t NumTargets(int64_t num_rows) const override;
  int64_t RowsFor(int64_t num_targets) const override;
  void Fill(int64_t first_row, int64_t num_rows, LabeledBatch& out) const override;

 private:
  TokenArray tokens_;
  int64_t sequence_length_;
  int32_t boundary_;
  int64_t num_rows_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_DATASET_H_
