// The backward pass of linear layers that read one input. With g the gradient of an output, w_hat =
// t * s and x_hat = q / a (codes times scales):
//   dx = sum over layers (g * s) t,    dw_hat += (g / a)^T q
// in float or bf16 with float sums; integer codes are exact operands, so only g is rounded. A side
// that is not quantized takes part with its values and scale 1. Static codes stop the gradient of
// values that they clip (|x a| beyond the last code by more than half a step). dx goes on through
// what computes x.
#ifndef TRIT_TERNARY_KERNELS_LINEAR_BACKWARD_H_
#define TRIT_TERNARY_KERNELS_LINEAR_BACKWARD_H_

#include <cstdint>
#include <span>

#include "ternary_kernels/gemm.h"
#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/operand_conversion.h"
#include "ternary_kernels/quantize_activations.h"

namespace trit {

// One layer; T is float or BFloat16.
template <typename T>
struct LinearGradient {
  const float* dy;               // (rows, out_features)
  ScaleFactors weight_factors;   // s, of dy's columns
  const TileProduct* product;    // (out_features, in_features)
  const T* weights;              // its packed operand
  const ActivationCodes* codes;  // of x, which dw_hat is a product with; null: with x itself
  float* dweights;               // (out_features, in_features)
  bool accumulate;               // dweights +=, else =
  ActivationBlend blend = {};    // of x, where codes is null
};

template <typename T>
struct LinearBackwardCall {
  int64_t rows;
  LinearInput input;  // in_features columns; x
  std::span<const LinearGradient<T>> layers;
  LinearInputGradient dinput;
  float* dnorm_weights;  // (in_features), added to; if the input is normed
  T* scratch;            // LinearBackwardScratch(call) elements on a cache line
};

template <typename T>
int64_t LinearBackwardScratch(const LinearBackwardCall<T>& call);

// In parallel over tiles of rows, then over tiles of out_features. Sums have a fixed order.
template <typename T>
void LinearBackward(const LinearBackwardCall<T>& call);

extern template int64_t LinearBackwardScratch(const LinearBackwardCall<float>&);
extern template int64_t LinearBackwardScratch(const LinearBackwardCall<BFloat16>&);
extern template void LinearBackward(const LinearBackwardCall<float>&);
extern template void LinearBackward(const LinearBackwardCall<BFloat16>&);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_LINEAR_BACKWARD_H_
