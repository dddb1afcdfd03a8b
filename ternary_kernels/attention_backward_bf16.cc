// The backward pass of attention with products in bf16 and sums in floats. Scores are computed in
// floats, so that probabilities are those of the forward pass; everything else that is multiplied
// is rounded to bf16. Formulas and order as in attention_backward.cc.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ternary_kernels/attention_kernels.h"
#include "ternary_kernels/gemm.h"

#ifndef TRIT_TERNARY_KERNELS_ATTENTION_BACKWARD_BF16_SCALAR_
#define TRIT_TERNARY_KERNELS_ATTENTION_BACKWARD_BF16_SCALAR_
namespace trit {

inline int64_t PaddedBackwardDim(const AttentionShape& shape) {
  constexpr int64_t kMultiple = 2 * kVirtualLanes;
  return (shape.head_dim + kMultiple - 1) / kMultiple * kMultiple;
}

}  // namespace trit
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/attention_backward_bf16.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "ternary_kernels/attention_backward-inl.h"
#include "ternary_kernels/attention_product-inl.h"
#include "ternary_kernels/bf16_pairs-inl.h"
#include "ternary_kernels/exp-inl.h"
#include "ternary_kernels/hwy_shim-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
#if TRIT_SCALAR_TARGET

void BackwardSegmentBF16(const AttentionBackwardCall& call, const TrainingSegment& segment,
                         int64_t kv_head, float* scratch) {
  AttentionBackwardSegment(call, segment, kv_head, scratch);
}

#else

constexpr int64_t kPairs = kTile / 2;

using Pair = uint32_t;  // bf16 numbers of two consecutive k
using BitsTag = hn::RebindToUnsigned<AttentionTag>;

template <bool kInstruction>
struct PairStep {
  using Element = Pair;
  static HWY_INLINE hn::Vec<BitsTag> Load(const Pair* b) { return hn::LoadU(BitsTag(), b); }
  static HWY_INLINE hn::Vec<BitsTag> Broadcast(const Pair* a) { return hn::Set(BitsTag(), *a); }
  static HWY_INLINE hn::Vec<AttentionTag> Add(hn::Vec<BitsTag> factor, hn::Vec<BitsTag> columns,
                                              hn::Vec<AttentionTag> sum) {
    return AddPairProducts<kInstruction>(AttentionTag(), factor, columns, sum);
  }
};

// Per-task buffers; D' columns unless noted: D rounded up to 32, so that half of it is whole
// vectors. T' = rows of the segment, rounded up to 64.
struct Buffers {
  Buffers(float* scratch, int64_t padded_rows, int64_t padded_dim) {
    const auto floats = [&scratch](int64_t size) {
      float* const begin = scratch;
      scratch += size;
      return begin;
    };
    const auto pairs = [&](int64_t size) { return reinterpret_cast<Pair*>(floats(size)); };
    keys_transposed = floats(padded_rows * padded_dim);
    dkeys = floats(padded_rows * padded_dim);
    dvalues = floats(padded_rows * padded_dim);
    keys = pairs(padded_rows / 2 * padded_dim);
    values_transposed = pairs(padded_rows * padded_dim / 2);
    queries = floats(kTile * padded_dim);
    dqueries = floats(kTile * padded_dim);
    query_pairs = pairs(kPairs * padded_dim);
    dout_rows = pairs(kTile * padded_dim / 2);
    dout_pairs = pairs(kPairs * padded_dim);
    dout = floats(2 * padded_dim);
    out_row = floats(padded_dim);
    scores = floats(kTile * kTile);
    dprobabilities = floats(kTile * kTile);
    probability_pairs = pairs(kPairs * kTile);
    dscore_pairs = pairs(kPairs * kTile);
    dscore_rows = pairs(kTile * kPairs);
    delta = floats(kTile);
    log_sum_exp = floats(kTile);
  }

  float* keys_transposed;   // (T' / 64, D', 64 columns)
  float* dkeys;             // (T')
  float* dvalues;           // (T')
  Pair* keys;               // (T' / 2): of two rows
  Pair* values_transposed;  // (T' / 64, D' / 2, 64 columns)
  float* queries;           // (64), scaled
  float* dqueries;          // (64)
  Pair* query_pairs;        // (32), of two rows, scaled
  Pair* dout_rows;          // (64, D' / 2 columns)
  Pair* dout_pairs;         // (32), of two rows
  float* dout;              // (2)
  float* out_row;
  float* scores;            // (64, 64 columns)
  float* dprobabilities;    // (64, 64 columns)
  Pair* probability_pairs;  // (32, 64 columns), of two rows
  Pair* dscore_pairs;       // (32, 64 columns), of two rows
  Pair* dscore_rows;        // (64, 32 columns)
  float* delta;             // (64)
  float* log_sum_exp;       // (64)
};

// bf16 of n floats, in order; n is a multiple of the vector length.
void StoreRow(const float* x, int64_t n, Pair* out) {
  const AttentionTag d;
  const hn::Rebind<uint16_t, AttentionTag> d16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < n; i += lanes) {
    const auto bits = hn::ShiftRight<16>(RoundedBits(d, hn::LoadU(d, x + i)));
    hn::StoreU(hn::TruncateTo(d16, bits), d16, reinterpret_cast<uint16_t*>(out) + i);
  }
}

// Pairs of two rows of n floats; n is a multiple of the vector length.
void StorePairs(const float* first, const float* second, int64_t n, Pair* out) {
  const AttentionTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < n; i += lanes) {
    hn::StoreU(PairBits(d, hn::LoadU(d, first + i), hn::LoadU(d, second + i)), BitsTag(), out + i);
  }
}

// Four rows of n elements of 32 bits, `stride` apart, as four columns of `out`; n is a multiple of
// the vector length.
void StoreColumns(const void* rows, int64_t n, int64_t stride, void* out) {
  const BitsTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* from = static_cast<const uint32_t*>(rows);
  auto* to = static_cast<uint32_t*>(out);
  for (int64_t i = 0; i < n; i += lanes) {
    const hn::Vec<BitsTag> v[4] = {hn::LoadU(d, from + i), hn::LoadU(d, from + stride + i),
                                   hn::LoadU(d, from + 2 * stride + i),
                                   hn::LoadU(d, from + 3 * stride + i)};
    StoreTransposed(d, v, to + i * kTile, kTile);
  }
}

// `staged`: (8, D') floats.
void LoadKeysValues(const BackwardTask& task, const Buffers& buffers, float* staged) {
  const int64_t dim = task.padded_dim;
  float* const values = staged + 4 * dim;
  const int64_t padded_rows = (task.segment.num_rows + kTile - 1) / kTile * kTile;
  for (int64_t j = 0; j < padded_rows; j += 4) {
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t row = task.segment.first_row + j + i;
      const int64_t n = j + i < task.segment.num_rows ? task.head_dim : 0;
      const int64_t at = n > 0 ? row * task.kv_stride + task.kv_head * task.head_dim : 0;
      ScaleRow(task.call.k + at, n, 1.0f, dim, staged + i * dim);
      ScaleRow(task.call.v + at, n, 1.0f, dim, values + i * dim);
      StoreRow(values + i * dim, dim, reinterpret_cast<Pair*>(values + i * dim));
    }
    const int64_t tile = j / kTile * kTile * dim;
    StoreColumns(staged, dim, dim, buffers.keys_transposed + tile + j % kTile);
    StoreColumns(values, dim / 2, dim, buffers.values_transposed + tile / 2 + j % kTile);
    StorePairs(staged, staged + dim, dim, buffers.keys + j / 2 * dim);
    StorePairs(staged + 2 * dim, staged + 3 * dim, dim, buffers.keys + (j / 2 + 1) * dim);
  }
}

// A tile of `rows` queries of one head from segment row `begin` on; an odd row's partner is zero.
void LoadQueries(const BackwardTask& task, int64_t head, int64_t begin, int64_t rows,
                 const Buffers& buffers) {
  const AttentionBackwardCall& call = task.call;
  const int64_t dim = task.padded_dim;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = task.segment.first_row + begin + i;
    const int64_t at = row * task.q_stride + head * task.head_dim;
    float* const query = buffers.queries + i * dim;
    float* const dout = buffers.dout + i % 2 * dim;
    ScaleRow(call.q + at, task.head_dim, task.scale, dim, query);
    ScaleRow(call.dout + at, task.head_dim, 1.0f, dim, dout);
    ScaleRow(call.out + at, task.head_dim, 1.0f, dim, buffers.out_row);
    buffers.delta[i] = RowDelta(dout, buffers.out_row, dim);
    buffers.log_sum_exp[i] = call.log_sum_exp[row * call.shape.num_heads + head];
    StoreRow(dout, dim, buffers.dout_rows + i * dim / 2);
    if (i % 2 == 0 && i + 1 < rows) continue;
    if (i % 2 == 0) {
      std::fill(query + dim, query + 2 * dim, 0.0f);
      std::fill(dout + dim, dout + 2 * dim, 0.0f);
    }
    const int64_t pair = i / 2 * dim;
    StorePairs(buffers.queries + 2 * pair, buffers.queries + 2 * pair + dim, dim,
               buffers.query_pairs + pair);
    StorePairs(buffers.dout, buffers.dout + dim, dim, buffers.dout_pairs + pair);
  }
}

// P and dS of two rows from their scores and dP; zeros behind the diagonal, as far as products
// read, and in a second row that is not there.
void DifferentiateSoftmax(int64_t rows, bool diagonal, const Buffers& buffers) {
  const AttentionTag d;
  const hn::Rebind<uint16_t, AttentionTag> d16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < rows; i += 2) {
    const int64_t last = diagonal ? std::min(i + 2, rows) : kTile;  // columns of the second row
    const int64_t end = (last + kVirtualLanes - 1) / kVirtualLanes * kVirtualLanes;
    for (int64_t j = 0; j < end; j += lanes) {
      hn::Vec<AttentionTag> p[2] = {hn::Zero(d), hn::Zero(d)};
      hn::Vec<AttentionTag> ds[2] = {hn::Zero(d), hn::Zero(d)};
      for (int64_t r = 0; r < 2 && i + r < rows; ++r) {
        const int64_t at = (i + r) * kTile + j;
        const int64_t count = diagonal ? i + r + 1 : kTile;
        const auto valid = hn::FirstN(d, static_cast<size_t>(std::max<int64_t>(0, count - j)));
        const auto shifted =
            hn::Sub(hn::Load(d, buffers.scores + at), hn::Set(d, buffers.log_sum_exp[i + r]));
        const auto difference =
            hn::Sub(hn::Load(d, buffers.dprobabilities + at), hn::Set(d, buffers.delta[i + r]));
        p[r] = hn::IfThenElseZero(valid, Exp(d, shifted));
        ds[r] = hn::IfThenElseZero(valid, hn::Mul(p[r], difference));
        const auto bits = hn::ShiftRight<16>(RoundedBits(d, ds[r]));
        hn::StoreU(hn::TruncateTo(d16, bits), d16,
                   reinterpret_cast<uint16_t*>(buffers.dscore_rows + (i + r) * kPairs) + j);
      }
      hn::Store(PairBits(d, p[0], p[1]), BitsTag(), buffers.probability_pairs + i / 2 * kTile + j);
      hn::Store(PairBits(d, ds[0], ds[1]), BitsTag(), buffers.dscore_pairs + i / 2 * kTile + j);
    }
  }
}

// One query tile of one head against key tile `tile`: adds to dqueries, dkeys, dvalues, or begins
// them. On the diagonal, what causality zeroes is left out in blocks of kProductRows.
template <bool kInstruction>
void BackwardTile(const BackwardTask& task, int64_t rows, int64_t tile, bool diagonal,
                  bool first_dkeys, const Buffers& buffers) {
  const int64_t dim = task.padded_dim;
  const int64_t columns = tile * kTile * dim;  // where the key tile begins
  for (int64_t i = 0; i < rows; i += kProductRows) {
    const int64_t block = std::min(kProductRows, rows - i);
    const int64_t keys = diagonal ? i + block : kTile;
    Product(ProductOperands{.a = buffers.queries + i * dim,
                            .a_row_stride = dim,
                            .a_step = 1,
                            .b = buffers.keys_transposed + columns,
                            .b_stride = kTile,
                            .num_steps = task.head_dim,
                            .accumulate = false,
                            .c = buffers.scores + i * kTile,
                            .c_stride = kTile},
            block, keys);
    Product(StepOperands<PairStep<kInstruction> >{.a = buffers.dout_rows + i * dim / 2,
                                                  .a_row_stride = dim / 2,
                                                  .a_step = 1,
                                                  .b = buffers.values_transposed + columns / 2,
                                                  .b_stride = kTile,
                                                  .num_steps = (task.head_dim + 1) / 2,
                                                  .accumulate = false,
                                                  .c = buffers.dprobabilities + i * kTile,
                                                  .c_stride = kTile},
            block, keys);
  }

  DifferentiateSoftmax(rows, diagonal, buffers);

  for (int64_t i = 0; i < rows; i += kProductRows) {
    const int64_t block = std::min(kProductRows, rows - i);
    Product(
        StepOperands<PairStep<kInstruction> >{.a = buffers.dscore_rows + i * kPairs,
                                              .a_row_stride = kPairs,
                                              .a_step = 1,
                                              .b = buffers.keys + columns / 2,
                                              .b_stride = dim,
                                              .num_steps = diagonal ? (i + block + 1) / 2 : kPairs,
                                              .accumulate = tile > 0,
                                              .c = buffers.dqueries + i * dim,
                                              .c_stride = dim},
        block, task.head_dim);
  }

  const int64_t num_keys = diagonal ? rows : kTile;
  const int64_t num_pairs = (rows + 1) / 2;
  for (int64_t j = 0; j < num_keys; j += kProductRows) {
    const int64_t block = std::min(kProductRows, num_keys - j);
    const int64_t begin = diagonal ? j / 2 : 0;  // the first pair of queries that sees a key
    StepOperands<PairStep<kInstruction> > product{
        .a = buffers.probability_pairs + begin * kTile + j,
        .a_row_stride = 1,
        .a_step = kTile,
        .b = buffers.dout_pairs + begin * dim,
        .b_stride = dim,
        .num_steps = num_pairs - begin,
        .accumulate = !first_dkeys,
        .c = buffers.dvalues + columns + j * dim,
        .c_stride = dim};
    Product(product, block, task.head_dim);
    product.a = buffers.dscore_pairs + begin * kTile + j;
    product.b = buffers.query_pairs + begin * dim;
    product.c = buffers.dkeys + columns + j * dim;
    Product(product, block, task.head_dim);
  }
}

template <bool kInstruction>
void BackwardSegmentWith(const AttentionBackwardCall& call, const TrainingSegment& segment,
                         int64_t kv_head, float* scratch) {
  const BackwardTask task(call, segment, kv_head, PaddedBackwardDim(call.shape));
  const Buffers buffers(scratch, task.num_tiles * kTile, task.padded_dim);
  LoadKeysValues(task, buffers, buffers.queries);
  BackwardTiles(
      task, buffers,
      [&](int64_t head, int64_t begin, int64_t rows)
          HWY_ATTR { LoadQueries(task, head, begin, rows, buffers); },
      [&](int64_t rows, int64_t tile, bool diagonal, bool first_dkeys) HWY_ATTR {
        BackwardTile<kInstruction>(task, rows, tile, diagonal, first_dkeys, buffers);
      });
}

void BackwardSegmentBF16(const AttentionBackwardCall& call, const TrainingSegment& segment,
                         int64_t kv_head, float* scratch) {
  if (HasBF16Gemm()) {
    BackwardSegmentWith<true>(call, segment, kv_head, scratch);
  } else {
    BackwardSegmentWith<false>(call, segment, kv_head, scratch);
  }
}

#endif  // TRIT_SCALAR_TARGET
}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {

HWY_EXPORT(BackwardSegmentBF16);

int64_t AttentionBackwardScratchBF16(const AttentionShape& shape, int64_t num_rows) {
  const int64_t padded_rows = (num_rows + kAttentionPage - 1) / kAttentionPage * kAttentionPage;
  const int64_t dim = PaddedBackwardDim(shape);
  const int64_t of_segment = 4 * padded_rows * dim;
  const int64_t of_tile =
      (7 * kAttentionPage / 2 + 3) * dim + 7 * kAttentionPage * kAttentionPage / 2;
  // What targets without vectors fall back to has its own.
  return std::max(of_segment + of_tile + 2 * kAttentionPage,
                  AttentionBackwardScratch(shape, num_rows));
}

void AttentionBackwardSegmentBF16(const AttentionBackwardCall& call, const TrainingSegment& segment,
                                  int64_t kv_head, float* scratch) {
  HWY_DYNAMIC_DISPATCH(BackwardSegmentBF16)(call, segment, kv_head, scratch);
}

}  // namespace trit
#endif  // HWY_ONCE
