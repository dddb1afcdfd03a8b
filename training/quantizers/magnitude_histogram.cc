#include "training/quantizers/magnitude_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace trit {
namespace {

// A bin is the float's bits without the lowest of the mantissa.
constexpr uint32_t kMantissaBits = 10;
constexpr uint32_t kShift = 23 - kMantissaBits;
constexpr uint32_t kFirst = std::bit_cast<uint32_t>(0x1p-24f) >> kShift;
constexpr uint32_t kLast = (std::bit_cast<uint32_t>(0x1p16f) >> kShift) - 1;
constexpr int kRanges = 99;

// Where bin i begins, and the one before ends.
float Begin(size_t i) {
  return i == 0 ? 0.0f : std::bit_cast<float>((static_cast<uint32_t>(i) + kFirst) << kShift);
}

}  // namespace

MagnitudeHistogram::MagnitudeHistogram() : counts_(kLast - kFirst + 1) {}

void MagnitudeHistogram::Add(const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float magnitude = std::fabs(x[i]);
    largest_ = std::max(largest_, magnitude);
    finite_ &= std::isfinite(magnitude);
    const uint32_t bin = std::clamp(std::bit_cast<uint32_t>(magnitude) >> kShift, kFirst, kLast);
    ++counts_[bin - kFirst];
  }
  num_values_ += n;
}

float MagnitudeHistogram::Quantile(double q) const {
  const auto wanted = static_cast<int64_t>(std::ceil(q * static_cast<double>(num_values_)));
  int64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted && i + 1 < counts_.size()) return std::min(largest_, Begin(i + 1));
  }
  return largest_;
}

double MagnitudeHistogram::SquaredError(float range) const {
  const double step = static_cast<double>(range) / 127;
  double sum = 0;
  for (size_t i = 0; i < counts_.size() && Begin(i) <= largest_; ++i) {
    if (counts_[i] == 0) continue;
    const double middle = 0.5 * (static_cast<double>(Begin(i)) + Begin(i + 1));
    const double error = std::min(std::rint(middle / step), 127.0) * step - middle;
    sum += static_cast<double>(counts_[i]) * error * error;
  }
  return sum;
}

float MagnitudeHistogram::LeastSquaresRange() const {
  float best = largest_;
  double least = SquaredError(best);
  for (int i = 1; largest_ > 0 && i < kRanges; ++i) {
    const float range = largest_ * (1.0f - 0.01f * static_cast<float>(i));
    const double error = SquaredError(range);
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

}  // namespace trit
