// Integer codes whose scale is set by the range of the weights, over the tensor, a row or a group:
//   code = clamp(rne((w - o) * (1/s)), low, high),  w_hat = code * s + o
// Symmetric: o = 0, s = max(R, 1e-5) / ((high - low) / 2), so that values up to R in magnitude are
// off by s/2 at most. low and high: -127 and 127 for int8, -8 and 7 for int4, likewise for fewer
// bits, -1 and 1 for ternary. R is, by rule,
//   kMinMax      M = max|w|
//   kPercentile  the quantile q of |w|, interpolated linearly between its neighbours
//   kMse         M (1 - i/50), i in 0..39, with the least sum (w_hat - w)^2, the largest of equals
// Asymmetric: the range [A, B] instead, s = max(B - A, 1e-5) / (high - low), o = A - low * s, with
// -128 for int8. Likewise min w and max w; the quantiles (1 - q)/2 and (1 + q)/2 of w; both ends
// times 1 - i/50. (Nagel et al. 2021, "A White Paper on Neural Network Quantization", section 3.1;
// the search as in GPTQ's code.) The gradient passes straight through, for kPercentile and kMse
// only where (w - o)/s lies within [low - 1/2, high + 1/2]: beyond, clamping sets the value, not
// rounding, and it is 0. s and o are constants to the gradient.
#ifndef TRIT_TRAINING_QUANTIZERS_CALIBRATED_QUANTIZER_H_
#define TRIT_TRAINING_QUANTIZERS_CALIBRATED_QUANTIZER_H_

#include "training/quantizers/weight_quantizer.h"

namespace trit {

class CalibratedQuantizer : public WeightQuantizer {
 public:
  // quantile: q, kPercentile only.
  CalibratedQuantizer(const WeightShape& shape, const WeightWidth& width, ScaleRule rule,
                      double quantile);
  void Quantize(const float* w, const float* learned, int8_t* codes,
                WeightScales& scales) const override;
  void Backward(const float* w, const WeightScales& scales, float* gradient,
                float* learned_gradient) const override;

 private:
  struct Range {
    float begin, end;  // begin = -end if symmetric
  };
  struct Grid {
    float scale, offset;
  };
  // Of n weights, on the calling thread.
  Grid GridOf(const float* w, int64_t n) const;
  // The same of all weights, in parallel.
  Grid TensorGrid(const float* w) const;
  Range RangeOf(const float* w, int64_t n) const;  // kMinMax's and kMse's
  Range QuantileRange(const float* w, int64_t n) const;
  Grid GridFor(const Range& range) const;
  Grid ShrunkGrid(const Range& range, int64_t i) const;
  // sum (w_hat - w)^2.
  double SquaredError(const float* w, int64_t n, const Grid& grid) const;

  float low_, high_;  // codes
  ScaleRule rule_;
  double quantile_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_CALIBRATED_QUANTIZER_H_
