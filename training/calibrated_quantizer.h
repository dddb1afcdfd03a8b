// Integer codes whose scale is set by the range of the weights, over the tensor, a row or a group:
//   s = max(R, 1e-5) / reach,  code = clamp(rne(w * (1/s)), low, high),  reach = (high - low) / 2
// so that values up to R in magnitude are off by s/2 at most. low and high: -127 and 127 for int8,
// -8 and 7 for int4, likewise for fewer bits, -1 and 1 for ternary. R is, by rule,
//   kMinMax      M = max|w|
//   kPercentile  the quantile 0.999 of |w|, interpolated linearly between its neighbours
//   kMse         M (1 - i/50), i in 0..39, with the least sum (w_hat - w)^2, the largest of equals
// (Nagel et al. 2021, "A White Paper on Neural Network Quantization", section 3.1; the search as in
// GPTQ's code). The gradient passes straight through, for kPercentile and kMse only where w/s lies
// within [low - 1/2, high + 1/2]: beyond, clamping sets the value, not rounding, and it is 0. R is
// a constant to the gradient.
#ifndef TRIT_TRAINING_CALIBRATED_QUANTIZER_H_
#define TRIT_TRAINING_CALIBRATED_QUANTIZER_H_

#include "training/weight_quantizer.h"
#include "training/weight_width.h"

namespace trit {

class CalibratedQuantizer : public WeightQuantizer {
 public:
  CalibratedQuantizer(const WeightShape& shape, const WeightWidth& width, ScaleRule rule);

  std::string name() const override { return name_; }
  int32_t max_code() const override { return static_cast<int32_t>(-low_); }
  void Quantize(const float* w, const float* learned, int8_t* codes,
                WeightScales& scales) const override;
  void Backward(const float* w, const float* learned, const WeightScales& scales, float* gradient,
                float* learned_gradient) const override;

 private:
  // s of n weights, on the calling thread.
  float ScaleOf(const float* w, int64_t n) const;
  // The same of all weights, in parallel.
  float TensorScale(const float* w) const;
  float ScaleFor(float range) const;
  // sum (w_hat - w)^2.
  double SquaredError(const float* w, int64_t n, float scale) const;

  std::string name_;
  float low_, high_;
  ScaleRule rule_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_CALIBRATED_QUANTIZER_H_
