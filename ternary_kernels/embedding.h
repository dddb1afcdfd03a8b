// Token embedding: a row gather, and its transpose.
#ifndef TRIT_TERNARY_KERNELS_EMBEDDING_H_
#define TRIT_TERNARY_KERNELS_EMBEDDING_H_

#include <cstdint>

#include "ternary_kernels/packed_matrix.h"

namespace trit {

// out: (rows, table.cols); tokens: (rows), each in [0, table.rows). Any dense format.
void EmbeddingForward(const PackedMatrix& table, const int32_t* tokens, int64_t rows, float* out);
// The same from a plain f32 table (vocab_size, cols).
void EmbeddingForward(const float* table, const int32_t* tokens, int64_t rows, int64_t cols,
                      float* out);
// dtable: (vocab_size, cols) += dout: (rows, cols), rows added in ascending order.
void EmbeddingBackward(const float* dout, const int32_t* tokens, int64_t rows, int64_t cols,
                       float* dtable);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_EMBEDDING_H_
