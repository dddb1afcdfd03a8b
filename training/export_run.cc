#include "training/export_run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "engine/error.h"
#include "engine/formats/file_kind.h"
#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "training/checkpoint.h"
#include "training/checkpoint_config.h"
#include "training/random.h"
#include "training/run_tokenizer.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

constexpr int64_t kComparedTokens = 256;

std::string CheckpointOf(const std::string& run_or_checkpoint) {
  if (std::filesystem::exists(run_or_checkpoint + "/model.safetensors")) return run_or_checkpoint;
  const std::vector<std::string> checkpoints = ListCheckpoints(run_or_checkpoint);
  if (checkpoints.empty()) {
    throw Error(ErrorInfo{.what = "no model here",
                          .file = run_or_checkpoint,
                          .expected = "config.json and model.safetensors, or a training run",
                          .hint = HintForDirectory(run_or_checkpoint)});
  }
  return checkpoints.back();
}

// The loss of predicting `target` from these logits, in nats.
double Loss(std::span<const float> logits, int32_t target) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  return std::log(sum) + max - logits[static_cast<size_t>(target)];
}

}  // namespace

ExportDifference CompareWithFile(const Model& trainer, const std::string& path) {
  const std::unique_ptr<Model> file = LoadModel(path, {});
  const int64_t num_tokens = std::min(kComparedTokens, trainer.config.max_position_embeddings);
  const CounterRandom random(0, 0);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i <= num_tokens; ++i) {
    tokens.push_back(static_cast<int32_t>(
        random.Below(static_cast<uint64_t>(i), static_cast<uint64_t>(trainer.config.vocab_size))));
  }
  const std::span<const int32_t> prompt(tokens.data(), static_cast<size_t>(num_tokens));
  std::vector<std::vector<float>> expected;
  ExportDifference difference{.num_tokens = num_tokens};
  ComputeLogits(trainer, prompt, [&](int64_t position, std::span<const float> logits) {
    expected.emplace_back(logits.begin(), logits.end());
    difference.loss_trainer += Loss(logits, tokens[static_cast<size_t>(position) + 1]);
  });
  double squared_difference = 0;
  double squared_norm = 0;
  ComputeLogits(*file, prompt, [&](int64_t position, std::span<const float> logits) {
    const std::vector<float>& row = expected[static_cast<size_t>(position)];
    for (size_t i = 0; i < row.size(); ++i) {
      const double d = static_cast<double>(logits[i]) - row[i];
      squared_difference += d * d;
      squared_norm += static_cast<double>(row[i]) * row[i];
    }
    difference.loss_file += Loss(logits, tokens[static_cast<size_t>(position) + 1]);
  });
  difference.logit_difference = std::sqrt(squared_difference / squared_norm);
  difference.loss_trainer /= static_cast<double>(num_tokens);
  difference.loss_file /= static_cast<double>(num_tokens);
  return difference;
}

double TrainedShare(const std::string& run_or_checkpoint) {
  return ReadCheckpointConfig(CheckpointOf(run_or_checkpoint) + "/config.json").quantized_share;
}

std::unique_ptr<Model> LoadTrainedModel(const std::string& run_or_checkpoint,
                                        const std::optional<QuantizationConfig>& quantization) {
  const std::string checkpoint = CheckpointOf(run_or_checkpoint);
  const CheckpointModel config = ReadCheckpointConfig(checkpoint + "/config.json");
  TrainableModel trainable(config.model, quantization.value_or(config.quantizer), Precision::kF32,
                           config.model.max_position_embeddings);
  const std::vector<WeightId> missing = LoadWeights(checkpoint, trainable.parameters());
  for (const WeightId id : missing) {
    if (trainable.table()[id].kind != WeightKind::kInputRange) continue;
    throw Error(ErrorInfo{.what = "static activations without a range",
                          .file = checkpoint,
                          .tensor = trainable.table()[id].name,
                          .expected = "a model that was trained or calibrated with them"});
  }
  if (!missing.empty()) trainable.InitializeLearnedScales();
  trainable.ParametersChanged();
  auto model = std::make_unique<Model>(trainable.MakeInferenceModel());
  model->tokenizer = LoadRunTokenizer(checkpoint + "/" + kTokenizerFile);
  model->chat_template = LoadRunChatTemplate(checkpoint + "/" + kTokenizerFile);
  model->name = std::filesystem::path(run_or_checkpoint).filename().string();
  return model;
}

}  // namespace trit
