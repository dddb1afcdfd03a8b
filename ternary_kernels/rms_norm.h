// RMSNorm (Zhang & Sennrich 2019): y[c] = x[c] * rstd * weight[c], rstd = 1/sqrt(mean(x^2) + eps).
// A row's result depends on that row alone. C = cols.
#ifndef TRIT_TERNARY_KERNELS_RMS_NORM_H_
#define TRIT_TERNARY_KERNELS_RMS_NORM_H_

#include <cstdint>

namespace trit {

// x, y: (rows, C), may be the same; weight: (C); rstd: (rows), or null when backward is not needed.
void RmsNormForward(const float* x, const float* weight, float eps, int64_t rows, int64_t cols,
                    float* y, float* rstd);

// dx: (rows, C) and dweight: (C) are added to. dy may be the same buffer as dx only if dx is to be
// overwritten: then pass accumulate_dx = false.
void RmsNormBackward(const float* dy, const float* x, const float* weight, const float* rstd,
                     int64_t rows, int64_t cols, bool accumulate_dx, float* dx, float* dweight);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_RMS_NORM_H_
