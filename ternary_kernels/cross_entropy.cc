#include "ternary_kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/task_size.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/cross_entropy.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ternary_kernels/exp-inl.h"
#include "ternary_kernels/vector_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

HWY_INLINE float RowMax(const float* x, int64_t n) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto max = hn::Set(d, -std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) max = hn::Max(max, hn::LoadU(d, x + i));
  float result = hn::GetLane(hn::MaxOfLanes(d, max));
  for (; i < n; ++i) result = std::max(result, x[i]);
  return result;
}

// log(sum_c exp(x[c])), in double. Columns are summed in floats over blocks of 16 a lane, the
// blocks in doubles.
double LogSumExpRow(const float* x, int64_t n) {
  constexpr int64_t kBlock = 16 * kSumLanes;
  const hn::CappedTag<float, kSumLanes> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float row_max = RowMax(x, n);
  const auto max = hn::Set(d, row_max);
  const int64_t whole = n / kSumLanes * kSumLanes;
  double sums[kSumLanes] = {};
  HWY_ALIGN float block_sums[kSumLanes];
  for (int64_t block = 0; block < whole; block += kBlock) {
    const int64_t end = std::min(whole, block + kBlock);
    for (int64_t lane = 0; lane < kSumLanes; lane += lanes) {
      auto sum = hn::Zero(d);
      for (int64_t i = block + lane; i < end; i += kSumLanes) {
        sum = hn::Add(sum, Exp(d, hn::Sub(hn::LoadU(d, x + i), max)));
      }
      hn::StoreU(sum, d, block_sums + lane);
    }
    for (int64_t lane = 0; lane < kSumLanes; ++lane) sums[lane] += block_sums[lane];
  }
  const hn::CappedTag<float, 1> one;
  for (int64_t i = whole; i < n; ++i) {
    sums[i - whole] += hn::GetLane(Exp(one, hn::Set(one, x[i] - row_max)));
  }
  return row_max + std::log(AddSumLanes(sums));
}

void CrossEntropyBackwardRow(float* x, int32_t target, float log_sum_exp, float row_weight,
                             int64_t n) {
  const hn::CappedTag<float, 1> one;
  const float p = hn::GetLane(Exp(one, hn::Set(one, x[target] - log_sum_exp)));
  ForEachVector(n, [&](auto d, int64_t i) HWY_ATTR {
    const auto probability = Exp(d, hn::Sub(hn::LoadU(d, x + i), hn::Set(d, log_sum_exp)));
    hn::StoreU(hn::Mul(probability, hn::Set(d, row_weight)), d, x + i);
  });
  x[target] = (p - 1.0f) * row_weight;
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(LogSumExpRow);
HWY_EXPORT(CrossEntropyBackwardRow);

}  // namespace

void CrossEntropyForward(const float* logits, int64_t stride, const int32_t* targets, int64_t rows,
                         int64_t cols, float* losses, float* log_sum_exp) {
  TRIT_CHECK(rows >= 0 && cols >= 1 && stride >= cols);
  ParallelForBlocks(rows, RowsPerTask(cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = logits + r * stride;
      TRIT_CHECK(targets[r] >= 0 && targets[r] < cols);
      const double sum = HWY_DYNAMIC_DISPATCH(LogSumExpRow)(row, cols);
      losses[r] = static_cast<float>(sum - row[targets[r]]);
      if (log_sum_exp != nullptr) log_sum_exp[r] = static_cast<float>(sum);
    }
  });
}

void CrossEntropyBackward(float* logits, int64_t stride, const int32_t* targets,
                          const float* log_sum_exp, const float* row_weights, int64_t rows,
                          int64_t cols) {
  TRIT_CHECK(rows >= 0 && cols >= 1 && stride >= cols);
  ParallelForBlocks(rows, RowsPerTask(cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      TRIT_CHECK(targets[r] >= 0 && targets[r] < cols);
      HWY_DYNAMIC_DISPATCH(CrossEntropyBackwardRow)
      (logits + r * stride, targets[r], log_sum_exp[r], row_weights[r], cols);
    }
  });
}

}  // namespace trit
#endif  // HWY_ONCE
