// What quantization does inside a model: to the weights of its matrices, to their inputs, and to
// what comes out of its layers.
#ifndef TRIT_TRAINING_COMPARE_MODEL_PROFILE_H_
#define TRIT_TRAINING_COMPARE_MODEL_PROFILE_H_

#include <string>
#include <vector>

#include "engine/model.h"
#include "training/data/dataset.h"
#include "training/layer_outputs.h"
#include "training/parameters.h"

namespace trit {

// Of one matrix (ShortWeightName): shares of the bins of a Histogram.
struct BeforeAndAfter {
  std::string matrix;
  double limit = 0;
  std::vector<double> before, after;
};

struct ModelProfile {
  // Of the query and the down projection of the first, the middle and the last layer: the latent
  // weights and what inference multiplies with; the matrix's inputs as the layer before it gives
  // them and as they are rounded.
  std::vector<BeforeAndAfter> weights;
  std::vector<BeforeAndAfter> inputs;
  // |w_hat - w| / |w| of every quantizable matrix, in the order of the weight table.
  std::vector<std::string> matrices;
  std::vector<double> weight_errors;
  // |h - h_reference| / |h_reference| after each layer, on the text.
  std::vector<double> layer_errors;
};

// The first rows of `text`, which profiles are of.
LabeledBatch ProfiledText(const EvaluationSource& text);

// latent: the weights that `model` was made of. reference: ComputeLayerOutputs of the
// full-precision model on the same text; null: `model` is that itself.
ModelProfile ProfileModel(const Parameters& latent, const Model& model,
                          const LayerOutputs* reference, const LabeledBatch& text);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_MODEL_PROFILE_H_
