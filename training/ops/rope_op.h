// Rotary embedding, in place: nothing else reads the unturned value.
#ifndef TRIT_TRAINING_OPS_ROPE_OP_H_
#define TRIT_TRAINING_OPS_ROPE_OP_H_

#include "training/ops/op_context.h"

namespace trit {

class RopeOp : public TapeOp {
 public:
  static Value Forward(OpContext& context, Value x, int64_t num_heads);
  RopeOp(OpContext& context, Value x, int64_t num_heads)
      : context_(context), x_(x), num_heads_(num_heads) {}
  void Backward(Tape& tape) override;

 private:
  OpContext& context_;
  Value x_;
  int64_t num_heads_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_ROPE_OP_H_
