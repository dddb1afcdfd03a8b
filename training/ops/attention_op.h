// Causal attention of each segment of the batch with itself.
#ifndef TRIT_TRAINING_OPS_ATTENTION_OP_H_
#define TRIT_TRAINING_OPS_ATTENTION_OP_H_

#include <vector>

#include "ternary_kernels/attention.h"
#include "training/ops/op_context.h"

namespace trit {

class AttentionOp : public TapeOp {
 public:
  static Value Forward(OpContext& context, Value q, Value k, Value v);
  // log_sum_exp: (rows, num_attention_heads)
  AttentionOp(OpContext& context, Value q, Value k, Value v, Value out,
              BufferPool::Buffer log_sum_exp)
      : context_(context), q_(q), k_(k), v_(v), out_(out), log_sum_exp_(std::move(log_sum_exp)) {}
  void Backward(Tape& tape) override;

 private:
  OpContext& context_;
  Value q_, k_, v_, out_;
  BufferPool::Buffer log_sum_exp_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_ATTENTION_OP_H_
