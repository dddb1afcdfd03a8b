// Activation quantizers: floats to the integer codes that integer matmuls take.
//   q[k] = clamp(rne(x[k] * a), low, high),  rne: half to even, x is about q / a
// per token, a = high / max(max_k |x[k]|, 1e-5):
//   int8   low = -128, high = 127 (BitNet b1.58, "Training Tips, Code, FAQ", figure 3)
//   int4   low = -8, high = 7: no token reaches -8 (LLM-QAT, Liu et al. 2023, equation 1)
// static, one given a for all tokens: int8, whose values beyond the range are clipped.
// All arithmetic in float, so trainer, engine and every SIMD target get the same codes.
#ifndef TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_H_
#define TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "ternary_kernels/aligned_buffer.h"

namespace trit {

enum class ActivationQuantizer : uint8_t {
  kNone,  // floats as they are
  kInt8PerToken,
  kInt4PerToken,
  kInt8Static,
};

// "none", "int8", "int4", "int8_static"
const char* ActivationQuantizerName(ActivationQuantizer quantizer);
// By that name.
std::optional<ActivationQuantizer> FindActivationQuantizer(std::string_view name);

// How the inputs of a matrix are quantized.
struct ActivationScheme {
  ActivationQuantizer quantizer = ActivationQuantizer::kNone;
  float static_scale = 0;  // a; kInt8Static only

  bool TakesCodes() const { return quantizer != ActivationQuantizer::kNone; }
  bool operator==(const ActivationScheme&) const = default;
};
inline constexpr ActivationScheme kInt8PerTokenScheme{ActivationQuantizer::kInt8PerToken};

// a of kInt8Static for inputs of up to this magnitude: 127 / max(max_abs, 1e-5).
float StaticActivationScale(float max_abs);

// Activation codes of several tokens. A row is padded with zeros to a multiple of kCodePadding
// codes, so kernels need no tails over columns.
struct ActivationCodes {
  static constexpr int64_t kCodePadding = 256;

  ActivationScheme scheme = kInt8PerTokenScheme;  // how they are made; set by whoever makes them
  int64_t num_tokens = 0;
  int64_t cols = 0;
  int64_t stride = 0;           // codes from one token to the next, a multiple of kCodePadding
  AlignedBuffer<int8_t> codes;  // (num_tokens, stride)
  AlignedBuffer<float> scales;  // (num_tokens): a, so x is about q / a
  AlignedBuffer<int32_t> sums;  // (num_tokens): sum of the row's codes

  // Makes room for the shape; keeps its memory where that is large enough.
  void Resize(int64_t num_tokens, int64_t cols);
};

// Scalar reference for one token: codes[0, cols), scale a and the sum of the codes. The scheme is
// one that makes codes.
void QuantizeTokenReference(const ActivationScheme& scheme, const float* x, int64_t cols,
                            int8_t* codes, float* scale, int32_t* sum);
// The same bits, vectorized.
void QuantizeToken(const ActivationScheme& scheme, const float* x, int64_t cols, int8_t* codes,
                   float* scale, int32_t* sum);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_H_
