#include "training/training_executor.h"

#include "ternary_kernels/check.h"
#include "training/ops/attention_op.h"
#include "training/ops/checkpoint_op.h"
#include "training/ops/embed_op.h"
#include "training/ops/head_op.h"
#include "training/ops/linear_op.h"
#include "training/ops/rms_norm_op.h"
#include "training/ops/rope_op.h"

namespace trit {

TrainingExecutor::TrainingExecutor(const ModelConfig& config, Parameters& parameters,
                                   StepWeights& weights, int64_t max_positions)
    : context_{.config = config,
               .parameters = parameters,
               .weights = weights,
               .rope = RopeTable(config.head_dim, config.rope_theta, max_positions,
                                 config.rope_frequency_factors),
               .tape = {},
               .taps = {},
               .on_gradient_ready = {},
               .free_codes = {},
               .deferred = {}} {}

Value TrainingExecutor::Embed(WeightId table, const Batch& batch) {
  context_.batch = &batch;
  context_.tape.Begin(batch.num_rows(), recording_);
  context_.deferred.clear();
  context_.evaluating = !recording_;
  return EmbedOp::Forward(context_, table);
}

Value TrainingExecutor::RmsNorm(Value x, WeightId weight) {
  DeferredValue source = context_.SourceOf(x);
  TRIT_CHECK(source.norm == kNoWeight);
  source.norm = weight;
  return Defer(source, context_.tape.Width(x));
}

void TrainingExecutor::Linear(Value x, std::span<const WeightId> weights, Value residual,
                              std::span<Value> outs) {
  LinearOp::Forward(context_, x, weights, residual, outs);
}

Value TrainingExecutor::Rope(Value x, int64_t num_heads) {
  return RopeOp::Forward(context_, x, num_heads);
}

Value TrainingExecutor::Attention(int64_t, Value q, Value k, Value v) {
  return AttentionOp::Forward(context_, q, k, v);
}

Value TrainingExecutor::GatedUnit(Value gate, Value up) {
  return Defer({.x = kNoValue, .gate = gate, .up = up}, context_.tape.Width(gate));
}

Value TrainingExecutor::Defer(const DeferredValue& source, int64_t width) {
  const Value value = context_.tape.NewDeferred(width);
  context_.deferred[value.index] = source;
  return value;
}

void TrainingExecutor::BeginLayer(int64_t, Value x) {
  if (!IsCheckpointed()) return;
  layer_input_ = x;
  context_.tape.Keep(x);
  context_.tape.set_recording(false);
}

void TrainingExecutor::EndLayer(int64_t layer, Value x) {
  Tape& tape = context_.tape;
  tape.ReleaseUnkept(x);
  if (!IsCheckpointed()) return;
  tape.set_recording(true);
  tape.Record<CheckpointOp>(context_, *this, layer, layer_input_, x);
}

void TrainingExecutor::Observe(int64_t layer, TapPoint point, Value x) {
  if (!context_.taps.observe || context_.replaying) return;
  Tape& tape = context_.tape;
  const LinearInput input = context_.InputOf(context_.SourceOf(x), nullptr);
  Scratch<float> computed(tape.pool(), input.IsStored() ? 0 : tape.rows() * input.cols);
  context_.taps.observe({layer, point, tape.rows(), input.cols,
                         LinearInputRows(input, 0, tape.rows(), computed.data())});
}

void TrainingExecutor::Head(Value hidden, std::span<const int32_t> rows,
                            const HeadRequest& request) {
  const DeferredValue source = context_.SourceOf(hidden);
  TRIT_CHECK(source.x.valid() && source.norm != kNoWeight);
  hidden = RmsNormOp::Forward(context_, source.x, source.norm);
  if (context_.tape.recording()) {
    HeadLossAndGradients(context_, hidden, rows, std::get<TokenLoss>(request));
  } else {
    HeadEvaluate(context_, hidden, rows, request);
  }
}

void TrainingExecutor::Backward() { context_.tape.Backward(); }

}  // namespace trit
