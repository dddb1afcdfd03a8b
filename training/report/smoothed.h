// A noisy curve made readable.
#ifndef TRIT_TRAINING_REPORT_SMOOTHED_H_
#define TRIT_TRAINING_REPORT_SMOOTHED_H_

#include <vector>

namespace trit {

// The curve as it would be without noise: the mean over a fiftieth of it around each point, over
// less near its ends, so that a steep beginning is not drawn late. Values that are not finite do
// not count.
std::vector<double> Smoothed(const std::vector<double>& values);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_SMOOTHED_H_
