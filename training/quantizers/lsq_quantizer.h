// Learned step size quantization: LSQ (Esser et al. 2020), symmetric, and with a learned offset
// LSQ+ (Bhalgat et al. 2020):
//   code = clamp(rne((w - o) / s), -Qn, Qp),  w_hat = code * s + o
// with one learned s, and o or else 0, for the tensor, a row or a group of n weights; Qn =
// 2^(bits-1) and Qp = 2^(bits-1) - 1, or 1 and 1 for ternary. Gradients, w inside meaning -c_n <=
// (w - o)/s <= c_p, with g = 1 / sqrt(n * Qp):
//   dw = dw_hat inside, else 0
//   ds = g * sum dw_hat * (code - (w - o)/s inside, else code)
//   do = g * sum dw_hat * (0 inside, else 1)
// c_n = Qn and c_p = Qp; for ternary both are 0.99 * 1.5, the wider range of ParetoQ's stretched
// elastic quantizer (Liu et al. 2025, with its alpha = 1.5 s, which gives the same codes): LSQ's
// would stop the gradient of every weight that is not near 0.
// Start: s = 2 mean|w| / sqrt(Qp) (LSQ); with an offset s = max(|m - 3 d|, |m + 3 d|) / 2^(bits-1),
// m and d the mean and standard deviation of w (LSQ+), and o = 0. A step that pushes s below
// kMinStep leaves it usable: the quantizer then works with kMinStep, and the gradient can bring it
// back.
#ifndef TRIT_TRAINING_QUANTIZERS_LSQ_QUANTIZER_H_
#define TRIT_TRAINING_QUANTIZERS_LSQ_QUANTIZER_H_

#include "training/quantizers/weight_quantizer.h"

namespace trit {

class LsqQuantizer : public WeightQuantizer {
 public:
  static constexpr float kMinStep = 1e-6f;

  LsqQuantizer(const WeightShape& shape, const WeightWidth& width);
  int64_t NumLearned() const override { return symmetric() ? NumScales() : 2 * NumScales(); }
  void InitializeLearned(const float* w, float* learned) const override;
  // The learned are the scales, in WeightScales' order, and then the offsets.
  void Quantize(const float* w, const float* learned, int8_t* codes,
                WeightScales& scales) const override;
  void Backward(const float* w, const WeightScales& scales, float* gradient,
                float* learned_gradient) const override;

 private:
  float low_, high_;            // -Qn, Qp
  float clip_low_, clip_high_;  // -c_n, c_p
};

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_LSQ_QUANTIZER_H_
