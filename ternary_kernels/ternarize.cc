// The order of the double sum, the same in the reference and on every target: a run of values (a
// row, or a group of a row) is cut into blocks of 4096; value i of a block is added to lane i % 8,
// in ascending order; lanes are added pairwise (4, 2, 1), blocks in ascending order, and for a
// tensor's mean its rows in ascending order.
#include "ternary_kernels/ternarize.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/ternarize.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"

#ifndef TRIT_TERNARY_KERNELS_TERNARIZE_SCALAR_
#define TRIT_TERNARY_KERNELS_TERNARIZE_SCALAR_

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {

constexpr int64_t kSumLanes = 8;
constexpr int64_t kSumBlock = 4096;
using SumLanes = std::array<double, kSumLanes>;

// Adds |w[i]| to lane i % 8 for i in [begin, end).
inline void AddMagnitudes(const float* w, int64_t begin, int64_t end, SumLanes& lanes) {
  for (int64_t i = begin; i < end; ++i) lanes[i % kSumLanes] += std::abs(double{w[i]});
}

inline double AddPairwise(SumLanes lanes) {
  for (int64_t half = kSumLanes / 2; half >= 1; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

// The clamp comes first: it commutes with the rounding, keeps the conversion in range and turns a
// NaN into -1.
inline int8_t Trit(float w, float inverse_scale) {
  float t = w * inverse_scale;
  t = t > -1.0f ? t : -1.0f;
  t = t < 1.0f ? t : 1.0f;
  return static_cast<int8_t>(std::nearbyint(t));
}

}  // namespace trit
#endif  // TRIT_TERNARY_KERNELS_TERNARIZE_SCALAR_

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// Sum of |w[0, n)|, n <= kSumBlock.
double SumBlock(const float* w, int64_t n) {
  const hn::CappedTag<double, kSumLanes> dd;
  const hn::Rebind<float, decltype(dd)> df;
  constexpr int64_t kWidth = hn::MaxLanes(dd);
  constexpr int64_t kVectors = kSumLanes / kWidth;
  hn::Vec<decltype(dd)> sums[kVectors];
  for (auto& sum : sums) sum = hn::Zero(dd);
  const int64_t whole = n / kSumLanes * kSumLanes;
  for (int64_t i = 0; i < whole; i += kSumLanes) {
    for (int64_t v = 0; v < kVectors; ++v) {
      const auto magnitude = hn::Abs(hn::LoadU(df, w + i + v * kWidth));
      sums[v] = hn::Add(sums[v], hn::PromoteTo(dd, magnitude));
    }
  }
  SumLanes lanes;
  for (int64_t v = 0; v < kVectors; ++v) hn::StoreU(sums[v], dd, lanes.data() + v * kWidth);
  AddMagnitudes(w, whole, n, lanes);
  return AddPairwise(lanes);
}

void RunTrits(const float* w, int64_t n, float inverse_scale, int8_t* trits) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<int32_t, decltype(df)> di32;
  const hn::Rebind<int8_t, decltype(df)> di8;
  const int64_t width = hn::Lanes(df);
  const auto inverse = hn::Set(df, inverse_scale);
  const auto low = hn::Set(df, -1.0f), high = hn::Set(df, 1.0f);
  int64_t i = 0;
  for (; i + width <= n; i += width) {
    const auto t = hn::Mul(hn::LoadU(df, w + i), inverse);
    const auto rounded = hn::NearestInt(hn::Min(hn::Max(t, low), high));
    hn::StoreU(hn::DemoteTo(di8, hn::BitCast(di32, rounded)), di8, trits + i);
  }
  for (; i < n; ++i) trits[i] = Trit(w[i], inverse_scale);
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(SumBlock);
HWY_EXPORT(RunTrits);

double SumBlockReference(const float* w, int64_t n) {
  SumLanes lanes = {};
  AddMagnitudes(w, 0, n, lanes);
  return AddPairwise(lanes);
}

void RunTritsReference(const float* w, int64_t n, float inverse_scale, int8_t* trits) {
  for (int64_t i = 0; i < n; ++i) trits[i] = Trit(w[i], inverse_scale);
}

float MeanScale(double sum, int64_t count) {
  return std::max(static_cast<float>(sum / static_cast<double>(count)), kMinWeightScale);
}

// What the reference and the fast version share: which values a scale covers, and the order above.
template <typename SumBlockFunction, typename RunTritsFunction>
void TernarizeWith(const SumBlockFunction& sum_block, const RunTritsFunction& run_trits,
                   const float* w, int64_t rows, int64_t cols, int8_t* trits,
                   WeightScales& scales) {
  TRIT_CHECK(rows >= 1 && cols >= 1);
  const auto sum_run = [&](const float* run, int64_t n) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i += kSumBlock)
      sum += sum_block(run + i, std::min(kSumBlock, n - i));
    return sum;
  };
  if (scales.kind == ScaleKind::kTensor) {
    std::vector<double> row_sums(rows);
    ParallelFor(rows, [&](int64_t row) { row_sums[row] = sum_run(w + row * cols, cols); });
    double sum = 0.0;
    for (const double row_sum : row_sums) sum += row_sum;
    const float scale = MeanScale(sum, rows * cols);
    scales.values = AlignedBuffer<float>(1);
    scales.values[0] = scale;
    ParallelFor(rows, [&](int64_t row) {
      run_trits(w + row * cols, cols, 1.0f / scale, trits + row * cols);
    });
    return;
  }
  const int64_t run_cols = scales.kind == ScaleKind::kRow ? cols : scales.group_size;
  TRIT_CHECK(run_cols >= 1 && cols % run_cols == 0);
  scales.values = AlignedBuffer<float>(cols / run_cols * rows);
  ParallelFor(rows, [&](int64_t row) {
    for (int64_t group = 0; group < cols / run_cols; ++group) {
      const int64_t first = row * cols + group * run_cols;
      const float scale = MeanScale(sum_run(w + first, run_cols), run_cols);
      scales.values[group * rows + row] = scale;
      run_trits(w + first, run_cols, 1.0f / scale, trits + first);
    }
  });
}

}  // namespace

void TernarizeReference(const float* w, int64_t rows, int64_t cols, int8_t* trits,
                        WeightScales& scales) {
  TernarizeWith(SumBlockReference, RunTritsReference, w, rows, cols, trits, scales);
}

void Ternarize(const float* w, int64_t rows, int64_t cols, int8_t* trits, WeightScales& scales) {
  TernarizeWith(HWY_DYNAMIC_DISPATCH(SumBlock), HWY_DYNAMIC_DISPATCH(RunTrits), w, rows, cols,
                trits, scales);
}

}  // namespace trit
#endif  // HWY_ONCE
