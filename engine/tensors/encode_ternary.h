// Writes trits and scales as a ternary tensor type: the other way round from ternary_tensor.h.
#ifndef TRIT_ENGINE_TENSORS_ENCODE_TERNARY_H_
#define TRIT_ENGINE_TENSORS_ENCODE_TERNARY_H_

#include <cstdint>

#include "engine/tensors/tensor_type.h"
#include "engine/tensors/ternary_codec.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/packed_matrix.h"

namespace trit {

// Whether `type` can hold rows of `cols` trits with scales of this kind (the rounding of a scale to
// f16, which some types do, apart).
bool HoldsTernary(TensorType type, int64_t cols, const WeightScales& scales);

// The bytes of a tensor with these trits, (rows, cols) in {-1, 0, 1}. Throws UsageError, saying
// which types fit, if `type` cannot hold them; Error if a scale is negative, not finite, out of the
// range of the type, or 0 where a trit is not.
AlignedBuffer<uint8_t> EncodeTernary(TensorType type, int64_t rows, int64_t cols,
                                     const int8_t* trits, const WeightScales& scales,
                                     const TensorOrigin& origin,
                                     I2sLayout layout = I2sLayout::kAuto);

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_ENCODE_TERNARY_H_
