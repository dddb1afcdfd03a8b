#include "training/report/median.h"

#include <algorithm>
#include <limits>

namespace trit {

double Median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace trit
