// Matrices of integers in block types of 32 elements, q2_0 of 64: the codes as they are, scales in
// f16.
//   q2_0  codes -2 to 1        weight = d * code; where a block has -2, of which the type's two
//                              bits (-1 to 2) are not capable, d and codes are stored negated
//   q4_0  codes -8 to 7        weight = d * code
//   q4_1  codes -8 to 7        weight = d * (code + 8) + m
//   q8_0  codes -128 to 127    weight = d * code
// A scale of more columns than a block stands in every block it is for. What is read is the
// simplest form that says the same.
// https://github.com/ggml-org/ggml, ggml-common.h and ggml-quants.c
#ifndef TRIT_ENGINE_TENSORS_INTEGER_TENSOR_H_
#define TRIT_ENGINE_TENSORS_INTEGER_TENSOR_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/tensors/tensor_type.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/packed_matrix.h"

namespace trit {

// codes: (rows, cols).
struct IntegerMatrix {
  int64_t rows = 0, cols = 0;
  AlignedBuffer<int8_t> codes;
  WeightScales scales;
};

// Whether tensors of the type can be read and written as integers.
bool IsIntegerType(TensorType type);

// The smallest and the largest code.
struct CodeSpan {
  int32_t min, max;
};
CodeSpan SpanOf(std::span<const int8_t> codes);

// The smallest type that has codes of the span, in rows of `cols`, and, rounded to f16, the scales;
// nothing if none has.
std::optional<TensorType> IntegerTypeFor(CodeSpan span, int64_t cols, const WeightScales& scales);

// Whether the type has the scales and offsets without rounding.
bool HasExactScales(TensorType type, const WeightScales& scales);

// Throws UsageError where the type cannot hold the matrix, Error where a scale is none in f16.
AlignedBuffer<uint8_t> EncodeIntegers(TensorType type, const IntegerMatrix& matrix,
                                      const TensorOrigin& origin);

// A tensor of such a type in the bytes of a file.
class IntegerTensor {
 public:
  // Throws Error if a scale is not finite.
  explicit IntegerTensor(TensorView view);

  int64_t rows() const { return view_.rows; }
  int64_t cols() const { return view_.cols; }
  // All that codes of the type can be.
  CodeSpan span() const;
  // How many neighbouring codes of it a matrix can be written with: of q2_0 four of its five.
  int32_t levels() const;

  // In the simplest kind that says the same (ScaleGrid::Simplify).
  WeightScales ReadScales() const;
  // codes: (cols). For several threads at once; does not throw.
  void DecodeCodes(int64_t row, int8_t* codes) const;
  // How often each code stands there, from span().min on.
  std::vector<int64_t> CountCodes() const;

 private:
  const uint8_t* Block(int64_t row, int64_t block) const;

  TensorView view_;
  const struct IntegerType* type_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_INTEGER_TENSOR_H_
