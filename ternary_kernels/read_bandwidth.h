// How fast memory can be read: the limit of token generation, which reads every weight for each
// token.
#ifndef TRIT_TERNARY_KERNELS_READ_BANDWIDTH_H_
#define TRIT_TERNARY_KERNELS_READ_BANDWIDTH_H_

#include <cstdint>

namespace trit {

// Bytes per second that all threads together read from an array of num_bytes, once through in
// order; the best of num_passes. num_bytes should be far beyond the caches.
double MeasureReadBandwidth(int64_t num_bytes, int num_passes);

// Reads words[0, count) once with the widest loads, on the calling thread, and returns their sum,
// so that the reads are not for nothing. words: aligned as AlignedBuffer; count: a multiple of 32.
uint64_t ReadWords(const uint64_t* words, int64_t count);
// Reads all of a buffer once, its parts in parallel; the same conditions.
uint64_t ReadWordsInParallel(const uint64_t* words, int64_t count);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_READ_BANDWIDTH_H_
