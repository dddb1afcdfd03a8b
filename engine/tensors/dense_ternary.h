// Ternary weights that a file holds as plain numbers: every value is -s, 0 or s.
#ifndef TRIT_ENGINE_TENSORS_DENSE_TERNARY_H_
#define TRIT_ENGINE_TENSORS_DENSE_TERNARY_H_

#include <cstdint>
#include <optional>

#include "engine/tensors/tensor_type.h"
#include "ternary_kernels/packed_matrix.h"

namespace trit {

// The scales, in the simplest kind that holds them exactly (ScaleGrid::Simplify), if these are
// ternary weights: where a matrix was trained in slices (TriLM), the columns of a row may have
// several. Nothing if a group of 16 or more columns has two different magnitudes. The scale of
// groups of zeros is 0 unless a neighbour's holds for them. view: f32, f16 or bf16, finite.
std::optional<WeightScales> FindTernaryScales(const TensorView& view);

// The signs of a row's values: the trits of such weights. trits: (cols). For several threads at
// once; does not throw.
void DecodeSigns(const TensorView& view, int64_t row, int8_t* trits);

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_DENSE_TERNARY_H_
