#include "training/ops/rope_op.h"

namespace trit {

Value RopeOp::Forward(OpContext& context, Value x, int64_t num_heads) {
  Tape& tape = context.tape;
  RopeForward(context.rope, context.config.rope_style, context.batch->positions.data(), tape.rows(),
              num_heads, tape.Data(x), tape.Width(x));
  if (tape.recording()) tape.Record<RopeOp>(context, x, num_heads);
  return x;
}

void RopeOp::Backward(Tape& tape) {
  const GradientTarget dx = tape.TargetFor(x_);  // attention's gradient, complete
  RopeBackward(context_.rope, context_.config.rope_style, context_.batch->positions.data(),
               tape.rows(), num_heads_, dx.data, tape.Width(x_));
}

}  // namespace trit
