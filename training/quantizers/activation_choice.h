// What a config's words for the inputs of a matrix mean.
#ifndef TRIT_TRAINING_QUANTIZERS_ACTIVATION_CHOICE_H_
#define TRIT_TRAINING_QUANTIZERS_ACTIVATION_CHOICE_H_

#include <cstdint>

#include "ternary_kernels/quantize_activations.h"
#include "training/quantizers/quantization_config.h"

namespace trit {

// What sets the range of static activations from the inputs seen in calibration.
enum class ActivationRangeRule : uint8_t {
  kMinMax,      // the largest magnitude: nothing of it is clipped
  kPercentile,  // the magnitude that activation_percentile percent of them do not exceed
  kMse,         // the range with the least squared error
};

// A matrix in full precision takes its input in full precision. Throws UsageError, with the
// config's key, for a name that is unknown.
ActivationQuantizer ActivationQuantizerOf(const QuantizerChoice& choice);
ActivationRangeRule ActivationRangeRuleOf(const QuantizerChoice& choice);

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_ACTIVATION_CHOICE_H_
