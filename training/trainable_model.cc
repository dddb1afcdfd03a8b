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
  const auto quantizer = FindActivationQuantizer(choice.activations);
  if (!quantizer) {
    throw UsageError(ErrorInfo{.what = "unknown activation quantizer",
                               .key = "quantizer.activations",
                               .expected = "\"int8\", \"int4\" or \"none\"",
                               .found = '"' + choice.activations + '"'});
  }
  return choice.weights == "none" ? ActivationQuantizer::kNone : *quantizer;
}

// "….q_proj.weight" -> "….q_proj.weight_scale"
std::string LearnedScaleName(const std::string& weight_name) { return weight_name + "_scale"; }

}  // namespace

TrainableModel::TrainableModel(const ModelConfig& config, const QuantizationConfig& quantization,
                               Precision precision, int64_t max_positions)
    : config_(config), table_(config) {
  std::vector<MatrixQuantizers> quantizers(table_.size());
  for (WeightId id = 0; id < static_cast<WeightId>(quantizers.size()); ++id) {
    const WeightInfo info = table_[id];
    if (info.kind != WeightKind::kLinear) continue;
    MatrixQuantizers& own = quantizers[static_cast<size_t>(id)];
    const QuantizerChoice& choice = quantization.For(info.name);
    own.weights = MakeWeightQuantizer(choice, info);
    own.activations = ActivationQuantizerFor(choice);
    if (own.weights != nullptr && own.weights->NumLearned() > 0) {
      own.learned_scales = table_.Add({.layer = info.layer,
                                       .kind = WeightKind::kQuantizerScale,
                                       .name = LearnedScaleName(info.name),
                                       .gguf_name = "",
                                       .rows = 1,
                                       .cols = own.weights->NumLearned()});
    }
  }
  quantizers.resize(table_.size());
  parameters_ = std::make_unique<Parameters>(table_);
  step_weights_ = std::make_unique<StepWeights>(*parameters_, std::move(quantizers), precision);
  executor_ =
      std::make_unique<TrainingExecutor>(config_, *parameters_, *step_weights_, max_positions);
}

void TrainableModel::InitializeLearnedScales() {
  for (const WeightInfo& info : table_.weights()) {
    const MatrixQuantizers& quantizers = step_weights_->quantizers(info.id);
    if (quantizers.learned_scales == kNoWeight) continue;
    quantizers.weights->InitializeLearned(parameters_->Values(info.id).data(),
                                          parameters_->Values(quantizers.learned_scales).data());
  }
}

void TrainableModel::ParametersChanged() {
  if (restart_learned_scales_) InitializeLearnedScales();
  restart_learned_scales_ = step_weights_->share() == 0;
  step_weights_->Refresh();
}

void TrainableModel::set_quantized_share(float share) {
  step_weights_->set_share(share);
  if (share == 0) restart_learned_scales_ = true;
}

void TrainableModel::PassGradientThroughQuantizer(WeightId id) {
  const MatrixQuantizers& quantizers = step_weights_->quantizers(id);
  const float share = step_weights_->share();
  if (quantizers.weights == nullptr || share == 0) return;
  const std::span<float> gradient = parameters_->Gradients(id);
  if (share < 1) {
    kept_gradient_.assign(gradient.begin(), gradient.end());
    for (float& g : gradient) g *= share;
  }
  const bool learned = quantizers.learned_scales != kNoWeight;
  quantizers.weights->Backward(
      parameters_->Values(id).data(), (*step_weights_)[id].scales, gradient.data(),
      learned ? parameters_->Gradients(quantizers.learned_scales).data() : nullptr);
  if (share < 1) {
    for (size_t i = 0; i < gradient.size(); ++i) gradient[i] += (1 - share) * kept_gradient_[i];
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
    executor_->set_on_gradient_ready([this](WeightId id) { PassGradientThroughQuantizer(id); });
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
      const ActivationScheme& activations = (*step_weights_)[info.id].activations;
      weight.activation_quantizer = activations.quantizer;
      weight.activation_scale = activations.static_scale;
    }
  }
  return model;
}

}  // namespace trit
