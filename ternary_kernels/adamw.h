// AdamW as PyTorch has it (Loshchilov & Hutter 2019): decay first, eps outside the root.
#ifndef TRIT_TERNARY_KERNELS_ADAMW_H_
#define TRIT_TERNARY_KERNELS_ADAMW_H_

#include <cstdint>

namespace trit {

// Doubles, because 1 - beta2 of a rounded beta2 = 0.999 would be off by 1e-5.
struct AdamWStep {
  double learning_rate;
  double beta1, beta2;
  double eps;
  double weight_decay;
  float gradient_scale;  // multiplies every gradient first: the clip factor
  int64_t step;          // 1 for the first update: bias corrections 1 - beta^step (in double)
};

// One fused pass over n values: w -= lr * weight_decay * w, then the Adam update. Parallel;
// elementwise, so the bits do not depend on threads.
void AdamWUpdate(const AdamWStep& step, int64_t n, float* w, const float* gradient, float* m,
                 float* v);

// Sum of squares in double over fixed blocks in a fixed order.
double SumOfSquares(const float* x, int64_t n);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_ADAMW_H_
