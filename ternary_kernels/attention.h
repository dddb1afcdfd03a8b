// Causal grouped-query attention over pages of 64 positions, for prompts, single tokens and
// training alike: softmax(q k^T / sqrt(D)) v.
//
// Exactness: keys and values lie in pages of kAttentionPage absolute positions, keys transposed.
// For each page a query row gets a page-local maximum m, sum l = sum_j exp(s_j - m) and o = sum_j
// exp(s_j - m) v_j; all sums run in ascending order of head dimension (scores) and of position
// (values), SIMD lanes lying across positions and head dimension, so that nothing is reduced across
// lanes but m and l. Pages are combined in ascending order. A row's bits therefore do not depend on
// the other rows, on how a prompt was cut, or on the number of threads. (FlashAttention's
// recurrence, Dao et al. 2022.)
#ifndef TRIT_TERNARY_KERNELS_ATTENTION_H_
#define TRIT_TERNARY_KERNELS_ATTENTION_H_

#include <cstdint>
#include <span>

namespace trit {

inline constexpr int64_t kAttentionPage = 64;  // positions

struct AttentionShape {
  int64_t num_heads;     // H
  int64_t num_kv_heads;  // G, divides H; query head h reads kv head h / (H / G)
  int64_t head_dim;      // D, even
  int64_t PageFloats() const { return num_kv_heads * head_dim * kAttentionPage; }  // keys or values
};

// Consecutive query rows of one sequence, and that sequence's pages in one layer.
struct AttentionSegment {
  int64_t first_row;  // of q and out
  int64_t num_rows;
  int64_t first_position;  // absolute position of the first row; row i attends to positions
                           // [0, first_position + i]
  // One pointer a page, for positions [64 p, 64 p + 64). Slots behind the last stored position may
  // hold anything. A vector behind a page must be readable, as it is in an AlignedBuffer.
  const float* const* key_pages;    // each (G, D, 64): transposed
  const float* const* value_pages;  // each (G, 64, D)
};

// Writes `num_rows` new keys and values into a sequence's pages. k, v: (rows, G * D), rows
// `stride` floats apart. In parallel over heads and pages.
void StoreKeysValues(const AttentionShape& shape, int64_t first_position, int64_t num_rows,
                     const float* k, const float* v, int64_t stride, float* const* key_pages,
                     float* const* value_pages);

// q, out: (rows, H * D), rows q_stride and out_stride floats apart. log_sum_exp: (rows, H), what
// backward needs, or null.
void AttentionForward(const AttentionShape& shape, std::span<const AttentionSegment> segments,
                      const float* q, int64_t q_stride, float* out, int64_t out_stride,
                      float* log_sum_exp);

// Scalar reference with plain loops and a double-precision softmax, for tests.
void AttentionForwardReference(const AttentionShape& shape,
                               std::span<const AttentionSegment> segments, const float* q,
                               int64_t q_stride, float* out, int64_t out_stride,
                               float* log_sum_exp);

// A training segment attends to itself alone: rows [first_row, first_row + num_rows), positions
// from 0.
struct TrainingSegment {
  int64_t first_row;
  int64_t num_rows;
};

// Gradients from saved q, k, v, out, log_sum_exp (probabilities are recomputed). q, out, dout, dq:
// (rows, H * D); k, v, dk, dv: (rows, G * D); all dense. dq, dk, dv are overwritten. in_bf16: all
// products but the scores round their operands to bf16. In parallel over segments and kv heads.
void AttentionBackward(const AttentionShape& shape, std::span<const TrainingSegment> segments,
                       const float* q, const float* k, const float* v, const float* out,
                       const float* log_sum_exp, const float* dout, bool in_bf16, float* dq,
                       float* dk, float* dv);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_ATTENTION_H_
