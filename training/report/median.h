// The middle of some numbers.
#ifndef TRIT_TRAINING_REPORT_MEDIAN_H_
#define TRIT_TRAINING_REPORT_MEDIAN_H_

#include <vector>

namespace trit {

// The upper one of two in the middle; NaN of none.
double Median(std::vector<double> values);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_MEDIAN_H_
