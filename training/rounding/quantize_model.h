// Quantization after training: the matrices of a model in full precision, rounded one by one with
// the quantizers that training has.
#ifndef TRIT_TRAINING_ROUNDING_QUANTIZE_MODEL_H_
#define TRIT_TRAINING_ROUNDING_QUANTIZE_MODEL_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "engine/model.h"
#include "engine/weight_table.h"
#include "ternary_kernels/packed_matrix.h"
#include "training/quantizers/quantization_config.h"
#include "training/quantizers/weight_quantizer.h"

namespace trit {

// How codes and scales of a matrix are found. weights, codes: (info.rows, info.cols); scales as
// quantizer.MakeScales() makes them. The scales must be the quantizer's kind, the codes in its
// range.
using RoundingMethod =
    std::function<void(const WeightInfo& info, const WeightQuantizer& quantizer,
                       const float* weights, int8_t* codes, WeightScales& scales)>;

// Every weight to the nearest value there is, with the quantizer's own rule for scales.
void RoundToNearest(const WeightInfo& info, const WeightQuantizer& quantizer, const float* weights,
                    int8_t* codes, WeightScales& scales);

// Throws Error, naming `file` and the tensor, unless every projection is plain numbers.
void RequireFullPrecision(const Model& model, const std::string& file);

// The model with codes and scales where the config's quantizers say so (of embeddings and head,
// where a rule does), all else as it is. To be written as a GGUF file (with round_scales), which is
// what runs: codes with offsets are codes here even where inputs are floats, which no kernel
// multiplies. activation_ranges: by WeightId, what CalibrateActivations found for static
// activations; may be empty without them. `progress` is called before each matrix; may be empty.
// Throws UsageError, before anything is rounded, where a quantizer does not fit a matrix, has
// scales that only training finds or static activations without a range, or makes what no GGUF type
// holds.
Model QuantizeModel(const Model& model, const QuantizationConfig& quantizers,
                    std::span<const float> activation_ranges, const RoundingMethod& method,
                    const std::function<void(const WeightInfo&)>& progress);

}  // namespace trit

#endif  // TRIT_TRAINING_ROUNDING_QUANTIZE_MODEL_H_
