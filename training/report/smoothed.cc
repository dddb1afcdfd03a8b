#include "training/report/smoothed.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace trit {

std::vector<double> Smoothed(const std::vector<double>& values) {
  const size_t size = values.size();
  std::vector<double> sums(size + 1);    // of the finite values before each
  std::vector<double> counts(size + 1);  // likewise
  for (size_t i = 0; i < size; ++i) {
    const bool finite = std::isfinite(values[i]);
    sums[i + 1] = sums[i] + (finite ? values[i] : 0.0);
    counts[i + 1] = counts[i] + (finite ? 1.0 : 0.0);
  }
  std::vector<double> smooth;
  for (size_t i = 0; i < size; ++i) {
    const size_t reach = std::min({size / 100, i, size - 1 - i});
    const double count = counts[i + reach + 1] - counts[i - reach];
    smooth.push_back(count > 0 ? (sums[i + reach + 1] - sums[i - reach]) / count
                               : std::numeric_limits<double>::quiet_NaN());
  }
  return smooth;
}

}  // namespace trit
