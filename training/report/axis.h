// A chart's axis: its range, the round numbers it is marked at, and where a value lies on it.
#ifndef TRIT_TRAINING_REPORT_AXIS_H_
#define TRIT_TRAINING_REPORT_AXIS_H_

#include <string>
#include <vector>

namespace trit {

class Axis {
 public:
  // The range of the values that can be shown: finite ones, above 0 if logarithmic. A range of no
  // width is widened; without a value it is 0 to 1 (1 to 10).
  Axis(const std::vector<double>& values, bool logarithmic);

  double low() const { return low_; }
  double high() const { return high_; }
  bool logarithmic() const { return logarithmic_; }
  // 0 at low, 1 at high.
  double Position(double value) const;
  bool CanShow(double value) const;
  // About `count` round numbers within the range, ascending.
  std::vector<double> Ticks(int count) const;

 private:
  bool logarithmic_;
  double low_, high_;
};

// "0.25", "1.5k", "20M", "3e-05".
std::string ShortNumber(double value);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_AXIS_H_
