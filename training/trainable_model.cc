#include "training/trainable_model.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/error.h"
#include "engine/transformer.h"
#include "ternary_kernels/check.h"
#include "training/weight_quantizer.h"

namespace trit {
namespace {

// A matrix in full precision takes its input in full precision.
ActivationQuantizer ActivationQuantizerFor(const QuantizerChoice& choice) {
  if (choice.weights == "none" || choice.activations == "none") return ActivationQuantizer::kNone;
  if (choice.activations == "int8") return ActivationQuantizer::kInt8PerToken;
  throw UsageError(ErrorInfo{.what = "unknown activation quantizer",
                             .key = "quantizer.activations",
                             .expected = "\"int8\" or \"none\"",
                             .found = "\"" + choice.activations + "\""});
}

// "….q_proj.weight" -> "….q_proj.weight_scale"
std::string LearnedScaleName(const std::string& weight_name) { return weight_name + "_scale"; }

}  // namespace

TrainableModel::TrainableModel(const ModelConfig& config, const QuantizationConfig& quantization,
                               Precision precision, int64_t max_positions)
    : config_(config), table_(config) {
  const size_t num_weights = table_.size();
  std::vector<std::unique_ptr<WeightQuantizer>> quantizers(num_weights);
  std::vector<ActivationQuantizer> activation_quantizers(num_weights, ActivationQuantizer::kNone);
  std::vector<WeightId> learned_scales(num_weights, kNoWeight);
  for (WeightId id = 0; id < static_cast<WeightId>(num_weights); ++id) {
    const WeightInfo info = table_[id];
    if (info.kind != WeightKind::kLinear) continue;
    const size_t i = static_cast<size_t>(id);
    const QuantizerChoice& choice = quantization.For(info.name);
    quantizers[i] = MakeWeightQuantizer(choice, info);
    activation_quantizers[i] = ActivationQuantizerFor(choice);
    if (quantizers[i] != nullptr && quantizers[i]->NumLearned() > 0) {
      learned_scales[i] = table_.Add({.layer = info.layer,
                                      .kind = WeightKind::kQuantizerScale,
                                      .name = LearnedScaleName(info.name),
                                      .gguf_name = "",
                                      .rows = 1,
                                      .cols = quantizers[i]->NumLearned()});
    }
  }
  quantizers.resize(table_.size());
  activation_quantizers.resize(table_.size(), ActivationQuantizer::kNone);
  learned_scales.resize(table_.size(), kNoWeight);
  parameters_ = std::make_unique<Parameters>(table_);
  step_weights_ = std::make_unique<StepWeights>(*parameters_, std::move(quantizers),
                                                std::move(activation_quantizers),
                                                std::move(learned_scales), precision);
  executor_ =
      std::make_unique<TrainingExecutor>(config_, *parameters_, *step_weights_, max_positions);
}

void TrainableModel::InitializeLearnedScales() {
  for (const WeightInfo& info : table_.weights()) {
    const WeightId scales = step_weights_->learned_scales(info.id);
    if (scales == kNoWeight) continue;
    step_weights_->quantizer(info.id)->InitializeLearned(parameters_->Values(info.id).data(),
                                                         parameters_->Values(scales).data());
  }
}

void TrainableModel::SelectRows(std::span<const int32_t> targets, std::span<const float> weights) {
  selected_.rows.clear();
  selected_.targets.clear();
  selected_.weights.clear();
  for (size_t r = 0; r < targets.size(); ++r) {
    if (weights[r] == 0) continue;
    selected_.rows.push_back(static_cast<int32_t>(r));
    selected_.targets.push_back(targets[r]);
    selected_.weights.push_back(weights[r]);
  }
  selected_.losses.assign(selected_.rows.size(), 0.0f);
}

double TrainableModel::AccumulateGradients(const Batch& batch, std::span<const int32_t> targets,
                                           std::span<const float> weights, bool last) {
  SelectRows(targets, weights);
  if (last) {
    executor_->set_on_gradient_ready([this](WeightId id) {
      const WeightQuantizer* quantizer = step_weights_->quantizer(id);
      if (quantizer == nullptr) return;
      const WeightId scales = step_weights_->learned_scales(id);
      const bool learned = scales != kNoWeight;
      quantizer->Backward(parameters_->Values(id).data(), (*step_weights_)[id].scales,
                          parameters_->Gradients(id).data(),
                          learned ? parameters_->Gradients(scales).data() : nullptr);
    });
  } else {
    executor_->set_on_gradient_ready({});
  }
  executor_->set_recording(true);
  const Value hidden = ForwardTransformer(config_, table_, batch, *executor_);
  executor_->Head(hidden, selected_.rows,
                  TokenLoss{selected_.targets, selected_.weights, selected_.losses});
  executor_->Backward();
  double sum = 0;
  for (size_t i = 0; i < selected_.rows.size(); ++i) {
    sum += static_cast<double>(selected_.weights[i]) * selected_.losses[i];
  }
  return sum;
}

void TrainableModel::Evaluate(const Batch& batch, std::span<const int32_t> targets,
                              std::span<const float> weights, std::span<float> losses) {
  SelectRows(targets, weights);
  executor_->set_recording(false);
  const Value hidden = ForwardTransformer(config_, table_, batch, *executor_);
  executor_->Head(hidden, selected_.rows,
                  TokenLoss{selected_.targets, selected_.weights, selected_.losses});
  std::fill(losses.begin(), losses.end(), 0.0f);
  for (size_t i = 0; i < selected_.rows.size(); ++i) {
    losses[static_cast<size_t>(selected_.rows[i])] = selected_.losses[i];
  }
}

Model TrainableModel::MakeInferenceModel() const {
  Model model(config_);
  for (const WeightInfo& info : model.table.weights()) {
    ModelWeight& weight = model.weights[static_cast<size_t>(info.id)];
    if (info.IsVector()) {
      const std::span<const float> values = parameters_->Values(info.id);
      weight.vector = AlignedBuffer<float>(values.size());
      std::copy(values.begin(), values.end(), weight.vector.begin());
    } else {
      weight.matrix = step_weights_->PackForInference(info.id);
      weight.activation_quantizer = (*step_weights_)[info.id].activation_quantizer;
    }
  }
  return model;
}

}  // namespace trit
