// How far values are from what they should be: |value - reference| / |reference|, in L2.
#ifndef TRIT_TRAINING_RELATIVE_ERROR_H_
#define TRIT_TRAINING_RELATIVE_ERROR_H_

#include <cmath>
#include <cstddef>
#include <span>

namespace trit {

// Summed up piece by piece.
struct RelativeError {
  double squared_difference = 0;
  double squared_norm = 0;

  void Add(std::span<const float> value, std::span<const float> reference) {
    for (size_t i = 0; i < reference.size(); ++i) {
      const double d = static_cast<double>(value[i]) - reference[i];
      squared_difference += d * d;
      squared_norm += static_cast<double>(reference[i]) * reference[i];
    }
  }
  void Add(const RelativeError& other) {
    squared_difference += other.squared_difference;
    squared_norm += other.squared_norm;
  }
  // 0 where all references are.
  double Value() const {
    return squared_norm > 0 ? std::sqrt(squared_difference / squared_norm) : 0.0;
  }
};

}  // namespace trit

#endif  // TRIT_TRAINING_RELATIVE_ERROR_H_
