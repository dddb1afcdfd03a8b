// The loss over validation rows, whoever computes it: the trainer, or inference on a file.
#ifndef TRIT_TRAINING_EVALUATION_EVALUATION_H_
#define TRIT_TRAINING_EVALUATION_EVALUATION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "training/data/dataset.h"

namespace trit {

struct EvaluationResult {
  double loss = 0;          // nats a token
  int64_t num_targets = 0;  // tokens it is of
  std::optional<double> bits_per_byte;
};

// What rows are asked for: the first ones that predict num_targets tokens; 0: all.
struct EvaluationRequest {
  int64_t num_targets = 0;
  int64_t rows_at_once = 1;
  std::span<const int32_t> token_bytes;  // by token id (TokenByteCounts); empty if unknown
};

// losses(batch, out) sets the loss in nats of every row of the batch; 0 where its weight is 0.
EvaluationResult Evaluate(
    const EvaluationSource& source, const EvaluationRequest& request,
    const std::function<void(const LabeledBatch& batch, std::span<float> out)>& losses);

}  // namespace trit

#endif  // TRIT_TRAINING_EVALUATION_EVALUATION_H_
