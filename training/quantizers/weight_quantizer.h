// Weight quantizers: latent weights to integer codes and scales, and the gradient back. One object
// a matrix; training, after-training quantization and export use the same ones.
//
// The forward pass multiplies w_hat = codes * scale + offset, with offsets where the quantizer is
// asymmetric; the gradient of w_hat reaches the latent weights by the quantizer's own rule
// (straight-through, or learned). Spans are what shares a scale within a row: a group's columns, or
// the whole row.
#ifndef TRIT_TRAINING_QUANTIZERS_WEIGHT_QUANTIZER_H_
#define TRIT_TRAINING_QUANTIZERS_WEIGHT_QUANTIZER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "engine/weight_table.h"
#include "ternary_kernels/packed_matrix.h"
#include "training/quantizers/quantization_config.h"
#include "training/quantizers/weight_width.h"

namespace trit {

// The matrix of a quantizer, and what of it shares a scale.
struct WeightShape {
  int64_t rows, cols;
  ScaleKind scale_kind;
  int64_t group_size;  // kGroup only; divides cols
  bool symmetric;      // else there is an offset beside every scale
};

class WeightQuantizer {
 public:
  WeightQuantizer(const WeightShape& shape, const WeightWidth& width);
  virtual ~WeightQuantizer() = default;

  // Codes lie in [min_code(), max_code()].
  int32_t min_code() const { return width_.low; }
  int32_t max_code() const { return width_.high; }
  // Learned scales and offsets it has, a weight of their own in the table (kQuantizerScale); 0 if
  // they are by rule.
  virtual int64_t NumLearned() const { return 0; }
  // Sets the learned scales from the latent weights before the first step.
  virtual void InitializeLearned(const float* w, float* learned) const;

  // w: (rows, cols); codes: (rows, cols); scales as MakeScales makes them.
  virtual void Quantize(const float* w, const float* learned, int8_t* codes,
                        WeightScales& scales) const = 0;

  // Turns the gradient of w_hat into that of w in place, and adds that of the learned scales;
  // `scales` as Quantize set them for the same w. Called once a step, when the gradient of w_hat is
  // complete. The default is straight-through: the gradient as it is.
  virtual void Backward(const float* w, const WeightScales& scales, float* gradient,
                        float* learned_gradient) const;

  int64_t rows() const { return shape_.rows; }
  int64_t cols() const { return shape_.cols; }
  ScaleKind scale_kind() const { return shape_.scale_kind; }
  bool symmetric() const { return shape_.symmetric; }
  int64_t NumScales() const;
  // Scales, and offsets if there are any, of the right kind and size, all 0.
  WeightScales MakeScales() const;

 protected:
  // Columns of a span.
  int64_t SpanSize() const {
    return scale_kind() == ScaleKind::kGroup ? shape_.group_size : cols();
  }
  int64_t SpansPerRow() const { return cols() / SpanSize(); }
  // Weights that share a scale.
  int64_t WeightsPerScale() const { return rows() * cols() / NumScales(); }
  // Where WeightScales holds the scale of a span.
  size_t ScaleIndex(int64_t row, int64_t span) const;

 private:
  WeightShape shape_;
  const WeightWidth& width_;
};

// Null for weights = "none". Throws UsageError as SchemeOf (weight_width.h) does and, naming the
// weight, if the granularity does not fit it.
std::unique_ptr<WeightQuantizer> MakeWeightQuantizer(const QuantizerChoice& choice,
                                                     const WeightInfo& info);

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_WEIGHT_QUANTIZER_H_
