// The verbs the model is written in (transformer.cc). InferenceExecutor runs them on packed weights
// and a KV cache; TrainingExecutor runs the same functions on latent weights and records a tape.
//
// A Value is a handle to a (rows, width) matrix of floats that only the executor can look into; so
// an executor may compute it late, fused into whoever consumes it, or keep it quantized. A value
// made inside a layer may be used inside that layer; the layer's result also in the next one.
#ifndef TRIT_ENGINE_EXECUTOR_H_
#define TRIT_ENGINE_EXECUTOR_H_

#include <cstdint>
#include <span>

#include "engine/batch.h"
#include "engine/head_request.h"
#include "engine/taps.h"
#include "engine/weight_table.h"

namespace trit {

struct Value {
  int32_t index = -1;
  bool valid() const { return index >= 0; }
};
inline constexpr Value kNoValue{};

class Executor {
 public:
  virtual ~Executor() = default;

  // Begins a pass over `batch`, which must live until its end: rows of the table at its tokens.
  virtual Value Embed(WeightId table, const Batch& batch) = 0;

  virtual Value RmsNorm(Value x, WeightId weight) = 0;

  // outs[i] = weights[i] x, each with its own format and quantizers; x is quantized once per kind
  // of quantizer. `residual`, if valid, is added to the product; then there is exactly one weight.
  virtual void Linear(Value x, std::span<const WeightId> weights, Value residual,
                      std::span<Value> outs) = 0;

  // Rotary embedding of x: (rows, num_heads * head_dim) at the batch's positions.
  virtual Value Rope(Value x, int64_t num_heads) = 0;

  // Causal attention of each segment within its sequence, earlier positions included.
  virtual Value Attention(int64_t layer, Value q, Value k, Value v) = 0;

  // act(gate) * up
  virtual Value GatedUnit(Value gate, Value up) = 0;

  // Around one layer: what lies between may be run again on its own (activation checkpointing).
  virtual void BeginLayer(int64_t layer, Value x) = 0;
  virtual void EndLayer(int64_t layer, Value x) = 0;

  virtual void Observe(int64_t layer, TapPoint point, Value x) = 0;

  // Answers the request for the given rows of the pass (ascending). hidden: after the last norm.
  virtual void Head(Value hidden, std::span<const int32_t> rows, const HeadRequest& request) = 0;
};

}  // namespace trit

#endif  // TRIT_ENGINE_EXECUTOR_H_
