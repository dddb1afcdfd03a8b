// config.json of a checkpoint: what transformers reads (engine/formats/hf_config.h) and, under
// "trit", the quantizers the weights are trained with:
//   {"quantizer": {"weights": "ternary", "activations": "int8", "granularity": "tensor",
//                  "scale": "absmean", "rules": [{"match": "layers.0.*", "weights": "int8", ...}]}}
// granularity as in the config file: "tensor", "row" or a group size; scale may be left out, for
// the width's own; "percentile" where it is not the standard one, "symmetric": false where there
// are offsets. Beside it "quantized_share", if quantization was phased in and not complete
// (QuantizationRamp).
#ifndef TRIT_TRAINING_CHECKPOINT_CONFIG_H_
#define TRIT_TRAINING_CHECKPOINT_CONFIG_H_

#include <string>
#include <string_view>

#include "engine/formats/hf_config.h"
#include "engine/tokenizers/tokenizer.h"
#include "training/quantizers/quantization_config.h"

namespace trit {

struct CheckpointModel {
  ModelConfig model;
  QuantizationConfig quantizer;
  double quantized_share = 1;  // of the last step of training
};

// quantization_config says bitnet, online, where that is exactly what the model computes: ternary
// weights with one scale a tensor and int8 activations, everywhere. Other quantizers leave it out;
// transformers then computes with the latent weights as they are.
std::string CheckpointConfigJson(const CheckpointModel& checkpoint, const SpecialTokens& special,
                                 const std::string& file);

// Throws Error with file and key. Without "trit" (a model of another trainer) the quantizers are
// those of quantization_config, or none; packed weights are refused, since they have no latent
// ones.
CheckpointModel ParseCheckpointConfig(std::string_view json, const std::string& file);
CheckpointModel ReadCheckpointConfig(const std::string& path);

}  // namespace trit

#endif  // TRIT_TRAINING_CHECKPOINT_CONFIG_H_
