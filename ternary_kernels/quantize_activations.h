// Activation quantizers: floats to the integer codes that integer matmuls take.
//
// int8 per token (BitNet b1.58, "Training Tips, Code, FAQ", figure 3):
//   a = 127 / max(max_k |x[k]|, 1e-5),  q[k] = clamp(rne(x[k] * a), -128, 127),  rne: half to even.
// All arithmetic in float, so trainer, engine and every SIMD target get the same codes.
#ifndef TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_H_
#define TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_H_

#include <cstdint>

#include "ternary_kernels/aligned_buffer.h"

namespace trit {

enum class ActivationQuantizer : uint8_t {
  kNone,          // floats as they are
  kInt8PerToken,  // the formula above
};

const char* ActivationQuantizerName(ActivationQuantizer quantizer);  // "none", "int8"

// Activation codes of several tokens. A row is padded with zeros to a multiple of kCodePadding
// codes, so kernels need no tails over columns.
struct ActivationCodes {
  static constexpr int64_t kCodePadding = 256;

  int64_t num_tokens = 0;
  int64_t cols = 0;
  int64_t stride = 0;               // codes from one token to the next, a multiple of kCodePadding
  AlignedBuffer<int8_t> codes;      // (num_tokens, stride)
  AlignedBuffer<float> scales;      // (num_tokens): a, so x is about q / a
  AlignedBuffer<int32_t> sums;      // (num_tokens): sum of the row's codes

  // Makes room for the shape; keeps its memory where that is large enough.
  void Resize(int64_t num_tokens, int64_t cols);
};

// Scalar reference for one token: codes[0, cols), scale a and the sum of the codes.
void QuantizeTokenInt8Reference(const float* x, int64_t cols, int8_t* codes, float* scale,
                                int32_t* sum);
// The same bits, vectorized.
void QuantizeTokenInt8(const float* x, int64_t cols, int8_t* codes, float* scale, int32_t* sum);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_H_
