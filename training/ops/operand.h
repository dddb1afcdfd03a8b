// The two precisions of training's floating-point products behind one set of names, so that an
// operation's backward is written once.
#ifndef TRIT_TRAINING_OPS_OPERAND_H_
#define TRIT_TRAINING_OPS_OPERAND_H_

#include <cstdint>

#include "ternary_kernels/gemm.h"
#include "ternary_kernels/operand_conversion.h"
#include "training/step_weights.h"

namespace trit {

// out = x scaled, in the operand type. (rows, cols)
inline void MakeOperand(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
                        float* out) {
  ScaleToF32(x, rows, cols, factors, out);
}
inline void MakeOperand(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
                        BFloat16* out) {
  ScaleToBF16(x, rows, cols, factors, out);
}

inline void CodesToOperand(const int8_t* codes, int64_t n, float* out) {
  CodesToF32(codes, n, out);
}
inline void CodesToOperand(const int8_t* codes, int64_t n, BFloat16* out) {
  CodesToBF16(codes, n, out);
}

// A dense operand of a product: rows `stride` elements apart.
template <typename T>
struct Operand {
  const T* data;
  int64_t stride;
  Transpose transpose = Transpose::kNo;
};

// c = a b or c += a b, (m, n) with inner dimension k; c dense.
inline void Multiply(int64_t m, int64_t n, int64_t k, const Operand<float>& a,
                     const Operand<float>& b, bool accumulate, float* c) {
  GemmF32(m, n, k, a.data, a.stride, a.transpose, b.data, b.stride, b.transpose, accumulate, c, n);
}
inline void Multiply(int64_t m, int64_t n, int64_t k, const Operand<BFloat16>& a,
                     const Operand<BFloat16>& b, bool accumulate, float* c) {
  GemmBF16(m, n, k, a.data, a.stride, a.transpose, b.data, b.stride, b.transpose, accumulate, c, n);
}

// A matrix of the step as an operand; `latent` are its latent values.
inline const float* WeightOperand(const StepWeight& weight, const float* latent, const float*) {
  return weight.quantizer != nullptr ? weight.operand_f32.data() : latent;
}
inline const BFloat16* WeightOperand(const StepWeight& weight, const float*, const BFloat16*) {
  return weight.operand_bf16.data();
}

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_OPERAND_H_
