// int8 by absmax, symmetric, with a straight-through gradient:
//   s = max(max|w|, 1e-5) / 127,  code = clamp(rne(w * (1/s)), -127, 127)
// over the tensor, a row or a group.
#ifndef TRIT_TRAINING_INT8_QUANTIZER_H_
#define TRIT_TRAINING_INT8_QUANTIZER_H_

#include "training/weight_quantizer.h"

namespace trit {

class Int8Quantizer : public WeightQuantizer {
 public:
  using WeightQuantizer::WeightQuantizer;
  std::string name() const override { return "int8"; }
  int32_t max_code() const override { return 127; }
  void Quantize(const float* w, const float* learned, int8_t* codes,
                WeightScales& scales) const override;
};

}  // namespace trit

#endif  // TRIT_TRAINING_INT8_QUANTIZER_H_
