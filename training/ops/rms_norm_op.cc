#include "training/ops/rms_norm_op.h"

#include "ternary_kernels/rms_norm.h"

namespace trit {

Value RmsNormOp::Forward(OpContext& context, Value x, WeightId weight) {
  Tape& tape = context.tape;
  const int64_t cols = tape.Width(x);
  const Value out = tape.NewValue(cols);
  BufferPool::Buffer rstd;
  if (tape.recording()) rstd = tape.pool().Take(tape.rows());
  RmsNormForward(tape.Data(x), context.Values(weight), context.config.rms_norm_eps, tape.rows(),
                 cols, tape.Data(out), tape.recording() ? rstd.data() : nullptr);
  if (tape.recording()) {
    tape.Keep(x);
    tape.Record<RmsNormOp>(context, x, weight, out, std::move(rstd));
  }
  return out;
}

void RmsNormOp::Backward(Tape& tape) {
  const GradientTarget dx = tape.TargetFor(x_);
  RmsNormBackward(tape.Gradient(out_), tape.Data(x_), context_.Values(weight_), rstd_.data(),
                  tape.rows(), tape.Width(x_), dx.accumulate, dx.data, context_.Gradients(weight_));
  context_.GradientReady(weight_);
  tape.pool().Return(std::move(rstd_));
  tape.Free(out_);
}

}  // namespace trit
