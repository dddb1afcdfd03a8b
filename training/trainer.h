// The training loop's core: one optimizer step, one evaluation, and the state between them. Files,
// progress and interruption are training_run.h's.
#ifndef TRIT_TRAINING_TRAINER_H_
#define TRIT_TRAINING_TRAINER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "training/config/training_config.h"
#include "training/data/training_data.h"
#include "training/evaluation/evaluation.h"
#include "training/trainable_model.h"
#include "training/trainer_state.h"

namespace trit {

struct StepResult {
  double loss = 0;       // nats a token, mean over the batch, before the update
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  std::string bad_batch;  // why no update was made (bad_batch.h); empty: it was
};

// The config's precision, or f32 where this CPU has no bf16 products.
Precision UsablePrecision(const TrainingConfig& config);

class Trainer {
 public:
  // token_bytes: bytes of text a token stands for, by id (TokenByteCounts); empty if unknown.
  Trainer(const TrainingConfig& config, Precision precision, TrainingData data,
          std::vector<int32_t> token_bytes);

  TrainableModel& model() { return model_; }
  const TrainerState& state() const { return state_; }
  // What the run's seconds so far are, for the state to be saved.
  void set_elapsed_seconds(double seconds) { state_.elapsed_seconds = seconds; }

  // Either of these once, before the first step.
  void Initialize();  // random weights, by the seed
  // The weights of a run's latest checkpoint, or what LoadWeights takes. Throws Error.
  void InitializeFrom(const std::string& run_or_weights);
  void Resume(const std::string& checkpoint);  // throws Error

  // One update. `before_clipping` is called when the step's gradients are complete; may be empty.
  // A bad batch changes no weight. If it is to be skipped, the step counts as done; else, or if too
  // many were skipped in a row, nothing has changed, and the caller is to stop.
  StepResult Step(const std::function<void()>& before_clipping = {});

  const TrainingData& data() const { return data_; }
  // After the last step: what the trainer was given.
  TrainingData TakeData() { return std::move(data_); }
  bool has_validation() const { return data_.validation->num_rows() > 0; }
  // Over the first eval_tokens validation tokens, with inference's bits. Remembers the best.
  EvaluationResult Evaluate();

 private:
  // Makes what the next step computes with, quantized as far as the config says for it. Where
  // quantization begins, and where a ramp ends, that needs ranges of static activations.
  void ParametersChanged();
  // Calibrates them on the rows that training sees next.
  void CalibrateInputs();

  TrainingConfig config_;
  TrainingData data_;
  std::vector<int32_t> token_bytes_;
  TrainableModel model_;
  TrainerState state_;
  std::vector<LabeledBatch> passes_;  // of a step
};

}  // namespace trit

#endif  // TRIT_TRAINING_TRAINER_H_
