// Weight quantizers: latent weights to integer codes and scales, and the gradient back. One object
// a matrix; training, after-training quantization and export use the same ones.
//
// The forward pass multiplies codes * scale, w_hat below; its gradient reaches the latent weights
// by the quantizer's own rule (straight-through, or learned).
#ifndef TRIT_TRAINING_WEIGHT_QUANTIZER_H_
#define TRIT_TRAINING_WEIGHT_QUANTIZER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "engine/weight_table.h"
#include "ternary_kernels/packed_matrix.h"
#include "training/quantization_config.h"

namespace trit {

class WeightQuantizer {
 public:
  WeightQuantizer(int64_t rows, int64_t cols, ScaleKind scale_kind, int64_t group_size);
  virtual ~WeightQuantizer() = default;

  virtual std::string name() const = 0;
  // Largest |code|: 1 for ternary.
  virtual int32_t max_code() const = 0;
  // Learned scales it has, a weight of their own in the table (kQuantizerScale); 0 if by rule.
  virtual int64_t NumLearned() const { return 0; }
  // Sets the learned scales from the latent weights before the first step.
  virtual void InitializeLearned(const float* w, float* learned) const;

  // w: (rows, cols); codes: (rows, cols); scales as ScaleKind says, values sized NumScales().
  virtual void Quantize(const float* w, const float* learned, int8_t* codes,
                        WeightScales& scales) const = 0;

  // Turns the gradient of w_hat into that of w in place, and adds that of the learned scales.
  // Called once a step, when the gradient of w_hat is complete. The default is straight-through:
  // the gradient as it is.
  virtual void Backward(const float* w, const float* learned, float* gradient,
                        float* learned_gradient) const;

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  ScaleKind scale_kind() const { return scale_kind_; }
  int64_t group_size() const { return group_size_; }
  int64_t NumScales() const;
  // Scales of the right kind and size, all 0.
  WeightScales MakeScales() const;

 private:
  int64_t rows_, cols_;
  ScaleKind scale_kind_;
  int64_t group_size_;
};

// Null for weights = "none". Throws UsageError, naming the weight, if the name is unknown or the
// granularity does not fit it.
std::unique_ptr<WeightQuantizer> MakeWeightQuantizer(const QuantizerChoice& choice,
                                                     const WeightInfo& info);

}  // namespace trit

#endif  // TRIT_TRAINING_WEIGHT_QUANTIZER_H_
