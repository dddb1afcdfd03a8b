// What a weight quantizer made of a matrix, as inference holds it.
#ifndef TRIT_TRAINING_QUANTIZERS_PACK_QUANTIZED_H_
#define TRIT_TRAINING_QUANTIZERS_PACK_QUANTIZED_H_

#include <cstdint>

#include "ternary_kernels/packed_matrix.h"
#include "training/quantizers/weight_quantizer.h"

namespace trit {

WeightScales CopyOf(const WeightScales& scales);

// codes: (rows, cols). In the format for integer activations that the quantizer's codes fit; or as
// numbers for inputs that are floats, without offsets.
PackedMatrix PackQuantized(const WeightQuantizer& quantizer, const int8_t* codes,
                           const WeightScales& scales, bool takes_codes);

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_PACK_QUANTIZED_H_
