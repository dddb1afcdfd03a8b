// Softmax cross-entropy of rows of logits; backward turns the logits into their gradient in place.
#ifndef TRIT_TERNARY_KERNELS_CROSS_ENTROPY_H_
#define TRIT_TERNARY_KERNELS_CROSS_ENTROPY_H_

#include <cstdint>

namespace trit {

// logits: (rows, cols), rows `stride` floats apart; targets: (rows) in [0, cols); losses: (rows) =
// log(sum exp) - logit[target], in nats; log_sum_exp: (rows), or null.
void CrossEntropyForward(const float* logits, int64_t stride, const int32_t* targets, int64_t rows,
                         int64_t cols, float* losses, float* log_sum_exp);

// logits[r][c] = (exp(logits[r][c] - log_sum_exp[r]) - [c == targets[r]]) * row_weights[r].
void CrossEntropyBackward(float* logits, int64_t stride, const int32_t* targets,
                          const float* log_sum_exp, const float* row_weights, int64_t rows,
                          int64_t cols);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_CROSS_ENTROPY_H_
