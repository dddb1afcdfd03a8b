// Ranges of static activations (ActivationQuantizer::kInt8Static), from what the matrices of a
// model read on a text: the largest magnitude that is not clipped.
#ifndef TRIT_TRAINING_QUANTIZERS_CALIBRATE_ACTIVATIONS_H_
#define TRIT_TRAINING_QUANTIZERS_CALIBRATE_ACTIVATIONS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "engine/batch.h"
#include "engine/model.h"
#include "training/quantizers/quantization_config.h"

namespace trit {

// Runs the batches through the model, each segment as a sequence of its own. Returns a range for
// every matrix that `quantization` gives static activations, by its rule (activation_range), and 0
// for other weights; by WeightId of model.table. The model computes as it says, so it is one whose
// activations are not static yet: usually the model in full precision. Throws Error where an input
// is not finite.
std::vector<float> CalibrateActivations(const Model& model, std::span<const Batch> batches,
                                        const QuantizationConfig& quantization);
// The same on token ids, in sequences of the model's context or 512 tokens, whichever is shorter.
std::vector<float> CalibrateActivations(const Model& model, std::span<const int32_t> ids,
                                        const QuantizationConfig& quantization);

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_CALIBRATE_ACTIVATIONS_H_
