// The forward pass of linear layers in training: activations are quantized per token, codes times
// codes summed exactly, and the sums scaled as inference scales them.
#ifndef TRIT_TERNARY_KERNELS_LINEAR_FORWARD_H_
#define TRIT_TERNARY_KERNELS_LINEAR_FORWARD_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/gemm.h"
#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/packed_matrix.h"
#include "ternary_kernels/quantize_activations.h"

namespace trit {

// The codes of a matrix (rows, cols) as IntegerLinearForward reads them: one right operand a group
// of columns; without group scales the row is one group.
class LinearCodes {
 public:
  LinearCodes() = default;
  LinearCodes(int64_t rows, int64_t cols, int64_t group_size);

  // codes: (rows, cols). In parallel.
  void Pack(const int8_t* codes);

  bool empty() const { return packed_.empty(); }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t num_groups() const { return cols_ / group_size_; }
  const TileProduct& product() const { return product_; }  // of one group
  const std::byte* Operand(int64_t group) const {
    return packed_.data() + static_cast<size_t>(group) * product_.operand_bytes();
  }
  const int32_t* Sums(int64_t group) const { return sums_.data() + group * rows_; }

 private:
  int64_t rows_ = 0;
  int64_t cols_ = 0;
  int64_t group_size_ = 1;
  TileProduct product_;
  AlignedBuffer<std::byte> packed_;
  AlignedBuffer<int32_t> sums_;  // (groups, rows)
};

// One layer that reads the codes.
struct IntegerLinear {
  const LinearCodes* weights;
  const WeightScales* scales;
  const float* residual;  // (tokens, weights->rows()), added; or null; may be out
  float* out;             // (tokens, weights->rows())
};

// Quantizes the input into `codes` and computes every layer. In parallel over tiles of tokens.
void IntegerLinearForward(const LinearInput& input, int64_t num_tokens, ActivationCodes& codes,
                          std::span<const IntegerLinear> layers);

// out = (x b) scaled + residual in floating point, x seen through `blend`: b is the packed operand
// of `product`; factors apply to columns; residual may be null, not out. x: the input, product.k()
// columns; out: (tokens, product.n()). In parallel over tiles of tokens.
template <typename T>
struct FloatLinear {
  const TileProduct* product;
  const T* b;
  const float* col_factors;  // (n), or null
  float factor;
  const float* residual;
  float* out;
  ActivationBlend blend = {};
};
void FloatLinearForward(const LinearInput& input, int64_t num_tokens,
                        const FloatLinear<float>& layer);
void FloatLinearForward(const LinearInput& input, int64_t num_tokens,
                        const FloatLinear<BFloat16>& layer);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_LINEAR_FORWARD_H_
