// The epilogue of integer products that were summed elsewhere (training's, by oneDNN on codes
// raised by 128): the arithmetic of matmul_kernel.h, so that training and inference round alike. On
// the calling thread.
#ifndef TRIT_TERNARY_KERNELS_SCALE_SUMS_H_
#define TRIT_TERNARY_KERNELS_SCALE_SUMS_H_

#include <cstdint>

#include "ternary_kernels/packed_matrix.h"

namespace trit {

struct SumsToScale {
  const int32_t* sums;  // (num_tokens, rows): sum_k W[r][k] * (q[k] + 128)
  int64_t num_tokens, rows;
  const int32_t* code_sums;        // (rows): sum_k W[r][k]
  const float* activation_scales;  // (num_tokens): a
};

// out = float(sum) * (s/a) + residual; tensor and row scales. out, residual: (num_tokens, rows);
// residual may be null and may be out.
void ScaleSums(const SumsToScale& sums, const WeightScales& scales, const float* residual,
               float* out);

// Group scales: one call a group in ascending order, then the end.
// out = (first ? 0 : out) + float(sum) * group_scales[row]
void AddGroupSums(const SumsToScale& sums, const float* group_scales, bool first, float* out);
// out = out * (1/a) + residual
void FinishGroupSums(const SumsToScale& sums, const float* residual, float* out);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_SCALE_SUMS_H_
