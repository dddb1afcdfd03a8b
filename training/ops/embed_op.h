// Token embedding.
#ifndef TRIT_TRAINING_OPS_EMBED_OP_H_
#define TRIT_TRAINING_OPS_EMBED_OP_H_

#include "training/ops/op_context.h"

namespace trit {

class EmbedOp : public TapeOp {
 public:
  static Value Forward(OpContext& context, WeightId table);
  EmbedOp(OpContext& context, WeightId table, Value out)
      : context_(context), table_(table), out_(out) {}
  void Backward(Tape& tape) override;

 private:
  OpContext& context_;
  WeightId table_;
  Value out_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_EMBED_OP_H_
