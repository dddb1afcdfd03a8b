#include "training/ops/checkpoint_op.h"

#include "engine/transformer.h"

namespace trit {

void CheckpointOp::Backward(Tape& tape) {
  context_.replaying = true;
  const Value again =
      ForwardLayer(context_.config, context_.parameters.table(), layer_, x_, executor_);
  context_.replaying = false;
  tape.PassGradient(out_, again);
  tape.Free(out_);
}

}  // namespace trit
