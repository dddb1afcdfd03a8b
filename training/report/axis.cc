#include "training/report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace trit {

Axis::Axis(const std::vector<double>& values, bool logarithmic) : logarithmic_(logarithmic) {
  bool any = false;
  for (const double value : values) {
    if (!CanShow(value)) continue;
    low_ = any ? std::min(low_, value) : value;
    high_ = any ? std::max(high_, value) : value;
    any = true;
  }
  if (!any) {
    low_ = logarithmic_ ? 1 : 0;
    high_ = logarithmic_ ? 10 : 1;
  } else if (low_ == high_) {
    if (logarithmic_) {
      high_ = std::max(low_ * 2, 1e-300);
    } else {
      const double margin = std::max(std::fabs(low_) / 10, 1e-300);
      low_ -= margin;
      high_ += margin;
    }
  }
}

bool Axis::CanShow(double value) const {
  return std::isfinite(value) && (!logarithmic_ || value > 0);
}

double Axis::Position(double value) const {
  if (logarithmic_) {
    return (std::log(value) - std::log(low_)) / (std::log(high_) - std::log(low_));
  }
  return (value / 2 - low_ / 2) / (high_ / 2 - low_ / 2);  // halves: the width may overflow
}

std::vector<double> Axis::Ticks(int count) const {
  std::vector<double> ticks;
  if (logarithmic_ && high_ / low_ >= 30) {
    const double decades = std::log10(high_ / low_);
    const int stride = std::max(1, static_cast<int>(std::ceil(decades / count)));
    for (int e = static_cast<int>(std::ceil(std::log10(low_))); std::pow(10.0, e) <= high_;
         e += stride) {
      ticks.push_back(std::pow(10.0, e));
    }
    return ticks;
  }
  const double rough = high_ / count - low_ / count;
  const double magnitude = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * magnitude;
  for (const double round : {5.0, 2.0, 1.0}) {
    if (round * magnitude >= rough) step = round * magnitude;
  }
  for (double i = std::ceil(low_ / step - 1e-9); i * step <= high_ + 1e-9 * step; ++i) {
    ticks.push_back(i * step + 0.0);  // no minus zero
  }
  return ticks;
}

std::string ShortNumber(double value) {
  const double size = std::fabs(value);
  // %g's six digits, of which round numbers need few.
  if (size >= 1e9) return fmt::format("{:.4g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.4g}k", value / 1e3);
  if (size > 0 && size < 1e-12) return "0";  // a tick at zero that sums did not quite reach
  return fmt::format("{:.4g}", value);
}

}  // namespace trit
