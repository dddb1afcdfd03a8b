// A ternary tensor in the bytes of a file: its trits and scales, checked before they are used.
// Every code must stand for a trit; every scale must be finite and not negative, and not 0 where a
// trit of its block is not 0.
#ifndef TRIT_ENGINE_TENSORS_TERNARY_TENSOR_H_
#define TRIT_ENGINE_TENSORS_TERNARY_TENSOR_H_

#include <cstdint>

#include "engine/tensors/tensor_type.h"
#include "engine/tensors/ternary_codec.h"
#include "ternary_kernels/packed_matrix.h"

namespace trit {

struct TritCounts {
  int64_t minus = 0, zero = 0, plus = 0;
};

class TernaryTensor {
 public:
  // Throws Error if the type holds no trits or the layout does not fit the rows.
  explicit TernaryTensor(TensorView view, I2sLayout layout = I2sLayout::kAuto);

  int64_t rows() const { return view_.rows; }
  int64_t cols() const { return view_.cols; }

  // Checks every code and scale, in parallel, and returns the scales in the simplest kind that
  // holds them exactly (ScaleGrid::Simplify). Blocks whose trits are all 0 have no say.
  // Throws Error naming file, tensor and place.
  WeightScales CheckAndReadScales() const;

  // Whether every code stands for a trit. (Of q2_0: whether the tensor is ternary at all.)
  bool HoldsTritsAlone() const;

  // trits: (cols), of a tensor that CheckAndReadScales found valid. For several threads at once;
  // does not throw.
  void DecodeTrits(int64_t row, int8_t* trits) const;
  TritCounts CountTrits() const;  // likewise
  // The weights themselves, trits times their scales; values: (cols).
  void DecodeFloats(int64_t row, float* values) const;

 private:
  enum class Fault : uint8_t { kNone, kCode, kScale, kZeroScale };

  const uint8_t* Block(int64_t row, int64_t block) const;
  float StoredScale(int64_t row, int64_t block) const;
  Fault CheckBlock(int64_t row, int64_t block, bool* any_nonzero) const;
  [[noreturn]] void ThrowFirstFault(int64_t row) const;

  TensorView view_;
  const TernaryCodec* codec_;
  int64_t num_blocks_;  // of a row
  uint64_t row_bytes_;
  uint64_t row_header_bytes_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_TERNARY_TENSOR_H_
