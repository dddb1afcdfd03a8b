#include "training/ops/embed_op.h"

#include "ternary_kernels/embedding.h"

namespace trit {

Value EmbedOp::Forward(OpContext& context, WeightId table) {
  Tape& tape = context.tape;
  const int64_t cols = context.config.hidden_size;
  const Value out = tape.NewValue(cols);
  const std::vector<int32_t>& tokens = context.batch->tokens;
  const bool quantized = context.weights[table].quantizer != nullptr;
  if (quantized && context.evaluating) {
    EmbeddingForward(context.weights.Packed(table), tokens.data(), tape.rows(), tape.Data(out));
  } else if (quantized) {
    context.weights.LookUp(table, tokens, tape.Data(out));
  } else {
    EmbeddingForward(context.Values(table), tokens.data(), tape.rows(), cols, tape.Data(out));
  }
  if (tape.recording()) tape.Record<EmbedOp>(context, table, out);
  return out;
}

void EmbedOp::Backward(Tape& tape) {
  EmbeddingBackward(tape.Gradient(out_), context_.batch->tokens.data(), tape.rows(),
                    tape.Width(out_), context_.Gradients(table_));
  context_.GradientReady(table_);  // the head's share, if tied, came first
  tape.Free(out_);
}

}  // namespace trit
