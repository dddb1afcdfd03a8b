#include "training/ops/gated_unit_op.h"

#include "ternary_kernels/check.h"
#include "ternary_kernels/gated_unit.h"

namespace trit {

Value GatedUnitOp::Forward(OpContext& context, Value gate, Value up) {
  Tape& tape = context.tape;
  const int64_t cols = tape.Width(gate);
  const Value out = tape.NewValue(cols);
  GatedUnitForward(context.config.hidden_act, tape.Data(gate), tape.Data(up), tape.rows(), cols,
                   tape.Data(out));
  if (tape.recording()) {
    tape.Keep(gate);
    tape.Keep(up);
    tape.Record<GatedUnitOp>(context, gate, up, out);
  }
  return out;
}

void GatedUnitOp::Backward(Tape& tape) {
  const GradientTarget dgate = tape.TargetFor(gate_);
  const GradientTarget dup = tape.TargetFor(up_);
  TRIT_CHECK(!dgate.accumulate && !dup.accumulate);  // nothing else reads them
  GatedUnitBackward(context_.config.hidden_act, tape.Gradient(out_), tape.Data(gate_),
                    tape.Data(up_), tape.rows(), tape.Width(out_), dgate.data, dup.data);
  tape.Free(out_);
}

}  // namespace trit
