// What both backward passes of attention share (attention_backward.cc, in floats, and
// attention_backward_bf16.cc): the order of tiles, and where results go.
#if defined(TRIT_TERNARY_KERNELS_ATTENTION_BACKWARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_ATTENTION_BACKWARD_INL_H_
#undef TRIT_TERNARY_KERNELS_ATTENTION_BACKWARD_INL_H_
#else
#define TRIT_TERNARY_KERNELS_ATTENTION_BACKWARD_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "ternary_kernels/attention_kernels.h"
#include "ternary_kernels/attention_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

constexpr int64_t kTile = kAttentionPage;

// One key-value head of one segment.
struct BackwardTask {
  BackwardTask(const AttentionBackwardCall& backward_call, const TrainingSegment& of_segment,
               int64_t of_kv_head, int64_t padded)
      : call(backward_call),
        segment(of_segment),
        kv_head(of_kv_head),
        head_dim(call.shape.head_dim),
        padded_dim(padded),
        q_stride(call.shape.num_heads * head_dim),
        kv_stride(call.shape.num_kv_heads * head_dim),
        num_tiles((segment.num_rows + kTile - 1) / kTile),
        scale(AttentionScale(head_dim)) {}

  const AttentionBackwardCall& call;
  const TrainingSegment& segment;
  int64_t kv_head;
  int64_t head_dim;
  int64_t padded_dim;  // from row to row of the task's buffers
  int64_t q_stride;
  int64_t kv_stride;
  int64_t num_tiles;  // of queries, and of keys
  float scale;
};

// delta of one query: dout and out, padded_dim floats each.
HWY_INLINE float RowDelta(const float* dout, const float* out, int64_t padded_dim) {
  namespace hn = hwy::HWY_NAMESPACE;
  const AttentionTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  alignas(64) float sums[kVirtualLanes];
  for (int64_t lane = 0; lane < kVirtualLanes; lane += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t x = lane; x < padded_dim; x += kVirtualLanes) {
      sum = hn::MulAdd(hn::Load(d, dout + x), hn::Load(d, out + x), sum);
    }
    hn::Store(sum, d, sums + lane);
  }
  return SumVirtualLanes(sums);
}

// Query tiles ascend, then heads, then key tiles, so each gradient is a sum in a fixed order.
//   load_queries(head, first segment row, rows)
//   backward_tile(rows, key tile, diagonal, first_dkeys): adds to buffers.dqueries, dkeys and
//     dvalues, or begins them: dqueries at key tile 0, the others where first_dkeys says
template <class Buffers, class LoadQueries, class BackwardTile>
HWY_INLINE void BackwardTiles(const BackwardTask& task, const Buffers& buffers,
                              const LoadQueries& load_queries, const BackwardTile& backward_tile) {
  const AttentionBackwardCall& call = task.call;
  const int64_t heads = call.shape.num_heads / call.shape.num_kv_heads;
  for (int64_t query_tile = 0; query_tile < task.num_tiles; ++query_tile) {
    const int64_t begin = query_tile * kTile;
    const int64_t rows = std::min(kTile, task.segment.num_rows - begin);
    for (int64_t r = 0; r < heads; ++r) {
      const int64_t head = task.kv_head * heads + r;
      load_queries(head, begin, rows);
      for (int64_t tile = 0; tile <= query_tile; ++tile) {
        const bool diagonal = tile == query_tile;
        backward_tile(rows, tile, diagonal, diagonal && r == 0);
      }
      for (int64_t i = 0; i < rows; ++i) {
        ScaleRow(
            buffers.dqueries + i * task.padded_dim, task.head_dim, task.scale, task.head_dim,
            call.dq + (task.segment.first_row + begin + i) * task.q_stride + head * task.head_dim);
      }
    }
  }
  for (int64_t j = 0; j < task.segment.num_rows; ++j) {
    const int64_t at = (task.segment.first_row + j) * task.kv_stride + task.kv_head * task.head_dim;
    std::copy_n(buffers.dkeys + j * task.padded_dim, task.head_dim, call.dk + at);
    std::copy_n(buffers.dvalues + j * task.padded_dim, task.head_dim, call.dv + at);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();
#endif
