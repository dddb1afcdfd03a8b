#include "training/quantizers/ternary_quantizer.h"

#include "ternary_kernels/ternarize.h"

namespace trit {

void TernaryQuantizer::Quantize(const float* w, const float*, int8_t* codes,
                                WeightScales& scales) const {
  Ternarize(w, rows(), cols(), codes, scales);
}

}  // namespace trit
