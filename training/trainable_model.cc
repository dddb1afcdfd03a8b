#include "training/trainable_model.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/error.h"
#include "engine/transformer.h"
#include "ternary_kernels/check.h"
#include "training/quantizers/activation_choice.h"
#include "training/quantizers/table_quantizer.h"
#include "training/quantizers/weight_quantizer.h"

namespace trit {
namespace {

// "….q_proj.weight" -> "….q_proj.weight_scale"
std::string LearnedScaleName(const std::string& weight_name) { return weight_name + "_scale"; }

// "….q_proj.weight" -> "….q_proj.input_range"
std::string InputRangeName(const std::string& weight_name) {
  return weight_name.substr(0, weight_name.rfind('.')) + ".input_range";
}

}  // namespace

TrainableModel::TrainableModel(const ModelConfig& config, const QuantizationConfig& quantization,
                               Precision precision, int64_t max_positions)
    : config_(config), table_(config) {
  RequireRulesMatch(quantization, table_);
  std::vector<MatrixQuantizers> quantizers(table_.size());
  for (WeightId id = 0; id < static_cast<WeightId>(quantizers.size()); ++id) {
    const WeightInfo info = table_[id];
    if (info.IsVector()) continue;
    MatrixQuantizers& own = quantizers[static_cast<size_t>(id)];
    if (info.kind == WeightKind::kLinear) {
      const QuantizerChoice& choice = quantization.For(info.name);
      own.weights = MakeWeightQuantizer(choice, info);
      own.activations = ActivationQuantizerOf(choice);
    } else if (const QuantizerChoice* choice = quantization.RuleFor(info.name)) {
      own.weights = MakeTableQuantizer(*choice, info);
    }
    const auto add = [&](WeightKind kind, const std::string& name, int64_t size) {
      return table_.Add({.layer = info.layer,
                         .kind = kind,
                         .name = name,
                         .gguf_name = "",
                         .rows = 1,
                         .cols = size});
    };
    if (own.weights != nullptr && own.weights->NumLearned() > 0) {
      own.learned_scales =
          add(WeightKind::kQuantizerScale, LearnedScaleName(info.name), own.weights->NumLearned());
    }
    if (own.activations == ActivationQuantizer::kInt8Static) {
      own.input_range = add(WeightKind::kInputRange, InputRangeName(info.name), 1);
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

bool TrainableModel::HasStaticInputs() const {
  return std::any_of(table_.weights().begin(), table_.weights().end(),
                     [](const WeightInfo& info) { return info.kind == WeightKind::kInputRange; });
}

void TrainableModel::SetInputRanges(std::span<const float> ranges) {
  for (const WeightInfo& info : table_.weights()) {
    const WeightId range = step_weights_->quantizers(info.id).input_range;
    if (range == kNoWeight) continue;
    parameters_->Values(range)[0] = ranges[static_cast<size_t>(info.id)];
  }
  step_weights_->Refresh();
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
  return MakeModel([this](WeightId id, ModelWeight& weight) {
    const ActivationScheme& activations = (*step_weights_)[id].activations;
    weight.matrix = step_weights_->PackForInference(id);
    weight.activation_quantizer = activations.quantizer;
    weight.activation_scale = activations.static_scale;
  });
}

Model TrainableModel::MakeFloatModel() const {
  return MakeModel(
      [this](WeightId id, ModelWeight& weight) { weight.matrix = step_weights_->PackFloats(id); });
}

Model TrainableModel::MakeModel(
    const std::function<void(WeightId, ModelWeight&)>& make_matrix) const {
  Model model(config_);
  for (const WeightInfo& info : model.table.weights()) {
    ModelWeight& weight = model.weights[static_cast<size_t>(info.id)];
    if (info.IsVector()) {
      const std::span<const float> values = parameters_->Values(info.id);
      weight.vector = AlignedBuffer<float>(values.size());
      std::copy(values.begin(), values.end(), weight.vector.begin());
    } else {
      make_matrix(info.id, weight);
    }
  }
  return model;
}

}  // namespace trit
