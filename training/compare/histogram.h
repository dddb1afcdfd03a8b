// How values are distributed, as shares of bins of equal width around zero.
#ifndef TRIT_TRAINING_COMPARE_HISTOGRAM_H_
#define TRIT_TRAINING_COMPARE_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace trit {

class Histogram {
 public:
  static constexpr size_t kBins = 65;  // odd: zero has a bin of its own

  // Over [-limit, limit]; the first and the last bin also have what lies beyond.
  explicit Histogram(double limit) : limit_(limit), counts_(kBins) {}

  void Add(std::span<const float> values);
  double limit() const { return limit_; }
  // Sum 1; all 0 without values.
  std::vector<double> Shares() const;

 private:
  double limit_;
  std::vector<int64_t> counts_;
};

// Four times the root mean square: what a histogram of such values shows; 1 if they are all zero.
double HistogramLimit(std::span<const float> values);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_HISTOGRAM_H_
