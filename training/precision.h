// What the floating-point products of training are computed in. Latent weights, gradients and
// moments are f32 in any case.
#ifndef TRIT_TRAINING_PRECISION_H_
#define TRIT_TRAINING_PRECISION_H_

#include <cstdint>

namespace trit {

enum class Precision : uint8_t { kF32, kBF16 };

}  // namespace trit

#endif  // TRIT_TRAINING_PRECISION_H_
