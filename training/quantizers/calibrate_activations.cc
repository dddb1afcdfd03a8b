#include "training/quantizers/calibrate_activations.h"

#include <algorithm>
#include <memory>

#include "engine/error.h"
#include "engine/inference_executor.h"
#include "engine/kv_cache.h"
#include "engine/transformer.h"
#include "ternary_kernels/parallel_for.h"
#include "training/quantizers/activation_choice.h"
#include "training/quantizers/magnitude_histogram.h"

namespace trit {
namespace {

constexpr int64_t kSequenceLength = 512;

float RangeOf(const MagnitudeHistogram& inputs, const QuantizerChoice& choice) {
  switch (ActivationRangeRuleOf(choice)) {
    case ActivationRangeRule::kMinMax:
      return inputs.largest();
    case ActivationRangeRule::kPercentile:
      return inputs.Quantile(choice.activation_percentile / 100);
    case ActivationRangeRule::kMse:
      return inputs.LeastSquaresRange();
  }
  return 0;
}

}  // namespace

std::vector<float> CalibrateActivations(const Model& model, std::span<const Batch> batches,
                                        const QuantizationConfig& quantization) {
  std::vector<std::unique_ptr<MagnitudeHistogram>> inputs(model.table.size());
  for (const WeightInfo& info : model.table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    if (ActivationQuantizerOf(quantization.For(info.name)) == ActivationQuantizer::kInt8Static) {
      inputs[static_cast<size_t>(info.id)] = std::make_unique<MagnitudeHistogram>();
    }
  }
  int64_t most_rows = 1;
  for (const Batch& batch : batches) most_rows = std::max(most_rows, batch.num_rows());
  KvCache cache(model.config, most_rows);  // a page a segment at least, so as many as rows suffice
  InferenceExecutor executor(model, cache, model.config.max_position_embeddings);
  executor.set_taps({.observe = {}, .observe_linear = [&](const LinearTap& tap) {
                       const auto& histogram = inputs[static_cast<size_t>(tap.weight)];
                       if (histogram != nullptr) histogram->Add(tap.in, tap.rows * tap.in_features);
                     }});
  for (Batch batch : batches) {
    for (Segment& segment : batch.segments) segment.sequence = cache.Create();
    ForwardTransformer(model.config, model.table, batch, executor);
    for (const Segment& segment : batch.segments) cache.Release(segment.sequence);
  }
  for (const WeightInfo& info : model.table.weights()) {
    const auto& histogram = inputs[static_cast<size_t>(info.id)];
    if (histogram == nullptr || histogram->finite()) continue;
    throw Error(ErrorInfo{.what = "the input of a matrix is not finite", .tensor = info.name});
  }
  std::vector<float> ranges(inputs.size(), 0.0f);
  ParallelFor(static_cast<int64_t>(ranges.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    if (inputs[at] == nullptr) return;
    ranges[at] = RangeOf(*inputs[at], quantization.For(model.table[static_cast<WeightId>(i)].name));
  });
  return ranges;
}

std::vector<float> CalibrateActivations(const Model& model, std::span<const int32_t> ids,
                                        const QuantizationConfig& quantization) {
  const auto length =
      static_cast<size_t>(std::min(kSequenceLength, model.config.max_position_embeddings));
  std::vector<Batch> batches;
  for (size_t begin = 0; begin < ids.size(); begin += length) {
    batches.emplace_back().AddSegment(0, 0,
                                      ids.subspan(begin, std::min(length, ids.size() - begin)));
  }
  return CalibrateActivations(model, batches, quantization);
}

}  // namespace trit
