// Quantizers in a few words, for tables.
#ifndef TRIT_TRAINING_CONFIG_QUANTIZER_TEXT_H_
#define TRIT_TRAINING_CONFIG_QUANTIZER_TEXT_H_

#include <string>

#include "training/quantizers/quantization_config.h"

namespace trit {

// "ternary, activations int8", "int4, granularity row, activations none", "full precision": the
// default's weights and activations, every other key that is not at its own default, and whether
// there are rules.
std::string QuantizerText(const QuantizationConfig& quantizer);

}  // namespace trit

#endif  // TRIT_TRAINING_CONFIG_QUANTIZER_TEXT_H_
