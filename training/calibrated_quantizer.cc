#include "training/calibrated_quantizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ternary_kernels/code_statistics.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/ternarize.h"

namespace trit {
namespace {

constexpr double kQuantile = 0.999;
constexpr int64_t kShrinks = 40;
constexpr float kShrinkStep = 1.0f / 50;
constexpr int64_t kErrorBlock = 4096;  // weights whose squared errors are summed apart

float LargestMagnitude(const float* w, int64_t n) {
  float largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(w[i]));
  return largest;
}

// Between the two nearest values of the sorted magnitudes.
float QuantileMagnitude(const float* w, int64_t n) {
  std::vector<float> magnitudes(static_cast<size_t>(n));
  std::transform(w, w + n, magnitudes.begin(), [](float x) { return std::fabs(x); });
  const double place = kQuantile * static_cast<double>(n - 1);
  const auto below = magnitudes.begin() + static_cast<int64_t>(place);
  std::nth_element(magnitudes.begin(), below, magnitudes.end());
  if (below + 1 == magnitudes.end()) return *below;
  const double above = *std::min_element(below + 1, magnitudes.end());
  return static_cast<float>(*below + (above - *below) * (place - std::floor(place)));
}

// Round half to even, for |x| < 2^22: beyond 2^23 a float has no fraction.
inline float RoundEven(float x) {
  constexpr float kBig = 1.5f * (1 << 23);
  return (x + kBig) - kBig;
}

float Shrunk(float range, int64_t i) {
  return range * (1.0f - kShrinkStep * static_cast<float>(i));
}

}  // namespace

CalibratedQuantizer::CalibratedQuantizer(const WeightShape& shape, const WeightWidth& width,
                                         ScaleRule rule)
    : WeightQuantizer(shape),
      name_(width.name),
      low_(static_cast<float>(width.symmetric_low)),
      high_(static_cast<float>(width.high)),
      rule_(rule) {}

float CalibratedQuantizer::ScaleFor(float range) const {
  return std::max(range, kMinWeightScale) / (0.5f * (high_ - low_));
}

double CalibratedQuantizer::SquaredError(const float* w, int64_t n, float scale) const {
  const float inverse = 1.0f / scale;
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kErrorBlock) {
    float sum = 0;
    for (int64_t i = begin; i < std::min(n, begin + kErrorBlock); ++i) {
      const float error = RoundEven(std::clamp(w[i] * inverse, low_, high_)) * scale - w[i];
      sum += error * error;
    }
    total += sum;
  }
  return total;
}

float CalibratedQuantizer::ScaleOf(const float* w, int64_t n) const {
  if (rule_ == ScaleRule::kPercentile) return ScaleFor(QuantileMagnitude(w, n));
  const float range = LargestMagnitude(w, n);
  float best = ScaleFor(range);
  if (rule_ == ScaleRule::kMinMax) return best;
  double least = SquaredError(w, n, best);
  for (int64_t i = 1; i < kShrinks; ++i) {
    const float scale = ScaleFor(Shrunk(range, i));
    const double error = SquaredError(w, n, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

float CalibratedQuantizer::TensorScale(const float* w) const {
  const int64_t n = rows() * cols();
  if (rule_ == ScaleRule::kPercentile) return ScaleOf(w, n);
  const float range = MaxAbs(w, n);
  if (rule_ == ScaleRule::kMinMax) return ScaleFor(range);
  std::array<double, kShrinks> errors;
  ParallelFor(kShrinks, [&](int64_t i) {
    errors[static_cast<size_t>(i)] = SquaredError(w, n, ScaleFor(Shrunk(range, i)));
  });
  return ScaleFor(Shrunk(range, std::min_element(errors.begin(), errors.end()) - errors.begin()));
}

void CalibratedQuantizer::Quantize(const float* w, const float*, int8_t* codes,
                                   WeightScales& scales) const {
  const int64_t span_size = SpanSize();
  const int64_t spans = SpansPerRow();
  if (scale_kind() == ScaleKind::kTensor) scales.values[0] = TensorScale(w);
  ParallelFor(rows(), [&](int64_t r) {
    for (int64_t s = 0; s < spans; ++s) {
      const int64_t begin = r * cols() + s * span_size;
      float& scale = scales.values[ScaleIndex(r, s)];
      if (scale_kind() != ScaleKind::kTensor) scale = ScaleOf(w + begin, span_size);
      const float inverse = 1.0f / scale;
      for (int64_t i = begin; i < begin + span_size; ++i) {
        codes[i] = static_cast<int8_t>(RoundEven(std::clamp(w[i] * inverse, low_, high_)));
      }
    }
  });
}

void CalibratedQuantizer::Backward(const float* w, const float*, const WeightScales& scales,
                                   float* gradient, float*) const {
  if (rule_ == ScaleRule::kMinMax) return;
  const int64_t span_size = SpanSize();
  ParallelFor(rows(), [&](int64_t r) {
    for (int64_t s = 0; s < SpansPerRow(); ++s) {
      const int64_t begin = r * cols() + s * span_size;
      const float inverse = 1.0f / scales.values[ScaleIndex(r, s)];
      for (int64_t i = begin; i < begin + span_size; ++i) {
        const float place = w[i] * inverse;
        if (place < low_ - 0.5f || place > high_ + 0.5f) gradient[i] = 0;
      }
    }
  });
}

}  // namespace trit
