// Learned step size quantization (LSQ, Esser et al. 2020), symmetric signed codes of `bits` bits:
//   code = clamp(rne(w / s), -Qn, Qp),  Qn = 2^(bits-1),  Qp = 2^(bits-1) - 1,  w_hat = code * s
// with one learned s for the tensor, a row or a group of n weights. Gradients:
//   dw = dw_hat where -Qn <= w/s <= Qp, else 0
//   ds = g * sum dw_hat * (code - w/s inside, else code),  g = 1 / sqrt(n * Qp)
// Start: s = 2 mean|w| / sqrt(Qp). A step that pushes s below kMinStep leaves it usable: the
// quantizer then works with kMinStep, and the gradient can bring it back.
#ifndef TRIT_TRAINING_LSQ_QUANTIZER_H_
#define TRIT_TRAINING_LSQ_QUANTIZER_H_

#include "training/weight_quantizer.h"

namespace trit {

class LsqQuantizer : public WeightQuantizer {
 public:
  static constexpr float kMinStep = 1e-6f;

  // bits: 2 to 8.
  LsqQuantizer(int bits, int64_t rows, int64_t cols, ScaleKind scale_kind, int64_t group_size);

  std::string name() const override;
  int32_t max_code() const override { return static_cast<int32_t>(-low_); }
  int64_t NumLearned() const override { return NumScales(); }
  void InitializeLearned(const float* w, float* learned) const override;
  // The learned steps are the scales, in WeightScales' order.
  void Quantize(const float* w, const float* learned, int8_t* codes,
                WeightScales& scales) const override;
  void Backward(const float* w, const float* learned, float* gradient,
                float* learned_gradient) const override;

 private:
  // Columns of one row that share a step.
  int64_t SpanSize() const { return scale_kind() == ScaleKind::kGroup ? group_size() : cols(); }
  // Where the step of (row, span) lies.
  int64_t StepIndex(int64_t row, int64_t span) const;

  int bits_;
  float low_, high_;  // -Qn, Qp
};

}  // namespace trit

#endif  // TRIT_TRAINING_LSQ_QUANTIZER_H_
