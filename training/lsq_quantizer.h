// Learned step size quantization (LSQ, Esser et al. 2020) with symmetric signed codes:
//   code = clamp(rne(w / s), -Qn, Qp),  w_hat = code * s
// with one learned s for the tensor, a row or a group of n weights; Qn = 2^(bits-1) and
// Qp = 2^(bits-1) - 1, or 1 and 1 for ternary. Gradients, w inside meaning -c_n <= w/s <= c_p:
//   dw = dw_hat inside, else 0
//   ds = g * sum dw_hat * (code - w/s inside, else code),  g = 1 / sqrt(n * Qp)
// c_n = Qn and c_p = Qp; for ternary both are 0.99 * 1.5, the wider range of ParetoQ's stretched
// elastic quantizer (Liu et al. 2025, with its alpha = 1.5 s, which gives the same codes): LSQ's
// would stop the gradient of every weight that is not near 0.
// Start: s = 2 mean|w| / sqrt(Qp). A step that pushes s below kMinStep leaves it usable: the
// quantizer then works with kMinStep, and the gradient can bring it back.
#ifndef TRIT_TRAINING_LSQ_QUANTIZER_H_
#define TRIT_TRAINING_LSQ_QUANTIZER_H_

#include "training/weight_quantizer.h"
#include "training/weight_width.h"

namespace trit {

class LsqQuantizer : public WeightQuantizer {
 public:
  static constexpr float kMinStep = 1e-6f;

  LsqQuantizer(const WeightShape& shape, const WeightWidth& width);

  std::string name() const override { return name_; }
  int32_t max_code() const override { return static_cast<int32_t>(-low_); }
  int64_t NumLearned() const override { return NumScales(); }
  void InitializeLearned(const float* w, float* learned) const override;
  // The learned steps are the scales, in WeightScales' order.
  void Quantize(const float* w, const float* learned, int8_t* codes,
                WeightScales& scales) const override;
  void Backward(const float* w, const float* learned, const WeightScales& scales, float* gradient,
                float* learned_gradient) const override;

 private:
  std::string name_;
  float low_, high_;            // -Qn, Qp
  float clip_low_, clip_high_;  // -c_n, c_p
};

}  // namespace trit

#endif  // TRIT_TRAINING_LSQ_QUANTIZER_H_
