#include "ternary_kernels/rms_norm.h"

#include <algorithm>
#include <cmath>

#include "ternary_kernels/check.h"
#include "ternary_kernels/operand_conversion.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/task_size.h"
#include "ternary_kernels/thread_scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/rms_norm.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ternary_kernels/vector_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// Writes one row of y and returns its rstd. Squares of floats are exact in double, so every target
// gets the same bits.
float RmsNormRow(const float* x, const float* weight, float eps, int64_t cols, float* y) {
  const double sum = SumTerms(cols, [&](auto d, int64_t i) HWY_ATTR {
    const auto v = LoadDoubles(d, x + i);
    return hn::Mul(v, v);
  });
  const auto rstd = static_cast<float>(1.0 / std::sqrt(sum / static_cast<double>(cols) + eps));
  ForEachVector(cols, [&](auto d, int64_t i) HWY_ATTR {
    const auto normalized = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, rstd));
    hn::StoreU(hn::Mul(normalized, hn::LoadU(d, weight + i)), d, y + i);
  });
  return rstd;
}

// dx = rstd (dy w) - x rstd^3 mean(dy w x); weight_sums[c] += dy[c] (x[c] rstd). dx may be dy.
void RmsNormBackwardRow(const float* dy, const float* x, const float* weight, float rstd,
                        int64_t cols, bool accumulate_dx, float* dx, float* weight_sums) {
  ForEachVector(cols, [&](auto d, int64_t i) HWY_ATTR {
    const auto normalized = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, rstd));
    hn::StoreU(hn::MulAdd(hn::LoadU(d, dy + i), normalized, hn::LoadU(d, weight_sums + i)), d,
               weight_sums + i);
  });
  // Products of floats, sums of doubles.
  const double dot = SumTerms(cols, [&](auto d, int64_t i) HWY_ATTR {
    const hn::Rebind<float, decltype(d)> df;
    const auto gradient = hn::Mul(hn::LoadU(df, dy + i), hn::LoadU(df, weight + i));
    return hn::PromoteTo(d, hn::Mul(gradient, hn::LoadU(df, x + i)));
  });
  const double rstd_cubed = static_cast<double>(rstd) * rstd * rstd;
  const auto factor = static_cast<float>(rstd_cubed * dot / static_cast<double>(cols));
  ForEachVector(cols, [&](auto d, int64_t i) HWY_ATTR {
    const auto gradient = hn::Mul(hn::LoadU(d, dy + i), hn::LoadU(d, weight + i));
    auto v =
        hn::NegMulAdd(hn::LoadU(d, x + i), hn::Set(d, factor), hn::Mul(gradient, hn::Set(d, rstd)));
    if (accumulate_dx) v = hn::Add(hn::LoadU(d, dx + i), v);
    hn::StoreU(v, d, dx + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(RmsNormRow);
HWY_EXPORT(RmsNormBackwardRow);

struct WeightSums {};

constexpr int64_t kSumRows = 64;  // rows that are summed before they are added to dweight

}  // namespace

void RmsNormForward(const float* x, const float* weight, float eps, int64_t rows, int64_t cols,
                    float* y, float* rstd) {
  TRIT_CHECK(rows >= 0 && cols >= 1);
  ParallelForBlocks(rows, RowsPerTask(cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float row_rstd =
          HWY_DYNAMIC_DISPATCH(RmsNormRow)(x + r * cols, weight, eps, cols, y + r * cols);
      if (rstd != nullptr) rstd[r] = row_rstd;
    }
  });
}

void RmsNormBackward(const float* dy, const float* x, const float* weight, const float* rstd,
                     int64_t rows, int64_t cols, bool accumulate_dx, float* dx, float* dweight) {
  TRIT_CHECK(rows >= 0 && cols >= 1);
  TRIT_CHECK(dy != dx || !accumulate_dx);
  const int64_t num_blocks = (rows + kSumRows - 1) / kSumRows;
  float* sums = ThreadScratch<WeightSums, float>(num_blocks * cols);
  std::fill(sums, sums + num_blocks * cols, 0.0f);
  ParallelForBlocks(rows, kSumRows, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(RmsNormBackwardRow)
      (dy + r * cols, x + r * cols, weight, rstd[r], cols, accumulate_dx, dx + r * cols,
       sums + begin / kSumRows * cols);
    }
  });
  for (int64_t block = 0; block < num_blocks; ++block) AddTo(sums + block * cols, cols, dweight);
}

}  // namespace trit
#endif  // HWY_ONCE
