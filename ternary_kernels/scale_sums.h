// The epilogue of integer products: the arithmetic of matmul_kernel.h on sums that were formed
// elsewhere (training's, by oneDNN on codes raised by 128), so that training and inference round
// alike. On the calling thread.
#ifndef TRIT_TERNARY_KERNELS_SCALE_SUMS_H_
#define TRIT_TERNARY_KERNELS_SCALE_SUMS_H_

#include <cstdint>

#include "ternary_kernels/packed_matrix.h"

namespace trit {

// What makes outputs of one token's sums, if scales are a tensor's or a row's.
struct SumScaling {
  int32_t correction;    // to be taken from every sum
  const float* scales;   // of the rows, or the one of all of them
  const float* offsets;  // the same; or null
  bool per_row;
  float activation_scale;  // a
  int32_t activation_sum;  // of the token's codes; read where there are offsets
};

struct SumsToScale {
  const int32_t* sums;  // (num_tokens, rows): sum_k W[r][k] * (q[k] + 128)
  int64_t num_tokens, rows;
  const int32_t* code_sums;        // (rows): sum_k W[r][k]
  const float* activation_scales;  // (num_tokens): a
  const int32_t* activation_sums;  // (num_tokens): sum_k q[k]; read only where there are offsets
};

// The sum of n codes.
int32_t SumCodes(const int8_t* codes, int64_t n);

// out = float(sum) * (s/a) [+ float(activation_sum) * (offset/a)] + residual; tensor and row
// scales. out, residual: (num_tokens, rows); residual may be null and may be out.
void ScaleSums(const SumsToScale& sums, const WeightScales& scales, const float* residual,
               float* out);

// Group scales: one call a group in ascending order, then the end.
// out = (first ? 0 : out) + float(sum) * group_scales[row]
//       [+ float(activation_sum) * group_offsets[row]]; group_offsets may be null
void AddGroupSums(const SumsToScale& sums, const float* group_scales, const float* group_offsets,
                  bool first, float* out);
// out = out * (1/a) + residual
void FinishGroupSums(const SumsToScale& sums, const float* residual, float* out);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_SCALE_SUMS_H_
