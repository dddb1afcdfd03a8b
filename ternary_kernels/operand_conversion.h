// Makes operands for the products of training: integer codes as floats (exact), and gradients with
// the scales of the other operand folded in, so that a product of integer codes stays one.
#ifndef TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_H_
#define TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_H_

#include <cstdint>

#include "ternary_kernels/gemm.h"

namespace trit {

// out[i] = codes[i], exactly.
void CodesToF32(const int8_t* codes, int64_t n, float* out);
void CodesToBF16(const int8_t* codes, int64_t n, BFloat16* out);
// out[i] = codes[i] + 128: int8 codes as the unsigned operand of GemmU8S8.
void CodesToU8(const int8_t* codes, int64_t n, uint8_t* out);

// Factors of a matrix's elements: element (r, c) is multiplied by row[r], then by col[c], then by
// `all`; row and col may be null.
struct ScaleFactors {
  const float* row = nullptr;
  const float* col = nullptr;
  float all = 1.0f;
};

// out = x scaled. x, out: (rows, cols), dense; out may be x.
void ScaleToF32(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
                float* out);
// The same, then rounded to nearest even.
void ScaleToBF16(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
                 BFloat16* out);

// y += x
void AddInPlace(const float* x, int64_t n, float* y);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_H_
