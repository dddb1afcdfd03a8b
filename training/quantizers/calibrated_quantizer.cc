#include "training/quantizers/calibrated_quantizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/ternarize.h"

namespace trit {
namespace {

constexpr int64_t kShrinks = 40;
constexpr float kShrinkStep = 1.0f / 50;
constexpr int64_t kErrorBlock = 4096;  // weights whose squared errors are summed apart

// The quantile of the values, which it reorders, between the two nearest of them.
float Quantile(std::vector<float>& values, double quantile) {
  const double place = quantile * static_cast<double>(values.size() - 1);
  const auto below = values.begin() + static_cast<int64_t>(place);
  std::nth_element(values.begin(), below, values.end());
  if (below + 1 == values.end()) return *below;
  const double above = *std::min_element(below + 1, values.end());
  return static_cast<float>(*below + (above - *below) * (place - std::floor(place)));
}

// Round half to even, for |x| < 2^22: beyond 2^23 a float has no fraction.
inline float RoundEven(float x) {
  constexpr float kBig = 1.5f * (1 << 23);
  return (x + kBig) - kBig;
}

}  // namespace

CalibratedQuantizer::CalibratedQuantizer(const WeightShape& shape, const WeightWidth& width,
                                         ScaleRule rule, double quantile)
    : WeightQuantizer(shape, width),
      low_(static_cast<float>(shape.symmetric ? width.symmetric_low : width.low)),
      high_(static_cast<float>(width.high)),
      rule_(rule),
      quantile_(quantile) {}

CalibratedQuantizer::Grid CalibratedQuantizer::GridFor(const Range& range) const {
  if (symmetric()) return {std::max(range.end, kMinWeightScale) / (0.5f * (high_ - low_)), 0.0f};
  const float scale = std::max(range.end - range.begin, kMinWeightScale) / (high_ - low_);
  return {scale, range.begin - low_ * scale};
}

CalibratedQuantizer::Grid CalibratedQuantizer::ShrunkGrid(const Range& range, int64_t i) const {
  const float factor = 1.0f - kShrinkStep * static_cast<float>(i);
  return GridFor({range.begin * factor, range.end * factor});
}

CalibratedQuantizer::Range CalibratedQuantizer::RangeOf(const float* w, int64_t n) const {
  const auto [least, largest] = std::minmax_element(w, w + n);
  if (!symmetric()) return {*least, *largest};
  const float magnitude = std::max(-*least, *largest);
  return {-magnitude, magnitude};
}

CalibratedQuantizer::Range CalibratedQuantizer::QuantileRange(const float* w, int64_t n) const {
  std::vector<float> values(w, w + n);
  if (!symmetric()) {
    const float begin = Quantile(values, (1 - quantile_) / 2);
    return {begin, Quantile(values, (1 + quantile_) / 2)};
  }
  for (float& value : values) value = std::fabs(value);
  const float magnitude = Quantile(values, quantile_);
  return {-magnitude, magnitude};
}

double CalibratedQuantizer::SquaredError(const float* w, int64_t n, const Grid& grid) const {
  const float inverse = 1.0f / grid.scale;
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kErrorBlock) {
    float sum = 0;
    for (int64_t i = begin; i < std::min(n, begin + kErrorBlock); ++i) {
      const float code = RoundEven(std::clamp((w[i] - grid.offset) * inverse, low_, high_));
      const float error = (code * grid.scale + grid.offset) - w[i];
      sum += error * error;
    }
    total += sum;
  }
  return total;
}

CalibratedQuantizer::Grid CalibratedQuantizer::GridOf(const float* w, int64_t n) const {
  if (rule_ == ScaleRule::kPercentile) return GridFor(QuantileRange(w, n));
  const Range range = RangeOf(w, n);
  Grid best = GridFor(range);
  if (rule_ == ScaleRule::kMinMax) return best;
  double least = SquaredError(w, n, best);
  for (int64_t i = 1; i < kShrinks; ++i) {
    const Grid grid = ShrunkGrid(range, i);
    const double error = SquaredError(w, n, grid);
    if (error < least) {
      least = error;
      best = grid;
    }
  }
  return best;
}

CalibratedQuantizer::Grid CalibratedQuantizer::TensorGrid(const float* w) const {
  const int64_t n = rows() * cols();
  if (rule_ == ScaleRule::kPercentile) return GridOf(w, n);
  std::vector<Range> ranges(static_cast<size_t>(rows()));
  ParallelFor(rows(),
              [&](int64_t r) { ranges[static_cast<size_t>(r)] = RangeOf(w + r * cols(), cols()); });
  Range range = ranges[0];
  for (const Range& row : ranges) {
    range = {std::min(range.begin, row.begin), std::max(range.end, row.end)};
  }
  if (rule_ == ScaleRule::kMinMax) return GridFor(range);
  std::array<double, kShrinks> errors;
  ParallelFor(kShrinks, [&](int64_t i) {
    errors[static_cast<size_t>(i)] = SquaredError(w, n, ShrunkGrid(range, i));
  });
  return ShrunkGrid(range, std::min_element(errors.begin(), errors.end()) - errors.begin());
}

void CalibratedQuantizer::Quantize(const float* w, const float*, int8_t* codes,
                                   WeightScales& scales) const {
  const int64_t span_size = SpanSize();
  const Grid tensor = scale_kind() == ScaleKind::kTensor ? TensorGrid(w) : Grid{};
  const auto keep = [&](size_t at, const Grid& grid) {
    scales.values[at] = grid.scale;
    if (!symmetric()) scales.offsets[at] = grid.offset;
  };
  if (scale_kind() == ScaleKind::kTensor) keep(0, tensor);
  ParallelFor(rows(), [&](int64_t r) {
    Grid grid = tensor;
    for (int64_t s = 0; s < SpansPerRow(); ++s) {
      const int64_t begin = r * cols() + s * span_size;
      if (scale_kind() != ScaleKind::kTensor) {
        grid = GridOf(w + begin, span_size);
        keep(ScaleIndex(r, s), grid);
      }
      const float inverse = 1.0f / grid.scale;
      for (int64_t i = begin; i < begin + span_size; ++i) {
        codes[i] =
            static_cast<int8_t>(RoundEven(std::clamp((w[i] - grid.offset) * inverse, low_, high_)));
      }
    }
  });
}

void CalibratedQuantizer::Backward(const float* w, const WeightScales& scales, float* gradient,
                                   float*) const {
  if (rule_ == ScaleRule::kMinMax) return;
  const int64_t span_size = SpanSize();
  ParallelFor(rows(), [&](int64_t r) {
    for (int64_t s = 0; s < SpansPerRow(); ++s) {
      const int64_t begin = r * cols() + s * span_size;
      const float inverse = 1.0f / scales.values[ScaleIndex(r, s)];
      const float offset = symmetric() ? 0.0f : scales.offsets[ScaleIndex(r, s)];
      for (int64_t i = begin; i < begin + span_size; ++i) {
        const float place = (w[i] - offset) * inverse;
        if (place < low_ - 0.5f || place > high_ + 0.5f) gradient[i] = 0;
      }
    }
  });
}

}  // namespace trit
