// The head and its loss in one: logits of a tile of rows, their cross-entropy and its gradient, and
// from that the gradients of the hidden state and of the head's weights. The logits of all rows are
// never in memory at once.
//
// With z = h W^T, losses[r] = log(sum_c exp(z[r][c])) - z[r][target] and
//   dz[r][c] = (softmax(z)[r][c] - [c == target]) * row_weights[r],  dh = dz W,  dW = dz^T h.
#ifndef TRIT_TERNARY_KERNELS_LINEAR_CROSS_ENTROPY_H_
#define TRIT_TERNARY_KERNELS_LINEAR_CROSS_ENTROPY_H_

#include <cstdint>
#include <span>

#include "ternary_kernels/gemm.h"

namespace trit {

// T is float or BFloat16, the operands' type; sums are floats.
template <typename T>
struct LinearCrossEntropyCall {
  const float* hidden;                // (…, cols): h are the rows of it that `rows` names
  std::span<const int32_t> rows;      // ascending
  const TileProduct* logits_product;  // (cols, vocab)
  const T* logits_weights;
  const TileProduct* hidden_product;  // (vocab, cols)
  const T* hidden_weights;
  const int32_t* targets;    // (rows), in [0, vocab)
  const float* row_weights;  // (rows)
  float* losses;             // (rows)
  float* dhidden;            // (…, cols): the same rows are overwritten
  float* dweights;           // (vocab, cols)
  bool accumulate;           // dweights +=, else =
  T* scratch;                // LinearCrossEntropyScratch() elements on a cache line
};

// For so many rows.
int64_t LinearCrossEntropyScratch(int64_t num_rows, int64_t cols, int64_t vocab_size);

// In chunks of rows: in parallel over tiles of rows, then over tiles of the vocabulary. Sums have a
// fixed order.
template <typename T>
void LinearCrossEntropy(const LinearCrossEntropyCall<T>& call);

extern template void LinearCrossEntropy(const LinearCrossEntropyCall<float>&);
extern template void LinearCrossEntropy(const LinearCrossEntropyCall<BFloat16>&);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_LINEAR_CROSS_ENTROPY_H_
