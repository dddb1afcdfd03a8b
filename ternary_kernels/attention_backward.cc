#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ternary_kernels/attention_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/attention_backward.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "hwy/highway.h"
#include "ternary_kernels/attention_backward-inl.h"
#include "ternary_kernels/attention_product-inl.h"
#include "ternary_kernels/exp-inl.h"

// With P = exp(S - log_sum_exp) recomputed tile by tile, 64 queries times 64 keys:
//   dV = P^T dO,  dP = dO V^T,  dS = P * (dP - delta),  delta_i = sum_d dO_id O_id,
//   dQ = scale dS K,  dK = dS^T (scale Q).
HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Per-task buffers; D' columns unless noted. T' = rows of the segment, rounded up to 64.
struct Buffers {
  Buffers(float* scratch, int64_t padded_rows, int64_t padded_dim) {
    const auto take = [&scratch](int64_t floats) {
      float* const begin = scratch;
      scratch += floats;
      return begin;
    };
    keys = take(padded_rows * padded_dim);
    keys_transposed = take(padded_rows * padded_dim);
    values_transposed = take(padded_rows * padded_dim);
    dkeys = take(padded_rows * padded_dim);
    dvalues = take(padded_rows * padded_dim);
    queries = take(kTile * padded_dim);
    dqueries = take(kTile * padded_dim);
    dout = take(kTile * padded_dim);
    out_row = take(padded_dim);
    probabilities = take(kTile * kTile);
    dscores = take(kTile * kTile);
    delta = take(kTile);
    log_sum_exp = take(kTile);
  }

  float* keys;               // (T')
  float* keys_transposed;    // (T' / 64, D', 64 columns)
  float* values_transposed;  // (T' / 64, D', 64 columns)
  float* dkeys;              // (T')
  float* dvalues;            // (T')
  float* queries;            // (64), scaled
  float* dqueries;           // (64)
  float* dout;               // (64)
  float* out_row;
  float* probabilities;  // (64, 64 columns), scores at first
  float* dscores;        // (64, 64 columns), dP at first
  float* delta;          // (64)
  float* log_sum_exp;    // (64)
};

void LoadKeysValues(const BackwardTask& task, const Buffers& buffers) {
  for (int64_t j = 0; j < task.segment.num_rows; ++j) {
    const int64_t at = (task.segment.first_row + j) * task.kv_stride + task.kv_head * task.head_dim;
    const float* k = task.call.k + at;
    const float* v = task.call.v + at;
    ScaleRow(k, task.head_dim, 1.0f, task.padded_dim, buffers.keys + j * task.padded_dim);
    const int64_t column = j / kTile * kTile * task.padded_dim + j % kTile;
    for (int64_t x = 0; x < task.head_dim; ++x) {
      buffers.keys_transposed[column + x * kTile] = k[x];
      buffers.values_transposed[column + x * kTile] = v[x];
    }
  }
}

// A tile of `rows` queries of one head from segment row `begin` on.
void LoadQueries(const BackwardTask& task, int64_t head, int64_t begin, int64_t rows,
                 const Buffers& buffers) {
  const AttentionBackwardCall& call = task.call;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = task.segment.first_row + begin + i;
    const int64_t at = row * task.q_stride + head * task.head_dim;
    float* const dout = buffers.dout + i * task.padded_dim;
    ScaleRow(call.q + at, task.head_dim, task.scale, task.padded_dim,
             buffers.queries + i * task.padded_dim);
    ScaleRow(call.dout + at, task.head_dim, 1.0f, task.padded_dim, dout);
    ScaleRow(call.out + at, task.head_dim, 1.0f, task.padded_dim, buffers.out_row);
    buffers.delta[i] = RowDelta(dout, buffers.out_row, task.padded_dim);
    buffers.log_sum_exp[i] = call.log_sum_exp[row * call.shape.num_heads + head];
  }
}

// Turns scores into P and dP into dS; zeros behind the diagonal, as far as products read.
void DifferentiateSoftmax(int64_t rows, bool diagonal, const Buffers& buffers) {
  const AttentionTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  static_assert(kVirtualLanes % kProductRows == 0);
  for (int64_t i = 0; i < rows; ++i) {
    float* const p = buffers.probabilities + i * kTile;
    float* const ds = buffers.dscores + i * kTile;
    const auto log_sum_exp = hn::Set(d, buffers.log_sum_exp[i]);
    const auto delta = hn::Set(d, buffers.delta[i]);
    const int64_t count = diagonal ? i + 1 : kTile;
    const int64_t end = (count + kVirtualLanes - 1) / kVirtualLanes * kVirtualLanes;
    for (int64_t j = 0; j < end; j += lanes) {
      const auto valid = hn::FirstN(d, static_cast<size_t>(std::max<int64_t>(0, count - j)));
      const auto probability =
          hn::IfThenElseZero(valid, Exp(d, hn::Sub(hn::Load(d, p + j), log_sum_exp)));
      const auto difference = hn::Sub(hn::Load(d, ds + j), delta);
      hn::Store(probability, d, p + j);
      hn::Store(hn::IfThenElseZero(valid, hn::Mul(probability, difference)), d, ds + j);
    }
  }
}

// One query tile of one head against key tile `tile`: adds to dqueries, dkeys, dvalues, or begins
// them. On the diagonal, what causality zeroes is left out in blocks of kProductRows.
void BackwardTile(const BackwardTask& task, int64_t rows, int64_t tile, bool diagonal,
                  bool first_dkeys, const Buffers& buffers) {
  const int64_t dim = task.padded_dim;
  const int64_t columns = tile * kTile * dim;  // where the key tile begins
  for (int64_t i = 0; i < rows; i += kProductRows) {
    const int64_t block = std::min(kProductRows, rows - i);
    ProductOperands product = {.a = buffers.queries + i * dim,
                               .a_row_stride = dim,
                               .a_step = 1,
                               .b = buffers.keys_transposed + columns,
                               .b_stride = kTile,
                               .num_steps = task.head_dim,
                               .accumulate = false,
                               .c = buffers.probabilities + i * kTile,
                               .c_stride = kTile};
    const int64_t keys = diagonal ? i + block : kTile;
    Product(product, block, keys);
    product.a = buffers.dout + i * dim;
    product.b = buffers.values_transposed + columns;
    product.c = buffers.dscores + i * kTile;
    Product(product, block, keys);
  }

  DifferentiateSoftmax(rows, diagonal, buffers);

  for (int64_t i = 0; i < rows; i += kProductRows) {
    const int64_t block = std::min(kProductRows, rows - i);
    const ProductOperands product = {.a = buffers.dscores + i * kTile,
                                     .a_row_stride = kTile,
                                     .a_step = 1,
                                     .b = buffers.keys + columns,
                                     .b_stride = dim,
                                     .num_steps = diagonal ? i + block : kTile,
                                     .accumulate = tile > 0,
                                     .c = buffers.dqueries + i * dim,
                                     .c_stride = dim};
    Product(product, block, task.head_dim);
  }

  const int64_t num_keys = diagonal ? rows : kTile;
  for (int64_t j = 0; j < num_keys; j += kProductRows) {
    const int64_t block = std::min(kProductRows, num_keys - j);
    const int64_t begin = diagonal ? j : 0;  // the first query that sees a key of the block
    ProductOperands product = {.a = buffers.probabilities + begin * kTile + j,
                               .a_row_stride = 1,
                               .a_step = kTile,
                               .b = buffers.dout + begin * dim,
                               .b_stride = dim,
                               .num_steps = rows - begin,
                               .accumulate = !first_dkeys,
                               .c = buffers.dvalues + columns + j * dim,
                               .c_stride = dim};
    Product(product, block, task.head_dim);
    product.a = buffers.dscores + begin * kTile + j;
    product.b = buffers.queries + begin * dim;
    product.c = buffers.dkeys + columns + j * dim;
    Product(product, block, task.head_dim);
  }
}

void BackwardSegment(const AttentionBackwardCall& call, const TrainingSegment& segment,
                     int64_t kv_head, float* scratch) {
  const BackwardTask task(call, segment, kv_head, PaddedHeadDim(call.shape));
  const Buffers buffers(scratch, task.num_tiles * kTile, task.padded_dim);
  LoadKeysValues(task, buffers);
  BackwardTiles(
      task, buffers,
      [&](int64_t head, int64_t begin, int64_t rows)
          HWY_ATTR { LoadQueries(task, head, begin, rows, buffers); },
      [&](int64_t rows, int64_t tile, bool diagonal, bool first_dkeys)
          HWY_ATTR { BackwardTile(task, rows, tile, diagonal, first_dkeys, buffers); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {

HWY_EXPORT(BackwardSegment);

int64_t AttentionBackwardScratch(const AttentionShape& shape, int64_t num_rows) {
  const int64_t padded_rows = (num_rows + kAttentionPage - 1) / kAttentionPage * kAttentionPage;
  return (5 * padded_rows + 3 * kAttentionPage + 1) * PaddedHeadDim(shape) +
         2 * kAttentionPage * (kAttentionPage + 1);
}

void AttentionBackwardSegment(const AttentionBackwardCall& call, const TrainingSegment& segment,
                              int64_t kv_head, float* scratch) {
  HWY_DYNAMIC_DISPATCH(BackwardSegment)(call, segment, kv_head, scratch);
}

}  // namespace trit
#endif  // HWY_ONCE
