// RMSNorm.
#ifndef TRIT_TRAINING_OPS_RMS_NORM_OP_H_
#define TRIT_TRAINING_OPS_RMS_NORM_OP_H_

#include "training/ops/op_context.h"

namespace trit {

class RmsNormOp : public TapeOp {
 public:
  static Value Forward(OpContext& context, Value x, WeightId weight);
  // rstd: (rows)
  RmsNormOp(OpContext& context, Value x, WeightId weight, Value out, BufferPool::Buffer rstd)
      : context_(context), x_(x), weight_(weight), out_(out), rstd_(std::move(rstd)) {}
  void Backward(Tape& tape) override;

 private:
  OpContext& context_;
  Value x_;
  WeightId weight_;
  Value out_;
  BufferPool::Buffer rstd_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_RMS_NORM_OP_H_
