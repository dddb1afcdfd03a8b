// Products of int8 codes, row after row, with int8 activations: both widened to int16, whose
// pairwise products are exact in int32 on every target. A tile of rows x tokens shares the
// widening.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/int8_matmul.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

void DotInt8Tokens(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

using Int16Tag = hn::ScalableTag<int16_t>;
using Int32Tag = hn::Repartition<int32_t, Int16Tag>;
using Int8Tag = hn::Rebind<int8_t, Int16Tag>;
using Int16s = hn::Vec<Int16Tag>;
using Int32s = hn::Vec<Int32Tag>;

constexpr int64_t kStep = hn::MaxLanes(Int16Tag());  // columns at a time
static_assert(kInt8ColumnMultiple % kStep == 0);
constexpr int64_t kBlockRows = 64;
constexpr int64_t kTileTokens = 16;
constexpr int kRows = HWY_TARGET <= HWY_AVX3 ? 4 : 2;  // register tile
constexpr int kTokens = 4;

// weights: (kNumRows, cols); q: (kNumTokens, q_stride); sums: (kNumTokens, kBlockRows). Reads whole
// steps: past a row's end lie the next row's codes (or the buffer's margin) and zero activations.
template <int kNumRows, int kNumTokens>
void SumTile(const int8_t* weights, int64_t cols, const int8_t* q, int64_t q_stride,
             int64_t num_cols, int32_t* sums) {
  const Int8Tag di8;
  const Int16Tag di16;
  const Int32Tag di32;
  Int32s acc0[kNumRows][kNumTokens], acc1[kNumRows][kNumTokens];
  for (int r = 0; r < kNumRows; ++r) {
    for (int t = 0; t < kNumTokens; ++t) acc0[r][t] = acc1[r][t] = hn::Zero(di32);
  }
  for (int64_t k = 0; k < num_cols; k += kStep) {
    Int16s w[kNumRows];
    for (int r = 0; r < kNumRows; ++r) {
      w[r] = hn::PromoteTo(di16, hn::LoadU(di8, weights + r * cols + k));
    }
    for (int t = 0; t < kNumTokens; ++t) {
      const Int16s x = hn::PromoteTo(di16, hn::LoadU(di8, q + t * q_stride + k));
      for (int r = 0; r < kNumRows; ++r) {
        acc0[r][t] = hn::ReorderWidenMulAccumulate(di32, w[r], x, acc0[r][t], acc1[r][t]);
      }
    }
  }
  for (int r = 0; r < kNumRows; ++r) {
    for (int t = 0; t < kNumTokens; ++t) {
      const Int32s total = hn::Add(acc0[r][t], acc1[r][t]);
      sums[t * kBlockRows + r] = hn::GetLane(hn::SumOfLanes(di32, total));
    }
  }
}

template <int kNumTokens>
void SumRows(const int8_t* weights, int64_t num_rows, int64_t cols, const int8_t* q,
             int64_t q_stride, int64_t num_cols, int32_t* sums) {
  int64_t r = 0;
  for (; r + kRows <= num_rows; r += kRows) {
    SumTile<kRows, kNumTokens>(weights + r * cols, cols, q, q_stride, num_cols, sums + r);
  }
  for (; r < num_rows; ++r) {
    SumTile<1, kNumTokens>(weights + r * cols, cols, q, q_stride, num_cols, sums + r);
  }
}

struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    const int64_t cols = call.weights->cols;
    const auto* weights = reinterpret_cast<const int8_t*>(call.weights->data.data()) +
                          request.row * cols + request.col_begin;
    const int64_t stride = call.codes->stride;
    const int8_t* q = call.codes->codes.data() + request.token * stride + request.col_begin;
    const int64_t num_cols = request.col_end - request.col_begin;
    int64_t t = 0;
    for (; t + kTokens <= request.num_tokens; t += kTokens) {
      SumRows<kTokens>(weights, request.num_rows, cols, q + t * stride, stride, num_cols,
                       request.sums + t * kBlockRows);
    }
    for (; t < request.num_tokens; ++t) {
      SumRows<1>(weights, request.num_rows, cols, q + t * stride, stride, num_cols,
                 request.sums + t * kBlockRows);
    }
  }
};

}  // namespace

void DotInt8Tokens(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kBlockRows, kTileTokens, 0>(call, range, FormSums{call});
}

#endif  // TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(DotInt8Tokens);
void DotInt8(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(DotInt8Tokens)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
