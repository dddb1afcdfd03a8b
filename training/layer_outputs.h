// What comes out of a model's layers when it reads a text, and how far apart two models are there.
#ifndef TRIT_TRAINING_LAYER_OUTPUTS_H_
#define TRIT_TRAINING_LAYER_OUTPUTS_H_

#include <vector>

#include "engine/model.h"
#include "engine/taps.h"
#include "training/data/dataset.h"

namespace trit {

// By layer, (rows, hidden_size): the stream that the next layer reads; of the last one, what the
// norm at the end makes of it.
using LayerOutputs = std::vector<std::vector<float>>;

// observe_linear watches the pass, too; may be empty.
LayerOutputs ComputeLayerOutputs(const Model& model, const LabeledBatch& text,
                                 LinearObserver observe_linear);

// |h - h_expected| / |h_expected| of each layer.
std::vector<double> LayerErrors(const LayerOutputs& outputs, const LayerOutputs& expected);

}  // namespace trit

#endif  // TRIT_TRAINING_LAYER_OUTPUTS_H_
