// Runs the transformer on a Model's packed weights with a KV cache. One compute thread owns it; all
// its buffers grow to the largest batch seen and are then reused.
#ifndef TRIT_ENGINE_INFERENCE_EXECUTOR_H_
#define TRIT_ENGINE_INFERENCE_EXECUTOR_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/executor.h"
#include "engine/kv_cache.h"
#include "engine/model.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/quantize_activations.h"
#include "ternary_kernels/rope.h"

namespace trit {

class InferenceExecutor : public Executor {
 public:
  // `model` and `cache` outlive the executor. max_positions: the longest sequence it will see.
  InferenceExecutor(const Model& model, KvCache& cache, int64_t max_positions);

  void set_taps(Taps taps) { taps_ = std::move(taps); }

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
  void Head(Value hidden, std::span<const int32_t> rows, const HeadRequest& request) override;

 private:
  // A value by one scheme of activations.
  struct QuantizedInput {
    ActivationCodes codes;
    bool rounded_ready = false;
    AlignedBuffer<float> rounded;  // (rows, width): codes / a
  };
  // A value's floats live in one of two sets of buffers: a layer writes to one while its input
  // lies in the other.
  // Norms and gated units are not computed where they are made but where they are read, a few rows
  // at a time and straight to codes if that is all that is asked for.
  struct Slot {
    AlignedBuffer<float> data;  // (rows, width), if stored
    int64_t width = 0;
    bool stored = true;
    LinearInput source;                                      // what it is computed from, if not
    std::vector<std::unique_ptr<QuantizedInput>> quantized;  // by scheme; the first num_quantized
    size_t num_quantized = 0;
  };
  Value NewValue(int64_t width);  // stored
  Value NewValue(const LinearInput& source);
  Slot& At(Value value);
  // Its floats, stored from then on.
  float* Floats(Slot& slot);
  LinearInput InputOf(const Slot& slot) const;
  QuantizedInput& Quantized(Slot& slot, const ActivationScheme& scheme);
  // Its codes as floats, for matrices that have no integer codes but want quantized inputs.
  const float* Rounded(QuantizedInput& input);
  // Rows of the hidden state that the head was asked for, gathered.
  const float* GatherRows(Value hidden, std::span<const int32_t> rows);
  void Logits(const float* hidden, int64_t num_rows, float* out);

  const Model& model_;
  KvCache& cache_;
  RopeTable rope_;
  Taps taps_;
  const Batch* batch_ = nullptr;
  int64_t rows_ = 0;
  int32_t current_set_ = 0;  // 0 or 1
  struct SlotSet {
    std::vector<std::unique_ptr<Slot>> slots;
    size_t used = 0;
  };
  SlotSet sets_[2];
  AlignedBuffer<float> gathered_;  // (rows asked, hidden_size)
  AlignedBuffer<float> logits_;    // (chunk, vocab_size)
};

}  // namespace trit

#endif  // TRIT_ENGINE_INFERENCE_EXECUTOR_H_
