#include "training/lsq_quantizer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ternary_kernels/parallel_for.h"

namespace trit {

LsqQuantizer::LsqQuantizer(int bits, int64_t rows, int64_t cols, ScaleKind scale_kind,
                           int64_t group_size)
    : WeightQuantizer(rows, cols, scale_kind, group_size),
      bits_(bits),
      low_(-static_cast<float>(1 << (bits - 1))),
      high_(static_cast<float>((1 << (bits - 1)) - 1)) {}

std::string LsqQuantizer::name() const { return "int" + std::to_string(bits_); }

int64_t LsqQuantizer::StepIndex(int64_t row, int64_t span) const {
  switch (scale_kind()) {
    case ScaleKind::kTensor:
      return 0;
    case ScaleKind::kRow:
      return row;
    case ScaleKind::kGroup:
      return span * rows() + row;
  }
  return 0;
}

void LsqQuantizer::InitializeLearned(const float* w, float* learned) const {
  const int64_t span_size = SpanSize();
  const int64_t spans = cols() / span_size;
  std::vector<double> sums(static_cast<size_t>(NumScales()), 0.0);
  for (int64_t r = 0; r < rows(); ++r) {
    for (int64_t s = 0; s < spans; ++s) {
      const float* part = w + r * cols() + s * span_size;
      double sum = 0;
      for (int64_t i = 0; i < span_size; ++i) sum += std::fabs(part[i]);
      sums[static_cast<size_t>(StepIndex(r, s))] += sum;
    }
  }
  const double count = static_cast<double>(rows() * cols()) / static_cast<double>(NumScales());
  for (int64_t i = 0; i < NumScales(); ++i) {
    const double mean = sums[static_cast<size_t>(i)] / count;
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
    for (int64_t s = 0; s < cols() / span_size; ++s) {
      const float step = scales.values[static_cast<size_t>(StepIndex(r, s))];
      const int64_t begin = r * cols() + s * span_size;
      for (int64_t i = begin; i < begin + span_size; ++i) {
        codes[i] = static_cast<int8_t>(std::clamp(std::nearbyint(w[i] / step), low_, high_));
      }
    }
  });
}

void LsqQuantizer::Backward(const float* w, const float* learned, float* gradient,
                            float* learned_gradient) const {
  const int64_t span_size = SpanSize();
  const int64_t spans = cols() / span_size;
  // A row's part of each of its steps' gradients; rows are added in order afterwards.
  std::vector<double> parts(static_cast<size_t>(rows() * spans));
  ParallelFor(rows(), [&](int64_t r) {
    for (int64_t s = 0; s < spans; ++s) {
      const float step = std::max(learned[StepIndex(r, s)], kMinStep);
      const int64_t begin = r * cols() + s * span_size;
      double sum = 0;
      for (int64_t i = begin; i < begin + span_size; ++i) {
        const float ratio = w[i] / step;
        const bool inside = ratio >= low_ && ratio <= high_;
        const float code = std::clamp(std::nearbyint(ratio), low_, high_);
        sum += static_cast<double>(gradient[i]) * (inside ? code - ratio : code);
        if (!inside) gradient[i] = 0;
      }
      parts[static_cast<size_t>(r * spans + s)] = sum;
    }
  });
  const double weights_per_step =
      static_cast<double>(rows() * cols()) / static_cast<double>(NumScales());
  const double factor = 1.0 / std::sqrt(weights_per_step * high_);
  std::vector<double> totals(static_cast<size_t>(NumScales()), 0.0);
  for (int64_t r = 0; r < rows(); ++r) {
    for (int64_t s = 0; s < spans; ++s) {
      totals[static_cast<size_t>(StepIndex(r, s))] += parts[static_cast<size_t>(r * spans + s)];
    }
  }
  for (int64_t i = 0; i < NumScales(); ++i) {
    learned_gradient[i] += static_cast<float>(factor * totals[static_cast<size_t>(i)]);
  }
}

}  // namespace trit
