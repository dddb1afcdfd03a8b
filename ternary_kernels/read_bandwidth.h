// How fast memory can be read: the limit of token generation, which reads every weight for each
// token.
#ifndef TRIT_TERNARY_KERNELS_READ_BANDWIDTH_H_
#define TRIT_TERNARY_KERNELS_READ_BANDWIDTH_H_

#include <cstdint>

namespace trit {

// Bytes per second that all threads together read from an array of num_bytes, once through in
// order; the best of num_passes. num_bytes should be far beyond the caches.
double MeasureReadBandwidth(int64_t num_bytes, int num_passes);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_READ_BANDWIDTH_H_
