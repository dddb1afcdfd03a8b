// Makes packed matrices: from integer codes (trits, int8) or from the bytes of dense GGUF types.
#ifndef TRIT_TERNARY_KERNELS_PACK_MATRIX_H_
#define TRIT_TERNARY_KERNELS_PACK_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "ternary_kernels/packed_matrix.h"

namespace trit {

// Writes the codes of `row` into codes[0, cols). Called from several threads at once, each row
// once.
using CodeSource = std::function<void(int64_t row, int8_t* codes)>;

// Packs codes (trits for the ternary formats) in parallel. rows, cols: any size of at least 1.
PackedMatrix PackCodes(WeightFormat format, int64_t rows, int64_t cols, WeightScales scales,
                       const CodeSource& source);

// A dense matrix (kF32, kF16, kBF16, kQ8_0, kQ6_K) with room for its bytes: row after row as GGUF
// has them, without gaps. The caller fills data[0, DenseRowBytes * rows).
PackedMatrix AllocateDense(WeightFormat format, int64_t rows, int64_t cols);
// kQ8_0 needs cols to be a multiple of 32, kQ6_K of 256.
int64_t DenseRowBytes(WeightFormat format, int64_t cols);

// Codes (exact integers in bf16) held as kBF16 with their scales: what quantized weights with float
// activations run on. Scales without offsets.
PackedMatrix PackCodesAsBF16(int64_t rows, int64_t cols, WeightScales scales,
                             const CodeSource& source);

// Where the scale (and the offset) of a weight is in `scales.values`, of a matrix of `rows` rows.
inline size_t ScaleIndex(const WeightScales& scales, int64_t rows, int64_t row, int64_t col) {
  switch (scales.kind) {
    case ScaleKind::kTensor:
      return 0;
    case ScaleKind::kRow:
      return static_cast<size_t>(row);
    case ScaleKind::kGroup:
      return static_cast<size_t>(col / scales.group_size * rows + row);
  }
  return 0;
}

// One row back: codes of a code format, exact floats (without scales) of a dense one. For tests,
// embeddings and inspection.
void UnpackCodes(const PackedMatrix& matrix, int64_t row, int8_t* codes);
void UnpackFloats(const PackedMatrix& matrix, int64_t row, float* values);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_PACK_MATRIX_H_
