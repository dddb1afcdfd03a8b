// Runs the transformer on latent weights and records a tape for the backward pass.
//
// Recording, floating-point products run in the trainer's precision. Not recording (evaluation),
// they run on inference's kernels. Everything else, and every product of integers, is the same in
// both and in InferenceExecutor: an evaluation gives the bits that inference gives.
#ifndef TRIT_TRAINING_TRAINING_EXECUTOR_H_
#define TRIT_TRAINING_TRAINING_EXECUTOR_H_

#include <cstdint>
#include <functional>
#include <span>

#include "engine/executor.h"
#include "engine/model_config.h"
#include "training/ops/op_context.h"
#include "training/parameters.h"
#include "training/step_weights.h"

namespace trit {

class TrainingExecutor : public Executor {
 public:
  // All outlive the executor. max_positions: the longest segment it will see.
  TrainingExecutor(const ModelConfig& config, Parameters& parameters, StepWeights& weights,
                   int64_t max_positions);

  // For the passes begun from now on; off at first.
  void set_recording(bool recording) { recording_ = recording; }
  // Keep only the inputs of layers and compute the rest again in backward: less memory, a third
  // more time. For the passes begun from now on; off at first.
  void set_activation_checkpointing(bool on) { checkpointing_ = on; }
  void set_taps(Taps taps) { context_.taps = std::move(taps); }
  void set_on_gradient_ready(std::function<void(WeightId)> callback) {
    context_.on_gradient_ready = std::move(callback);
  }

  Value Embed(WeightId table, const Batch& batch) override;
  Value RmsNorm(Value x, WeightId weight) override;
  void Linear(Value x, std::span<const WeightId> weights, Value residual,
              std::span<Value> outs) override;
  Value Rope(Value x, int64_t num_heads) override;
  Value Attention(int64_t layer, Value q, Value k, Value v) override;
  Value GatedUnit(Value gate, Value up) override;
  void BeginLayer(int64_t layer, Value x) override;
  void EndLayer(int64_t layer, Value x) override;
  void Observe(int64_t layer, TapPoint point, Value x) override;
  // Recording: TokenLoss only, once a pass; it also makes the head's gradients.
  void Head(Value hidden, std::span<const int32_t> rows, const HeadRequest& request) override;

  // Adds the gradients of the pass to the parameters'. After a recorded pass and its Head.
  void Backward();

  int64_t activation_bytes() { return context_.tape.pool().allocated_bytes(); }

 private:
  // Norms and gated units are left to the linear layers that read them.
  Value Defer(const DeferredValue& source, int64_t width);

  OpContext context_;
  // Whether the layer under way is one that backward runs again.
  bool IsCheckpointed() const { return recording_ && checkpointing_ && !context_.replaying; }

  bool recording_ = false;
  bool checkpointing_ = false;
  Value layer_input_;  // of a checkpointed layer
};

}  // namespace trit

#endif  // TRIT_TRAINING_TRAINING_EXECUTOR_H_
