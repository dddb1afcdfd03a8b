#include "training/logs/step_telemetry.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

#include "ternary_kernels/code_statistics.h"

namespace trit {
namespace {

// use(info, weight) for every quantized matrix.
void ForEachQuantized(const TrainableModel& model,
                      const std::function<void(const WeightInfo&, const StepWeight&)>& use) {
  for (const WeightInfo& info : model.table().weights()) {
    if (info.IsVector()) continue;
    const StepWeight& weight = model.weights()[info.id];
    if (weight.quantizer != nullptr) use(info, weight);
  }
}

double Mean(const WeightScales& scales) {
  double sum = 0;
  for (const float scale : scales.values) sum += scale;
  return sum / static_cast<double>(scales.values.size());
}

}  // namespace

void StepObserver::Begin() {
  size_t total = 0;
  ForEachQuantized(model_, [&](const WeightInfo& info, const StepWeight&) {
    total += static_cast<size_t>(info.NumElements());
  });
  codes_before_ = AlignedBuffer<int8_t>(total);
  scales_before_.clear();
  int8_t* next = codes_before_.data();
  ForEachQuantized(model_, [&](const WeightInfo& info, const StepWeight& weight) {
    std::memcpy(next, weight.codes.data(), static_cast<size_t>(info.NumElements()));
    next += info.NumElements();
    scales_before_.push_back(Mean(weight.scales));
  });
  layers_.assign(static_cast<size_t>(model_.config().num_hidden_layers), LayerActivations());
  const auto observe = [this](const TapValue& value) {
    if (static_cast<size_t>(value.layer) >= layers_.size()) return;  // the final hidden state
    LayerActivations& layer = layers_[static_cast<size_t>(value.layer)];
    float& largest = value.point == TapPoint::kLayerInput     ? layer.residual_max
                     : value.point == TapPoint::kAttentionOut ? layer.attention_max
                                                              : layer.gated_max;
    largest = std::max(largest, MaxAbs(value.data, value.rows * value.cols));
  };
  model_.executor().set_taps({.observe = observe, .observe_linear = {}});
}

StepTelemetry StepObserver::Finish() {
  model_.executor().set_taps({});
  StepTelemetry telemetry;
  telemetry.layers = std::move(layers_);
  const int8_t* before = codes_before_.data();
  double codes = 0;
  ForEachQuantized(model_, [&](const WeightInfo& info, const StepWeight& weight) {
    const int64_t size = info.NumElements();
    // With offsets code 0 is no zero, and no other code is one but by chance.
    const bool symmetric = weight.scales.offsets.empty();
    const double zeros = symmetric ? static_cast<double>(CountZeros(before, size)) : 0.0;
    const double flips = static_cast<double>(CountDifferences(before, weight.codes.data(), size));
    telemetry.matrices.push_back({.name = ShortWeightName(info.name),
                                  .zero_share = zeros / static_cast<double>(size),
                                  .flip_rate = flips / static_cast<double>(size),
                                  .scale = scales_before_[telemetry.matrices.size()]});
    telemetry.zero_share += zeros;
    telemetry.flip_rate += flips;
    codes += static_cast<double>(size);
    before += size;
  });
  if (codes > 0) {
    telemetry.zero_share /= codes;
    telemetry.flip_rate /= codes;
  }
  codes_before_ = {};
  return telemetry;
}

}  // namespace trit
