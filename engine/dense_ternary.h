// Ternary weights that a file holds as plain numbers: every value is -s, 0 or s.
#ifndef TRIT_ENGINE_DENSE_TERNARY_H_
#define TRIT_ENGINE_DENSE_TERNARY_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "ternary_kernels/packed_matrix.h"

namespace trit {

// Writes the values of a row into values[0, cols). Called from several threads.
using FloatRowSource = std::function<void(int64_t row, float* values)>;

// The scales, one for the tensor or else one a row, if these are ternary weights; nothing if a row
// has two different magnitudes. Rows of zeros get the scale 0.
std::optional<WeightScales> FindTernaryScales(int64_t rows, int64_t cols,
                                              const FloatRowSource& source);

}  // namespace trit

#endif  // TRIT_ENGINE_DENSE_TERNARY_H_
