#include "training/lsq_quantizer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr float kTernaryClip = 0.99f * 1.5f;

}  // namespace

LsqQuantizer::LsqQuantizer(const WeightShape& shape, const WeightWidth& width)
    : WeightQuantizer(shape),
      name_(width.name),
      low_(static_cast<float>(width.low)),
      high_(static_cast<float>(width.high)),
      clip_low_(width.low == -1 ? -kTernaryClip : low_),
      clip_high_(width.low == -1 ? kTernaryClip : high_) {}

void LsqQuantizer::InitializeLearned(const float* w, float* learned) const {
  const int64_t span_size = SpanSize();
  std::vector<double> sums(static_cast<size_t>(NumScales()), 0.0);
  for (int64_t r = 0; r < rows(); ++r) {
    for (int64_t s = 0; s < SpansPerRow(); ++s) {
      const float* part = w + r * cols() + s * span_size;
      double sum = 0;
      for (int64_t i = 0; i < span_size; ++i) sum += std::fabs(part[i]);
      sums[ScaleIndex(r, s)] += sum;
    }
  }
  for (int64_t i = 0; i < NumScales(); ++i) {
    const double mean = sums[static_cast<size_t>(i)] / static_cast<double>(WeightsPerScale());
    learned[i] = std::max(kMinStep, static_cast<float>(2.0 * mean / std::sqrt(high_)));
  }
}

void LsqQuantizer::Quantize(const float* w, const float* learned, int8_t* codes,
                            WeightScales& scales) const {
  for (int64_t i = 0; i < NumScales(); ++i) {
    scales.values[static_cast<size_t>(i)] = std::max(learned[i], kMinStep);
  }
  const int64_t span_size = SpanSize();
  ParallelFor(rows(), [&](int64_t r) {
    for (int64_t s = 0; s < SpansPerRow(); ++s) {
      const float step = scales.values[ScaleIndex(r, s)];
      const int64_t begin = r * cols() + s * span_size;
      for (int64_t i = begin; i < begin + span_size; ++i) {
        codes[i] = static_cast<int8_t>(std::clamp(std::nearbyint(w[i] / step), low_, high_));
      }
    }
  });
}

void LsqQuantizer::Backward(const float* w, const float*, const WeightScales& scales,
                            float* gradient, float* learned_gradient) const {
  const int64_t span_size = SpanSize();
  const int64_t spans = SpansPerRow();
  // A row's part of each of its steps' gradients; rows are added in order afterwards.
  std::vector<double> parts(static_cast<size_t>(rows() * spans));
  ParallelFor(rows(), [&](int64_t r) {
    for (int64_t s = 0; s < spans; ++s) {
      const float step = scales.values[ScaleIndex(r, s)];
      const int64_t begin = r * cols() + s * span_size;
      double sum = 0;
      for (int64_t i = begin; i < begin + span_size; ++i) {
        const float ratio = w[i] / step;
        const bool inside = ratio >= clip_low_ && ratio <= clip_high_;
        const float code = std::clamp(std::nearbyint(ratio), low_, high_);
        sum += static_cast<double>(gradient[i]) * (inside ? code - ratio : code);
        if (!inside) gradient[i] = 0;
      }
      parts[static_cast<size_t>(r * spans + s)] = sum;
    }
  });
  std::vector<double> totals(static_cast<size_t>(NumScales()), 0.0);
  for (int64_t r = 0; r < rows(); ++r) {
    for (int64_t s = 0; s < spans; ++s) {
      totals[ScaleIndex(r, s)] += parts[static_cast<size_t>(r * spans + s)];
    }
  }
  const double factor = 1.0 / std::sqrt(static_cast<double>(WeightsPerScale()) * high_);
  for (int64_t i = 0; i < NumScales(); ++i) {
    learned_gradient[i] += static_cast<float>(factor * totals[static_cast<size_t>(i)]);
  }
}

}  // namespace trit
