// How often magnitudes occur, in bins of equal relative width: one pass over any number of values
// gives a quantile, or the range that a static quantizer should have.
#ifndef TRIT_TRAINING_QUANTIZERS_MAGNITUDE_HISTOGRAM_H_
#define TRIT_TRAINING_QUANTIZERS_MAGNITUDE_HISTOGRAM_H_

#include <cstdint>
#include <vector>

namespace trit {

// A bin is 2^-10 of its values wide, from 2^-24 to 2^16; what is smaller or larger counts in the
// first or the last one. Counts do not depend on the order of the values.
class MagnitudeHistogram {
 public:
  MagnitudeHistogram();

  void Add(const float* x, int64_t n);
  int64_t num_values() const { return num_values_; }
  float largest() const { return largest_; }
  bool finite() const { return finite_; }  // all of them; results are for such values

  // The magnitude that a share q of the values does not exceed: never below it, and above it by a
  // bin's width at most. 0 without values.
  float Quantile(double q) const;
  // The range R = largest (1 - i/100), i in 0..98, with the least sum of (x_hat - x)^2 where x_hat
  // are the 255 values from -R to R of a symmetric int8 quantizer that clips beyond; the largest of
  // equals. Values count as the middle of their bin, which is at most a sixteenth of the
  // quantizer's step from them. (Wu et al. 2020, "Integer Quantization for Deep Learning
  // Inference".)
  float LeastSquaresRange() const;

 private:
  double SquaredError(float range) const;

  std::vector<int64_t> counts_;
  int64_t num_values_ = 0;
  float largest_ = 0;
  bool finite_ = true;
};

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_MAGNITUDE_HISTOGRAM_H_
