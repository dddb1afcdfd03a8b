// Ternary by absmean (ternary_kernels/ternarize.h) with a straight-through gradient.
#ifndef TRIT_TRAINING_QUANTIZERS_TERNARY_QUANTIZER_H_
#define TRIT_TRAINING_QUANTIZERS_TERNARY_QUANTIZER_H_

#include "training/quantizers/weight_quantizer.h"

namespace trit {

class TernaryQuantizer : public WeightQuantizer {
 public:
  using WeightQuantizer::WeightQuantizer;
  void Quantize(const float* w, const float* learned, int8_t* codes,
                WeightScales& scales) const override;
};

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_TERNARY_QUANTIZER_H_
