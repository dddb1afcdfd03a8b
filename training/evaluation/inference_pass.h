// Labeled rows through inference, as the trainer runs them: every segment of a batch is a
// sequence of its own, read from its beginning.
#ifndef TRIT_TRAINING_EVALUATION_INFERENCE_PASS_H_
#define TRIT_TRAINING_EVALUATION_INFERENCE_PASS_H_

#include <cstdint>
#include <span>

#include "engine/inference_executor.h"
#include "engine/kv_cache.h"
#include "engine/model.h"
#include "training/data/dataset.h"

namespace trit {

class InferencePass {
 public:
  // `model` outlives this. rows_at_once: tokens of the largest batch.
  InferencePass(const Model& model, int64_t rows_at_once);

  void set_taps(Taps taps) { executor_.set_taps(std::move(taps)); }
  // The loss of every row in nats; 0 where its weight is 0. losses: (rows).
  void Losses(const LabeledBatch& labeled, std::span<float> losses);

 private:
  const Model& model_;
  KvCache cache_;
  InferenceExecutor executor_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_EVALUATION_INFERENCE_PASS_H_
