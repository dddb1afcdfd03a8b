#include "training/compare/histogram.h"

#include <algorithm>
#include <cmath>

namespace trit {

void Histogram::Add(std::span<const float> values) {
  const double bins_per_unit = static_cast<double>(kBins) / (2 * limit_);
  constexpr double kLast = static_cast<double>(kBins - 1);
  for (const float value : values) {
    const double bin = std::floor((static_cast<double>(value) + limit_) * bins_per_unit);
    ++counts_[static_cast<size_t>(std::clamp(bin, 0.0, kLast))];
  }
}

std::vector<double> Histogram::Shares() const {
  double total = 0;
  for (const int64_t count : counts_) total += static_cast<double>(count);
  std::vector<double> shares;
  for (const int64_t count : counts_) {
    shares.push_back(total > 0 ? static_cast<double>(count) / total : 0.0);
  }
  return shares;
}

double HistogramLimit(std::span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  const double limit =
      4 * std::sqrt(squares / std::max<double>(1, static_cast<double>(values.size())));
  return limit > 0 ? limit : 1;
}

}  // namespace trit
