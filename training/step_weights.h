// What the linear layers of one optimizer step multiply with, made once a step from the latent
// weights: codes and scales of every quantized matrix, packed for the forward pass, and the same
// codes packed as operands of the floating-point products of the backward pass.
#ifndef TRIT_TRAINING_STEP_WEIGHTS_H_
#define TRIT_TRAINING_STEP_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/weight_table.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/gemm.h"
#include "ternary_kernels/linear_forward.h"
#include "ternary_kernels/packed_matrix.h"
#include "ternary_kernels/quantize_activations.h"
#include "training/parameters.h"
#include "training/precision.h"
#include "training/quantizers/weight_quantizer.h"

namespace trit {

// A packed right operand of floating-point products, of bf16 or f32 as the trainer's precision
// says.
struct FloatOperand {
  TileProduct product;
  AlignedBuffer<std::byte> packed;

  template <typename T>
  const T* As() const {
    return reinterpret_cast<const T*>(packed.data());
  }
};

// One matrix (rows, cols). Floating-point products take its codes where tensor or row scales, and
// no offsets, make weights of them, else the quantized (or latent) values themselves.
struct StepWeight {
  const WeightQuantizer* quantizer = nullptr;  // null: full precision
  ActivationScheme activations;
  AlignedBuffer<int8_t> codes;  // (rows, cols); empty if full precision
  WeightScales scales;
  bool operand_is_codes = false;
  LinearCodes integers;   // forward, if activations are codes
  FloatOperand forward;   // (cols, rows), if they are floats
  FloatOperand backward;  // (rows, cols)
  PackedMatrix packed;    // see Packed; empty until asked for
};

// What quantizes one weight, and the table's weights that belong to it.
struct MatrixQuantizers {
  std::unique_ptr<WeightQuantizer> weights;  // null: full precision, or no matrix
  ActivationQuantizer activations = ActivationQuantizer::kNone;
  WeightId learned_scales = kNoWeight;
  WeightId input_range = kNoWeight;  // static activations
};

class StepWeights {
 public:
  // Quantizers by WeightId. Embeddings and heads have none of activations, and weights that q8_0
  // holds: their scales are rounded to f16, so that a file has what training had.
  StepWeights(const Parameters& parameters, std::vector<MatrixQuantizers> quantizers,
              Precision precision);

  Precision precision() const { return precision_; }
  // How far training is quantized: it computes with w + share (w_hat - w), and inputs alike.
  // Evaluation and inference always have w_hat. Takes effect with the next Refresh.
  float share() const { return share_; }
  void set_share(float share) { share_ = share; }
  // To be called after every change of the parameters.
  void Refresh();
  const StepWeight& operator[](WeightId id) const { return weights_[static_cast<size_t>(id)]; }
  // Rows of a quantized embedding, as training computes with them. out: (tokens, cols).
  void LookUp(WeightId id, std::span<const int32_t> tokens, float* out) const;
  // What training computes with, as floats: w + share (w_hat - w).
  PackedMatrix PackFloats(WeightId id) const;
  // The weight as inference holds it.
  PackedMatrix PackForInference(WeightId id) const;
  // The same, kept until the next Refresh: evaluation runs inference's kernels where activations
  // are floats.
  const PackedMatrix& Packed(WeightId id);
  const MatrixQuantizers& quantizers(WeightId id) const {
    return quantizers_[static_cast<size_t>(id)];
  }

 private:
  PackedMatrix PackFloats(WeightId id, float share) const;
  bool IsMultiplied(const WeightInfo& info) const;
  void RefreshMatrix(const WeightInfo& info);
  template <typename T>
  void PackOperands(const WeightInfo& info);

  const Parameters& parameters_;
  std::vector<MatrixQuantizers> quantizers_;
  Precision precision_;
  float share_ = 1.0f;
  std::vector<StepWeight> weights_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_STEP_WEIGHTS_H_
