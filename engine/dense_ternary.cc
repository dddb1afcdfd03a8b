#include "engine/dense_ternary.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>
#include <vector>

#include "ternary_kernels/parallel_for.h"

namespace trit {

std::optional<WeightScales> FindTernaryScales(int64_t rows, int64_t cols,
                                              const FloatRowSource& source) {
  AlignedBuffer<float> row_scales(static_cast<size_t>(rows));
  std::atomic<bool> ternary{true};
  ParallelForBlocks(rows, 64, [&](int64_t begin, int64_t end) {
    std::vector<float> values(static_cast<size_t>(cols));
    for (int64_t row = begin; row < end && ternary; ++row) {
      source(row, values.data());
      float scale = 0;
      for (const float value : values) {
        const float magnitude = std::fabs(value);
        if (magnitude == 0 || magnitude == scale) continue;
        if (scale != 0) {
          ternary = false;
          break;
        }
        scale = magnitude;
      }
      row_scales[static_cast<size_t>(row)] = scale;
    }
  });
  if (!ternary) return std::nullopt;

  const float largest = *std::max_element(row_scales.begin(), row_scales.end());
  const bool one_scale = std::all_of(row_scales.begin(), row_scales.end(), [largest](float scale) {
    return scale == 0 || scale == largest;
  });
  WeightScales scales;
  if (one_scale) {
    scales.kind = ScaleKind::kTensor;
    scales.values = AlignedBuffer<float>(1);
    scales.values[0] = largest;
  } else {
    scales.kind = ScaleKind::kRow;
    scales.values = std::move(row_scales);
  }
  return scales;
}

}  // namespace trit
