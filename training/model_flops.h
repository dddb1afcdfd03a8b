// How much arithmetic a training step is, and how fast this machine could do it: model FLOP
// utilization is the time the products of a step would take at the machine's peaks, divided by the
// time the step took. A multiply-add counts as two operations.
//
//   forward, a token   2 P          linear layers of P weights: at the int8 peak where both operands
//                                   are codes, else at the floating-point one
//                      4 A (T+1)/2  attention's two products over half of T positions, A =
//                                   num_attention_heads * head_dim a layer
//                      2 V d        the head
//   backward           twice the forward, at the floating-point peak
//
// What activation checkpointing computes again does not count.
#ifndef TRIT_TRAINING_MODEL_FLOPS_H_
#define TRIT_TRAINING_MODEL_FLOPS_H_

#include "training/precision.h"
#include "training/trainable_model.h"

namespace trit {

struct ModelFlops {
  double integer = 0;   // of int8 products, forward, a token
  double floating = 0;  // of all others, forward and backward, a token
  double total() const { return integer + floating; }
};

ModelFlops FlopsPerToken(const TrainableModel& model, int64_t sequence_length);

// Operations a second that large products reach, in the precision and in int8; with the threads in
// force. Takes a tenth of a second.
struct ProductPeaks {
  double integer = 0;
  double floating = 0;
};
ProductPeaks MeasureProductPeaks(Precision precision);

// Seconds a token would take at the peaks.
inline double SecondsAtPeak(const ModelFlops& flops, const ProductPeaks& peaks) {
  return flops.integer / peaks.integer + flops.floating / peaks.floating;
}

}  // namespace trit

#endif  // TRIT_TRAINING_MODEL_FLOPS_H_
