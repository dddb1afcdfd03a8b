// Binary (BitNet, Wang et al. 2023, equations 1-3): over the tensor, a row or a group
//   s = max(mean|w|, 1e-5),  code = 1 where w > mean(w), else -1
// with a straight-through gradient. Means are summed in double in the order of rows and columns.
#ifndef TRIT_TRAINING_QUANTIZERS_BINARY_QUANTIZER_H_
#define TRIT_TRAINING_QUANTIZERS_BINARY_QUANTIZER_H_

#include "training/quantizers/weight_quantizer.h"

namespace trit {

class BinaryQuantizer : public WeightQuantizer {
 public:
  using WeightQuantizer::WeightQuantizer;
  void Quantize(const float* w, const float* learned, int8_t* codes,
                WeightScales& scales) const override;
};

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_BINARY_QUANTIZER_H_
