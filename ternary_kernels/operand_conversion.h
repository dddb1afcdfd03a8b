// Makes operands for the products of training (gemm.h): integer codes as floats (exact), and
// gradients with the scales of the other operand folded in, so that a product of integer codes
// stays one. T is float, or BFloat16 rounded to nearest even. Everything runs on the calling
// thread.
#ifndef TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_H_
#define TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_H_

#include <cstdint>

#include "ternary_kernels/gemm.h"

namespace trit {

// out[i] = codes[i] + 128: int8 codes as the unsigned operand.
void RaiseCodes(const int8_t* codes, int64_t n, uint8_t* out);

// Factors of a matrix's elements: element (r, c) is multiplied by row[r], then by col[c], then by
// `all`; row and col may be null.
struct ScaleFactors {
  const float* row = nullptr;
  const float* col = nullptr;
  float all = 1.0f;
};

// out = x scaled. x, out: (rows, cols), dense; out may be x.
void ScaleRows(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors, float* out);
void ScaleRows(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
               BFloat16* out);

// out[c][r] = x[r][c] * row_factors[r]; row_factors may be null (1). x: (rows, cols) dense; out:
// (cols) rows `out_stride` apart, of which elements [rows, padded_rows) become 0.
void TransposeRows(const float* x, int64_t rows, int64_t cols, const float* row_factors,
                   int64_t padded_rows, float* out, int64_t out_stride);
void TransposeRows(const float* x, int64_t rows, int64_t cols, const float* row_factors,
                   int64_t padded_rows, BFloat16* out, int64_t out_stride);

// Rows [begin, end) of a packed right operand (k, n), and zeros in rows [end, padded_end); begin is
// a multiple of the layout's row_multiple, and so is padded_end. x: row `begin` of (k, n), rows
// `stride` apart.
void PackRows(const TileProduct& product, const int8_t* x, int64_t stride, int64_t begin,
              int64_t end, int64_t padded_end, float* packed);
void PackRows(const TileProduct& product, const int8_t* x, int64_t stride, int64_t begin,
              int64_t end, int64_t padded_end, BFloat16* packed);
void PackRows(const TileProduct& product, const float* x, int64_t stride, int64_t begin,
              int64_t end, int64_t padded_end, float* packed);
void PackRows(const TileProduct& product, const float* x, int64_t stride, int64_t begin,
              int64_t end, int64_t padded_end, BFloat16* packed);

// Columns [begin, end) of a packed right operand (k, n) whose transpose is stored: x: row `begin`
// of (n, k), dense; begin is a multiple of 4. Padding is left as it is.
void PackColumns(const TileProduct& product, const int8_t* x, int64_t begin, int64_t end,
                 float* packed);
void PackColumns(const TileProduct& product, const int8_t* x, int64_t begin, int64_t end,
                 BFloat16* packed);
void PackColumns(const TileProduct& product, const float* x, int64_t begin, int64_t end,
                 float* packed);
void PackColumns(const TileProduct& product, const float* x, int64_t begin, int64_t end,
                 BFloat16* packed);

// y += x
void AddTo(const float* x, int64_t n, float* y);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_H_
