#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ternary_kernels/attention_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/attention_forward.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "hwy/highway.h"
#include "ternary_kernels/attention_product-inl.h"
#include "ternary_kernels/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Where a tile's rows lie: row n is head n % R at position n / R. Scratch is (rows, D') scaled
// queries, then (rows, 64) scores.
struct TileView {
  TileView(const AttentionCall& call, const AttentionTile& tile)
      : call(call),
        tile(tile),
        heads(call.shape.num_heads / call.shape.num_kv_heads),
        rows(tile.num_positions * heads),
        head_dim(call.shape.head_dim),
        padded_dim(PaddedHeadDim(call.shape)),
        state_stride(AttentionStateStride(call.shape)),
        first_position(tile.segment->first_position + tile.first_row) {}

  // Index of row n's head in a row of q and out.
  int64_t Head(int64_t n) const { return tile.kv_head * heads + n % heads; }
  int64_t CallRow(int64_t n) const { return tile.segment->first_row + tile.first_row + n / heads; }
  // How many positions of a page row n attends to: all, but for the page it lies in.
  int64_t Count(int64_t n, int64_t page) const {
    if (page + 1 < tile.num_pages) return kAttentionPage;
    return first_position + n / heads - page * kAttentionPage + 1;
  }

  const AttentionCall& call;
  const AttentionTile& tile;
  const int64_t heads;
  const int64_t rows;
  const int64_t head_dim;
  const int64_t padded_dim;
  const int64_t state_stride;
  const int64_t first_position;
};

void LoadQueries(const TileView& view, float* queries) {
  const float scale = AttentionScale(view.head_dim);
  for (int64_t n = 0; n < view.rows; ++n) {
    const float* q =
        view.call.q + view.CallRow(n) * view.call.q_stride + view.Head(n) * view.head_dim;
    ScaleRow(q, view.head_dim, scale, view.padded_dim, queries + n * view.padded_dim);
  }
}

// Replaces the first `count` scores of a page by p = exp(score - m) and stores m and l = sum p.
// Whole vectors are rewritten; what lies behind `count` does not matter.
void PageSoftmax(float* scores, int64_t count, float* max_and_sum) {
  const AttentionTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto valid = [d, count](int64_t j) HWY_ATTR {
    return hn::FirstN(d, static_cast<size_t>(std::max<int64_t>(0, count - j)));
  };
  const auto lowest = hn::Neg(hn::Inf(d));
  auto max = lowest;
  for (int64_t j = 0; j < count; j += lanes) {
    max = hn::Max(max, hn::IfThenElse(valid(j), hn::LoadU(d, scores + j), lowest));
  }
  max = hn::MaxOfLanes(d, max);

  alignas(64) float sums[kVirtualLanes];
  for (int64_t lane = 0; lane < kVirtualLanes; lane += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t j = lane; j < count; j += kVirtualLanes) {
      const auto p = Exp(d, hn::Sub(hn::LoadU(d, scores + j), max));
      const auto kept = hn::IfThenElseZero(valid(j), p);
      hn::StoreU(kept, d, scores + j);
      sum = hn::Add(sum, kept);
    }
    hn::Store(sum, d, sums + lane);
  }
  max_and_sum[0] = hn::GetLane(max);
  max_and_sum[1] = SumVirtualLanes(sums);
}

// The state of one page alone.
void PageState(const TileView& view, int64_t page, float* scratch, float* state) {
  const float* const queries = scratch;
  float* const scores = scratch + view.rows * view.padded_dim;
  const int64_t kv_floats = view.head_dim * kAttentionPage;
  const float* keys = view.tile.segment->key_pages[page] + view.tile.kv_head * kv_floats;
  const float* values = view.tile.segment->value_pages[page] + view.tile.kv_head * kv_floats;

  for (int64_t n = 0; n < view.rows; n += kProductRows) {
    const int64_t rows = std::min(kProductRows, view.rows - n);
    const ProductOperands product = {.a = queries + n * view.padded_dim,
                                     .a_row_stride = view.padded_dim,
                                     .a_step = 1,
                                     .b = keys,
                                     .b_stride = kAttentionPage,
                                     .num_steps = view.head_dim,
                                     .accumulate = false,
                                     .c = scores + n * kAttentionPage,
                                     .c_stride = kAttentionPage};
    Product(product, rows, view.Count(n + rows - 1, page));
  }

  for (int64_t n = 0; n < view.rows; ++n) {
    PageSoftmax(scores + n * kAttentionPage, view.Count(n, page),
                state + n * view.state_stride + view.padded_dim);
  }

  for (int64_t n = 0; n < view.rows; n += kProductRows) {
    const int64_t rows = std::min(kProductRows, view.rows - n);
    // Together as far as the first row sees, then each row alone: a row must not touch a position
    // behind its own, since 0 times what is there may be NaN.
    const int64_t shared = view.Count(n, page);
    ProductOperands product = {.a = scores + n * kAttentionPage,
                               .a_row_stride = kAttentionPage,
                               .a_step = 1,
                               .b = values,
                               .b_stride = view.head_dim,
                               .num_steps = shared,
                               .accumulate = false,
                               .c = state + n * view.state_stride,
                               .c_stride = view.state_stride};
    Product(product, rows, view.head_dim);
    for (int64_t r = 1; r < rows; ++r) {
      const int64_t count = view.Count(n + r, page);
      if (count == shared) continue;
      product.a = scores + (n + r) * kAttentionPage + shared;
      product.b = values + shared * view.head_dim;
      product.num_steps = count - shared;
      product.accumulate = true;
      product.c = state + (n + r) * view.state_stride;
      Product(product, 1, view.head_dim);
    }
  }
}

// total = total and the next page.
void CombineStates(const TileView& view, const float* next, float* total) {
  const AttentionTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t n = 0; n < view.rows; ++n) {
    const float* next_max_and_sum = next + view.padded_dim;
    float* max_and_sum = total + view.padded_dim;
    const float rise = next_max_and_sum[0] - max_and_sum[0];
    // exp(m - M) of the two maxima m: 1 for the larger, which is M.
    const float lesser = hn::GetLane(Exp(d, hn::Set(d, -std::abs(rise))));
    const float old_weight = rise > 0.0f ? lesser : 1.0f;
    const float next_weight = rise > 0.0f ? 1.0f : lesser;
    max_and_sum[0] = rise > 0.0f ? next_max_and_sum[0] : max_and_sum[0];
    max_and_sum[1] = max_and_sum[1] * old_weight + next_max_and_sum[1] * next_weight;
    for (int64_t x = 0; x < view.head_dim; x += lanes) {
      const auto scaled = hn::Mul(hn::Load(d, total + x), hn::Set(d, old_weight));
      hn::Store(hn::MulAdd(hn::Load(d, next + x), hn::Set(d, next_weight), scaled), d, total + x);
    }
    next += view.state_stride;
    total += view.state_stride;
  }
}

// out = o / l, log_sum_exp = m + log l.
void WriteRows(const TileView& view, float* state) {
  const AttentionCall& call = view.call;
  for (int64_t n = 0; n < view.rows; ++n) {
    float* row = state + n * view.state_stride;
    const float max = row[view.padded_dim];
    const float sum = row[view.padded_dim + 1];
    float* out = call.out + view.CallRow(n) * call.out_stride + view.Head(n) * view.head_dim;
    ScaleRow(row, view.head_dim, 1.0f / sum, view.head_dim, out);
    if (call.log_sum_exp != nullptr) {
      call.log_sum_exp[view.CallRow(n) * call.shape.num_heads + view.Head(n)] = max + std::log(sum);
    }
  }
}

void ForwardTile(const AttentionCall& call, const AttentionTile& tile, float* scratch) {
  const TileView view(call, tile);
  float* const total = scratch + view.rows * (view.padded_dim + kAttentionPage);
  float* const next = total + view.rows * view.state_stride;
  LoadQueries(view, scratch);
  PageState(view, 0, scratch, total);
  for (int64_t page = 1; page < tile.num_pages; ++page) {
    PageState(view, page, scratch, next);
    CombineStates(view, next, total);
  }
  WriteRows(view, total);
}

void ForwardPages(const AttentionCall& call, const AttentionTile& tile, int64_t page_begin,
                  int64_t page_end, float* scratch, float* states) {
  const TileView view(call, tile);
  LoadQueries(view, scratch);
  for (int64_t page = page_begin; page < page_end; ++page) {
    PageState(view, page, scratch, states);
    states += view.rows * view.state_stride;
  }
}

void ForwardCombine(const AttentionCall& call, const AttentionTile& tile, float* states) {
  const TileView view(call, tile);
  for (int64_t page = 1; page < tile.num_pages; ++page) {
    CombineStates(view, states + page * view.rows * view.state_stride, states);
  }
  WriteRows(view, states);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {

HWY_EXPORT(ForwardTile);
HWY_EXPORT(ForwardPages);
HWY_EXPORT(ForwardCombine);

float AttentionScale(int64_t head_dim) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
}

int64_t AttentionStateFloats(const AttentionShape& shape, int64_t num_positions) {
  return num_positions * (shape.num_heads / shape.num_kv_heads) * AttentionStateStride(shape);
}

int64_t AttentionForwardScratch(const AttentionShape& shape, int64_t num_positions) {
  const int64_t rows = num_positions * (shape.num_heads / shape.num_kv_heads);
  return rows * (PaddedHeadDim(shape) + kAttentionPage) +
         2 * AttentionStateFloats(shape, num_positions);
}

void AttentionForwardTile(const AttentionCall& call, const AttentionTile& tile, float* scratch) {
  HWY_DYNAMIC_DISPATCH(ForwardTile)(call, tile, scratch);
}

void AttentionForwardPages(const AttentionCall& call, const AttentionTile& tile, int64_t page_begin,
                           int64_t page_end, float* scratch, float* states) {
  HWY_DYNAMIC_DISPATCH(ForwardPages)(call, tile, page_begin, page_end, scratch, states);
}

void AttentionForwardCombine(const AttentionCall& call, const AttentionTile& tile, float* states) {
  HWY_DYNAMIC_DISPATCH(ForwardCombine)(call, tile, states);
}

}  // namespace trit
#endif  // HWY_ONCE
