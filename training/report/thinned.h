// A long curve in few points.
#ifndef TRIT_TRAINING_REPORT_THINNED_H_
#define TRIT_TRAINING_REPORT_THINNED_H_

#include <cstddef>
#include <vector>

namespace trit {

// Replaces the points of a curve (x and y, equal lengths) by the means over max_points pieces of
// it, if there are more.
void Thin(size_t max_points, std::vector<double>& x, std::vector<double>& y);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_THINNED_H_
