// A trained model out of a run: its latest checkpoint, quantized as it was trained, as a GGUF file
// or a Hugging Face directory; and how far what is written is from the trainer.
#ifndef TRIT_TRAINING_EXPORT_RUN_H_
#define TRIT_TRAINING_EXPORT_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/gguf_model_writer.h"
#include "engine/model.h"
#include "training/quantization_config.h"

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

// Each writes the model, reads it back and compares the two on a text of random tokens. Throws
// Error or UsageError; an incomplete file is not left behind.
ExportDifference ExportAsGguf(const std::string& run_or_checkpoint, const std::string& path,
                              const GgufModelOptions& options,
                              const std::optional<QuantizationConfig>& quantization);
// Packed trits, and floats as they are: WriteHfModel.
ExportDifference ExportAsHf(const std::string& run_or_checkpoint, const std::string& directory,
                            const std::optional<QuantizationConfig>& quantization);

}  // namespace trit

#endif  // TRIT_TRAINING_EXPORT_RUN_H_
