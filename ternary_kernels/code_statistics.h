// What telemetry wants to know of codes and activations. Counts and maxima: exact, and the same for
// any number of threads.
#ifndef TRIT_TERNARY_KERNELS_CODE_STATISTICS_H_
#define TRIT_TERNARY_KERNELS_CODE_STATISTICS_H_

#include <cstdint>

namespace trit {

// Of codes: (n).
int64_t CountZeros(const int8_t* codes, int64_t n);
// Places where two arrays of codes, (n) each, differ.
int64_t CountDifferences(const int8_t* a, const int8_t* b, int64_t n);
// max |x[i]| of x: (n); 0 if n is 0. NaNs are passed over.
float MaxAbs(const float* x, int64_t n);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_CODE_STATISTICS_H_
