// What one thread does in attention, compiled for every SIMD target; attention.cc splits the work
// and owns the scratch. H, G, D as in attention.h; R = H / G heads share a kv head; D' = D rounded
// up to 16. Scratch and states are aligned to 64 bytes.
#ifndef TRIT_TERNARY_KERNELS_ATTENTION_KERNELS_H_
#define TRIT_TERNARY_KERNELS_ATTENTION_KERNELS_H_

#include <cstdint>

#include "ternary_kernels/attention.h"

namespace trit {

inline constexpr int64_t kVirtualLanes = 16;  // floats

inline int64_t PaddedHeadDim(const AttentionShape& shape) {
  return (shape.head_dim + kVirtualLanes - 1) / kVirtualLanes * kVirtualLanes;
}

// Scores are q k^T / sqrt(D): q is multiplied by this, in forward and backward.
float AttentionScale(int64_t head_dim);

// ---------------------------------------------------------------------------------------------
// Forward

struct AttentionCall {
  AttentionShape shape;
  const float* q;
  int64_t q_stride;
  float* out;
  int64_t out_stride;
  float* log_sum_exp;
};

// Query rows that see the same pages: consecutive positions inside one page, for the R heads of a
// kv head.
struct AttentionTile {
  const AttentionSegment* segment;
  int64_t kv_head;
  int64_t first_row;  // within the segment
  int64_t num_positions;
  int64_t num_pages;
};

// The state of a tile: per (position, head), position outermost, D' sums o, then m and l, in rows
// of this many floats.
inline int64_t AttentionStateStride(const AttentionShape& shape) {
  return PaddedHeadDim(shape) + kVirtualLanes;
}
int64_t AttentionStateFloats(const AttentionShape& shape, int64_t num_positions);
// Floats of scratch for tiles of up to that many positions.
int64_t AttentionForwardScratch(const AttentionShape& shape, int64_t num_positions);

// All of a tile, page after page. The other two do the same arithmetic in two steps.
void AttentionForwardTile(const AttentionCall& call, const AttentionTile& tile, float* scratch);
// The states of pages [page_begin, page_end) alone; `states` is that of page_begin.
void AttentionForwardPages(const AttentionCall& call, const AttentionTile& tile, int64_t page_begin,
                           int64_t page_end, float* scratch, float* states);
// Combines the states of all pages and writes the tile's rows.
void AttentionForwardCombine(const AttentionCall& call, const AttentionTile& tile, float* states);

// ---------------------------------------------------------------------------------------------
// Backward

struct AttentionBackwardCall {
  AttentionShape shape;
  const float* q;
  const float* k;
  const float* v;
  const float* out;
  const float* log_sum_exp;
  const float* dout;
  float* dq;
  float* dk;
  float* dv;
};

// Floats of scratch for segments of up to num_rows rows.
int64_t AttentionBackwardScratch(const AttentionShape& shape, int64_t num_rows);
// One kv head of one segment.
void AttentionBackwardSegment(const AttentionBackwardCall& call, const TrainingSegment& segment,
                              int64_t kv_head, float* scratch);

// The same with all products but the scores in bf16.
int64_t AttentionBackwardScratchBF16(const AttentionShape& shape, int64_t num_rows);
void AttentionBackwardSegmentBF16(const AttentionBackwardCall& call, const TrainingSegment& segment,
                                  int64_t kv_head, float* scratch);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_ATTENTION_KERNELS_H_
