#include "ternary_kernels/attention.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/attention_kernels.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/thread_scratch.h"

namespace trit {
namespace {

// Query rows (positions times heads) of a tile, at most, unless the heads of one position are more:
// few enough that their sums stay in the caches nearest to the core, enough that a page's keys are
// read rarely.
constexpr int64_t kTileRows = 32;
// When there are fewer tiles than this per thread, pages are shared out as well …
constexpr int64_t kTilesPerThread = 4;
// … this many at a time, unless their states are more floats than fit in a cache.
constexpr int64_t kPagesPerTask = 2;
constexpr int64_t kMaxStateFloats = int64_t{1} << 22;

struct ForwardScratch {};
struct BackwardScratch {};

void CheckShape(const AttentionShape& shape) {
  TRIT_CHECK(shape.head_dim > 0 && shape.num_kv_heads > 0 &&
             shape.num_heads % shape.num_kv_heads == 0);
}

// Pages [page_begin, page_end) of a tile.
struct PageTask {
  size_t tile;
  int64_t page_begin;
  int64_t page_end;
};

// What one AttentionForward does; the calling thread keeps its memory for the next call.
struct ForwardPlan {
  std::vector<AttentionTile> tiles;
  // If pages are shared out:
  std::vector<PageTask> page_tasks;
  std::vector<int64_t> state_begin;  // where a tile's states begin in `states`
  AlignedBuffer<float> states;       // page after page, tile after tile
};

// The power of two of positions a tile has: tiles begin at multiples of it, so none crosses a page.
int64_t TilePositions(const AttentionShape& shape) {
  const int64_t heads = shape.num_heads / shape.num_kv_heads;
  int64_t positions = 1;
  while (2 * positions * heads <= kTileRows) positions *= 2;
  return positions;
}

// Longest tiles first within a segment, for balance.
void PlanTiles(const AttentionShape& shape, std::span<const AttentionSegment> segments,
               std::vector<AttentionTile>& tiles) {
  const int64_t tile_positions = TilePositions(shape);
  tiles.clear();
  for (const AttentionSegment& segment : segments) {
    const int64_t begin = segment.first_position;
    int64_t end = begin + segment.num_rows;
    while (end > begin) {
      const int64_t tile_begin = std::max(begin, (end - 1) / tile_positions * tile_positions);
      for (int64_t kv_head = 0; kv_head < shape.num_kv_heads; ++kv_head) {
        tiles.push_back({.segment = &segment,
                         .kv_head = kv_head,
                         .first_row = tile_begin - begin,
                         .num_positions = end - tile_begin,
                         .num_pages = (end - 1) / kAttentionPage + 1});
      }
      end = tile_begin;
    }
  }
}

// Returns the floats of all states.
int64_t PlanPages(const AttentionShape& shape, ForwardPlan& plan) {
  plan.page_tasks.clear();
  plan.state_begin.clear();
  int64_t floats = 0;
  for (size_t t = 0; t < plan.tiles.size(); ++t) {
    const AttentionTile& tile = plan.tiles[t];
    for (int64_t page = 0; page < tile.num_pages; page += kPagesPerTask) {
      plan.page_tasks.push_back({.tile = t,
                                 .page_begin = page,
                                 .page_end = std::min(page + kPagesPerTask, tile.num_pages)});
    }
    plan.state_begin.push_back(floats);
    floats += tile.num_pages * AttentionStateFloats(shape, tile.num_positions);
  }
  return floats;
}

// Whether pages are shared out too; prepares for that.
bool SharePages(const AttentionShape& shape, ForwardPlan& plan) {
  const int num_threads = NumThreads();
  if (num_threads == 1 || std::ssize(plan.tiles) >= kTilesPerThread * num_threads) return false;
  const int64_t floats = PlanPages(shape, plan);
  if (plan.page_tasks.size() == plan.tiles.size() || floats > kMaxStateFloats) return false;
  if (std::ssize(plan.states.span()) < floats) {
    plan.states = AlignedBuffer<float>(static_cast<size_t>(floats));
  }
  return true;
}

void ForwardByTiles(const AttentionCall& call, const ForwardPlan& plan, int64_t scratch_floats) {
  ParallelFor(std::ssize(plan.tiles), [&](int64_t t) {
    const AttentionTile& tile = plan.tiles[static_cast<size_t>(t)];
    AttentionForwardTile(call, tile, ThreadScratch<ForwardScratch, float>(scratch_floats));
  });
}

void ForwardByPages(const AttentionCall& call, ForwardPlan& plan, int64_t scratch_floats) {
  ParallelFor(std::ssize(plan.page_tasks), [&](int64_t t) {
    const PageTask& task = plan.page_tasks[static_cast<size_t>(t)];
    const AttentionTile& tile = plan.tiles[task.tile];
    float* const states = plan.states.data() + plan.state_begin[task.tile] +
                          task.page_begin * AttentionStateFloats(call.shape, tile.num_positions);
    AttentionForwardPages(call, tile, task.page_begin, task.page_end,
                          ThreadScratch<ForwardScratch, float>(scratch_floats), states);
  });
  ParallelFor(std::ssize(plan.tiles), [&](int64_t t) {
    const size_t tile = static_cast<size_t>(t);
    AttentionForwardCombine(call, plan.tiles[tile], plan.states.data() + plan.state_begin[tile]);
  });
}

}  // namespace

void StoreKeysValues(const AttentionShape& shape, int64_t first_position, int64_t num_rows,
                     const float* k, const float* v, int64_t stride, float* const* key_pages,
                     float* const* value_pages) {
  CheckShape(shape);
  if (num_rows == 0) return;
  const int64_t dim = shape.head_dim;
  const int64_t first_page = first_position / kAttentionPage;
  const int64_t end_position = first_position + num_rows;
  const int64_t num_pages = (end_position - 1) / kAttentionPage + 1 - first_page;
  ParallelFor(num_pages * shape.num_kv_heads, [&](int64_t task) {
    const int64_t page = first_page + task / shape.num_kv_heads;
    const int64_t head = task % shape.num_kv_heads;
    float* const keys = key_pages[page] + head * dim * kAttentionPage;
    float* const values = value_pages[page] + head * dim * kAttentionPage;
    const int64_t begin = std::max(first_position, page * kAttentionPage);
    const int64_t end = std::min(end_position, (page + 1) * kAttentionPage);
    for (int64_t position = begin; position < end; ++position) {
      const int64_t slot = position - page * kAttentionPage;
      const int64_t from = (position - first_position) * stride + head * dim;
      for (int64_t d = 0; d < dim; ++d) keys[d * kAttentionPage + slot] = k[from + d];
      std::copy_n(v + from, dim, values + slot * dim);
    }
  });
}

void AttentionForward(const AttentionShape& shape, std::span<const AttentionSegment> segments,
                      const float* q, int64_t q_stride, float* out, int64_t out_stride,
                      float* log_sum_exp) {
  CheckShape(shape);
  const AttentionCall call = {.shape = shape,
                              .q = q,
                              .q_stride = q_stride,
                              .out = out,
                              .out_stride = out_stride,
                              .log_sum_exp = log_sum_exp};
  const int64_t scratch_floats = AttentionForwardScratch(shape, TilePositions(shape));
  thread_local ForwardPlan plan;
  PlanTiles(shape, segments, plan.tiles);
  if (SharePages(shape, plan)) {
    ForwardByPages(call, plan, scratch_floats);
  } else {
    ForwardByTiles(call, plan, scratch_floats);
  }
}

void AttentionBackward(const AttentionShape& shape, std::span<const TrainingSegment> segments,
                       const float* q, const float* k, const float* v, const float* out,
                       const float* log_sum_exp, const float* dout, bool in_bf16, float* dq,
                       float* dk, float* dv) {
  CheckShape(shape);
  const AttentionBackwardCall call = {.shape = shape,
                                      .q = q,
                                      .k = k,
                                      .v = v,
                                      .out = out,
                                      .log_sum_exp = log_sum_exp,
                                      .dout = dout,
                                      .dq = dq,
                                      .dk = dk,
                                      .dv = dv};
  const auto scratch_floats = in_bf16 ? AttentionBackwardScratchBF16 : AttentionBackwardScratch;
  const auto backward = in_bf16 ? AttentionBackwardSegmentBF16 : AttentionBackwardSegment;
  ParallelFor(std::ssize(segments) * shape.num_kv_heads, [&](int64_t task) {
    const TrainingSegment& segment = segments[static_cast<size_t>(task / shape.num_kv_heads)];
    backward(call, segment, task % shape.num_kv_heads,
             ThreadScratch<BackwardScratch, float>(scratch_floats(shape, segment.num_rows)));
  });
}

}  // namespace trit
