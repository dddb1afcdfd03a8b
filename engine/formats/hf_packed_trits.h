// Trits as transformers packs them (quantization "bitnet"): uint8 (rows / 4, cols), rounded up.
// Field i, counted from the lowest, of the byte in row r is the trit + 1 of row i * (rows / 4) + r.
#ifndef TRIT_ENGINE_FORMATS_HF_PACKED_TRITS_H_
#define TRIT_ENGINE_FORMATS_HF_PACKED_TRITS_H_

#include <cstdint>
#include <span>

#include "engine/tensors/tensor_type.h"
#include "ternary_kernels/aligned_buffer.h"

namespace trit {

inline int64_t HfPackedRows(int64_t rows) { return (rows + 3) / 4; }

// Throws Error with the place unless every code stands for a trit. bytes: (HfPackedRows, cols).
void CheckHfTrits(std::span<const uint8_t> bytes, int64_t rows, int64_t cols,
                  const TensorOrigin& origin);
// trits: (cols). For several threads at once.
void DecodeHfTrits(std::span<const uint8_t> bytes, int64_t rows, int64_t cols, int64_t row,
                   int8_t* trits);
// trits: (rows, cols).
AlignedBuffer<uint8_t> EncodeHfTrits(std::span<const int8_t> trits, int64_t rows, int64_t cols);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_HF_PACKED_TRITS_H_
