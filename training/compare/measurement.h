// What is found out about one model of a comparison, measured through inference on its exported
// file, and kept as JSON in the comparison's records.
#ifndef TRIT_TRAINING_COMPARE_MEASUREMENT_H_
#define TRIT_TRAINING_COMPARE_MEASUREMENT_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/tensors/tensor_type.h"
#include "training/compare/model_profile.h"
#include "training/config/training_config.h"
#include "training/data/training_data.h"
#include "training/evaluation/run_questions.h"

namespace trit {

struct Measurement {
  double validation_loss = 0;  // nats a token, over the tokens the trainer evaluates on
  int64_t validation_tokens = 0;
  std::optional<double> bits_per_byte;
  double trainer_loss = 0;                // what the trainer's evaluation says of the same tokens
  std::optional<double> exact_match;      // share right
  std::optional<double> multiple_choice;  // share right, by byte
  std::string format;                     // of the matrices in the file: "i2_s"; in memory: "int8"
  std::string not_exported;    // why there is no file and the model in memory was measured
  int64_t bytes = 0;           // of the file, else of the weights in memory
  double bits_per_weight = 0;  // of the matrices of the layers, scales included
  std::vector<double> decode_tokens_per_second;  // of each repetition
  std::string machine;                           // what it was measured on: "AVX3_ZEN4, 2 threads"
  std::optional<ModelProfile> profile;
};

// One model to measure: the weights of a checkpoint with the quantizers of a config.
struct MeasurementRequest {
  const TrainingConfig& config;  // model.vocab_size is settled
  std::string checkpoint;        // a directory of weights
  std::string tokenizer_file;    // of the run (run_tokenizer.h); may be absent
  std::string gguf_path;         // where the file goes
  TensorType embeddings = TensorType::kF32;
  bool wants_profile = false;
  // ComputeLayerOutputs of the full-precision model on ProfiledText; null: the model is that
  // itself.
  const LayerOutputs* reference = nullptr;
};

// Exports the model and measures it. `data` is what config.data names, and is as before
// afterwards. Throws Error.
Measurement MeasureModel(const MeasurementRequest& request, const RunQuestions& questions,
                         TrainingData& data);

nlohmann::ordered_json MeasurementToJson(const Measurement& measurement);
// Throws Error with `file` and key.
Measurement MeasurementFromJson(const nlohmann::json& json, const std::string& file);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_MEASUREMENT_H_
