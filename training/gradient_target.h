// Where an operation puts a gradient, of a value or of a weight.
#ifndef TRIT_TRAINING_GRADIENT_TARGET_H_
#define TRIT_TRAINING_GRADIENT_TARGET_H_

namespace trit {

// The first to come overwrites, later ones add.
struct GradientTarget {
  float* data;  // (rows, cols) of what it is the gradient of
  bool accumulate;
};

}  // namespace trit

#endif  // TRIT_TRAINING_GRADIENT_TARGET_H_
