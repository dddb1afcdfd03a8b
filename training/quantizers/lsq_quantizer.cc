#include "training/quantizers/lsq_quantizer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr float kTernaryClip = 0.99f * 1.5f;

}  // namespace

LsqQuantizer::LsqQuantizer(const WeightShape& shape, const WeightWidth& width)
    : WeightQuantizer(shape, width),
      low_(static_cast<float>(width.low)),
      high_(static_cast<float>(width.high)),
      clip_low_(width.low == -1 ? -kTernaryClip : low_),
      clip_high_(width.low == -1 ? kTernaryClip : high_) {}

void LsqQuantizer::InitializeLearned(const float* w, float* learned) const {
  struct Sums {
    double magnitude = 0, plain = 0, squared = 0;
  };
  const int64_t span_size = SpanSize();
  std::vector<Sums> sums(static_cast<size_t>(NumScales()));
  for (int64_t r = 0; r < rows(); ++r) {
    for (int64_t s = 0; s < SpansPerRow(); ++s) {
      Sums& sum = sums[ScaleIndex(r, s)];
      const float* part = w + r * cols() + s * span_size;
      for (int64_t i = 0; i < span_size; ++i) {
        sum.magnitude += std::fabs(part[i]);
        sum.plain += part[i];
        sum.squared += static_cast<double>(part[i]) * part[i];
      }
    }
  }
  const auto count = static_cast<double>(WeightsPerScale());
  for (int64_t i = 0; i < NumScales(); ++i) {
    const Sums& sum = sums[static_cast<size_t>(i)];
    double step = 2.0 * sum.magnitude / count / std::sqrt(high_);
    if (!symmetric()) {
      const double mean = sum.plain / count;
      const double deviation = std::sqrt(std::max(0.0, sum.squared / count - mean * mean));
      step = (std::fabs(mean) + 3 * deviation) / -low_;
      learned[NumScales() + i] = 0;
    }
    learned[i] = std::max(kMinStep, static_cast<float>(step));
  }
}

void LsqQuantizer::Quantize(const float* w, const float* learned, int8_t* codes,
                            WeightScales& scales) const {
  for (int64_t i = 0; i < NumScales(); ++i) {
    scales.values[static_cast<size_t>(i)] = std::max(learned[i], kMinStep);
    if (!symmetric()) scales.offsets[static_cast<size_t>(i)] = learned[NumScales() + i];
  }
  const int64_t span_size = SpanSize();
  ParallelFor(rows(), [&](int64_t r) {
    for (int64_t s = 0; s < SpansPerRow(); ++s) {
      const float step = scales.values[ScaleIndex(r, s)];
      const float offset = symmetric() ? 0.0f : scales.offsets[ScaleIndex(r, s)];
      const int64_t begin = r * cols() + s * span_size;
      for (int64_t i = begin; i < begin + span_size; ++i) {
        codes[i] =
            static_cast<int8_t>(std::clamp(std::nearbyint((w[i] - offset) / step), low_, high_));
      }
    }
  });
}

void LsqQuantizer::Backward(const float* w, const WeightScales& scales, float* gradient,
                            float* learned_gradient) const {
  struct Sums {
    double step = 0, offset = 0;
  };
  const int64_t span_size = SpanSize();
  const int64_t spans = SpansPerRow();
  // A row's part of each of its scales' gradients; rows are added in order afterwards.
  std::vector<Sums> parts(static_cast<size_t>(rows() * spans));
  ParallelFor(rows(), [&](int64_t r) {
    for (int64_t s = 0; s < spans; ++s) {
      const float step = scales.values[ScaleIndex(r, s)];
      const float offset = symmetric() ? 0.0f : scales.offsets[ScaleIndex(r, s)];
      const int64_t begin = r * cols() + s * span_size;
      Sums sums;
      for (int64_t i = begin; i < begin + span_size; ++i) {
        const float ratio = (w[i] - offset) / step;
        const float code = std::clamp(std::nearbyint(ratio), low_, high_);
        if (ratio >= clip_low_ && ratio <= clip_high_) {
          sums.step += static_cast<double>(gradient[i]) * (code - ratio);
        } else {
          sums.step += static_cast<double>(gradient[i]) * code;
          sums.offset += gradient[i];
          gradient[i] = 0;
        }
      }
      parts[static_cast<size_t>(r * spans + s)] = sums;
    }
  });
  std::vector<Sums> totals(static_cast<size_t>(NumScales()));
  for (int64_t r = 0; r < rows(); ++r) {
    for (int64_t s = 0; s < spans; ++s) {
      Sums& total = totals[ScaleIndex(r, s)];
      total.step += parts[static_cast<size_t>(r * spans + s)].step;
      total.offset += parts[static_cast<size_t>(r * spans + s)].offset;
    }
  }
  const double factor = 1.0 / std::sqrt(static_cast<double>(WeightsPerScale()) * high_);
  for (int64_t i = 0; i < NumScales(); ++i) {
    const Sums& total = totals[static_cast<size_t>(i)];
    learned_gradient[i] += static_cast<float>(factor * total.step);
    if (!symmetric()) {
      learned_gradient[NumScales() + i] += static_cast<float>(factor * total.offset);
    }
  }
}

}  // namespace trit
