// Absmean ternarizer (BitNet b1.58, "Training Tips, Code, FAQ", figure 3), the one rule by which
// latent weights become trits, in training and when a master checkpoint is loaded:
//   s = max(mean|w|, 1e-5),  t = clamp(rne(w * (1/s)), -1, 1),  rne: round half to even.
// The mean is summed in double in a fixed order and rounded to float once; 1/s and the rest are
// float. Per tensor, per row or per group of consecutive columns.
#ifndef TRIT_TERNARY_KERNELS_TERNARIZE_H_
#define TRIT_TERNARY_KERNELS_TERNARIZE_H_

#include <cstdint>

#include "ternary_kernels/packed_matrix.h"

namespace trit {

inline constexpr float kMinWeightScale = 1e-5f;

// Scalar reference. w: (rows, cols); trits: (rows, cols) in {-1, 0, 1}; fills scales.values as
// scales.kind and scales.group_size (set by the caller) say.
void TernarizeReference(const float* w, int64_t rows, int64_t cols, int8_t* trits,
                        WeightScales& scales);
// The same bits, vectorized and parallel.
void Ternarize(const float* w, int64_t rows, int64_t cols, int8_t* trits, WeightScales& scales);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_TERNARIZE_H_
