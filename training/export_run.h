// A trained model out of a run, to be written as a file of another kind: its latest checkpoint,
// quantized as it was trained; and how far what is written is from the trainer.
#ifndef TRIT_TRAINING_EXPORT_RUN_H_
#define TRIT_TRAINING_EXPORT_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/model.h"
#include "training/quantizers/quantization_config.h"

namespace trit {

struct ExportDifference {
  double logit_difference = 0;  // relative L2 over the tokens compared
  double loss_trainer = 0;      // nats a token
  double loss_file = 0;
  int64_t num_tokens = 0;  // compared
};

// The model of a checkpoint directory, or of a run's directory (its latest checkpoint), as the
// trainer evaluates it: exact scales and embeddings. `quantization`, if given, stands in for what
// it was trained with: rounding after training. Throws Error.
std::unique_ptr<Model> LoadTrainedModel(
    const std::string& run_or_checkpoint,
    const std::optional<QuantizationConfig>& quantization = std::nullopt);

// How far the checkpoint's last step was quantized (QuantizationRamp). What LoadTrainedModel gives
// is quantized altogether, and below 1 that is not what was trained. Throws Error.
double TrainedShare(const std::string& run_or_checkpoint);

// How far what was written from such a model is from it, on a text of random tokens. Throws Error.
ExportDifference CompareWithFile(const Model& trained, const std::string& path);

}  // namespace trit

#endif  // TRIT_TRAINING_EXPORT_RUN_H_
