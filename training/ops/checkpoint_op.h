// Activation checkpointing: of a layer only the input is kept; its backward runs the layer forward
// again, this time recorded (Chen et al. 2016). The same operations in the same order: the same
// bits.
#ifndef TRIT_TRAINING_OPS_CHECKPOINT_OP_H_
#define TRIT_TRAINING_OPS_CHECKPOINT_OP_H_

#include <cstdint>

#include "engine/executor.h"
#include "training/ops/op_context.h"

namespace trit {

class CheckpointOp : public TapeOp {
 public:
  // The layer made `out` of x; `executor` runs it again.
  CheckpointOp(OpContext& context, Executor& executor, int64_t layer, Value x, Value out)
      : context_(context), executor_(executor), layer_(layer), x_(x), out_(out) {}
  void Backward(Tape& tape) override;

 private:
  OpContext& context_;
  Executor& executor_;
  int64_t layer_;
  Value x_, out_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_CHECKPOINT_OP_H_
