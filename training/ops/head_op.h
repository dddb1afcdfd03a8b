// Head and cross-entropy in chunks of rows: never all logits. The gradient of the hidden state and
// of the head are made in the same pass, since the loss is a plain sum over rows.
#ifndef TRIT_TRAINING_OPS_HEAD_OP_H_
#define TRIT_TRAINING_OPS_HEAD_OP_H_

#include <cstdint>
#include <span>

#include "engine/head_request.h"
#include "training/ops/op_context.h"

namespace trit {

// Losses and gradients of d(sum_r weights[r] * losses[r]), in the trainer's precision. `hidden` may
// be asked about once a pass.
void HeadLossAndGradients(OpContext& context, Value hidden, std::span<const int32_t> rows,
                          const TokenLoss& loss);

// Losses alone or logits, by inference's kernel: inference's bits.
void HeadEvaluate(OpContext& context, Value hidden, std::span<const int32_t> rows,
                  const HeadRequest& request);

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_HEAD_OP_H_
