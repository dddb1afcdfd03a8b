#include "training/report/thinned.h"

namespace trit {

void Thin(size_t max_points, std::vector<double>& x, std::vector<double>& y) {
  const size_t size = x.size();
  if (size <= max_points) return;
  for (size_t point = 0; point < max_points; ++point) {
    const size_t begin = point * size / max_points;
    const size_t end = (point + 1) * size / max_points;
    double x_sum = 0;
    double y_sum = 0;
    for (size_t i = begin; i < end; ++i) {
      x_sum += x[i];
      y_sum += y[i];
    }
    x[point] = x_sum / static_cast<double>(end - begin);
    y[point] = y_sum / static_cast<double>(end - begin);
  }
  x.resize(max_points);
  y.resize(max_points);
}

}  // namespace trit
