#include "training/layer_outputs.h"

#include <cstddef>
#include <utility>

#include "training/evaluation/inference_pass.h"
#include "training/relative_error.h"

namespace trit {

LayerOutputs ComputeLayerOutputs(const Model& model, const LabeledBatch& text,
                                 LinearObserver observe_linear) {
  LayerOutputs outputs;
  InferencePass pass(model, text.batch.num_rows());
  pass.set_taps({.observe =
                     [&outputs](const TapValue& value) {
                       const bool stream = value.point == TapPoint::kLayerInput ||
                                           value.point == TapPoint::kFinalHidden;
                       if (!stream || value.layer == 0) return;
                       outputs.emplace_back(value.data, value.data + value.rows * value.cols);
                     },
                 .observe_linear = std::move(observe_linear)});
  std::vector<float> losses(text.targets.size());
  pass.Losses(text, losses);
  return outputs;
}

std::vector<double> LayerErrors(const LayerOutputs& outputs, const LayerOutputs& expected) {
  std::vector<double> errors;
  for (size_t layer = 0; layer < outputs.size(); ++layer) {
    RelativeError error;
    error.Add(outputs[layer], expected[layer]);
    errors.push_back(error.Value());
  }
  return errors;
}

}  // namespace trit
