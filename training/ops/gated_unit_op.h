// act(gate) * up.
#ifndef TRIT_TRAINING_OPS_GATED_UNIT_OP_H_
#define TRIT_TRAINING_OPS_GATED_UNIT_OP_H_

#include "training/ops/op_context.h"

namespace trit {

class GatedUnitOp : public TapeOp {
 public:
  static Value Forward(OpContext& context, Value gate, Value up);
  GatedUnitOp(OpContext& context, Value gate, Value up, Value out)
      : context_(context), gate_(gate), up_(up), out_(out) {}
  void Backward(Tape& tape) override;

 private:
  OpContext& context_;
  Value gate_, up_, out_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_GATED_UNIT_OP_H_
