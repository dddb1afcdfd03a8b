// What the operations of a training step share.
#ifndef TRIT_TRAINING_OPS_OP_CONTEXT_H_
#define TRIT_TRAINING_OPS_OP_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/batch.h"
#include "engine/model_config.h"
#include "engine/taps.h"
#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/quantize_activations.h"
#include "ternary_kernels/rope.h"
#include "training/buffer_pool.h"
#include "training/parameters.h"
#include "training/step_weights.h"
#include "training/tape.h"

namespace trit {

// A value that whoever reads it computes (linear_input.h): of x, or of a gate, and their norm.
struct DeferredValue {
  Value x;         // or else:
  Value gate, up;  // act(gate) * up
  WeightId norm = kNoWeight;
};

struct OpContext {
  const ModelConfig& config;
  Parameters& parameters;
  StepWeights& weights;
  RopeTable rope;
  const Batch* batch = nullptr;  // of the pass under way
  bool evaluating = false;       // the pass has no backward: it gives inference's bits
  bool replaying = false;        // a layer is run again for its backward (checkpoint_op.h)
  Tape tape;
  Taps taps;
  // Called in backward when a weight's gradient of this pass is complete; may be empty.
  std::function<void(WeightId)> on_gradient_ready;
  std::vector<std::unique_ptr<ActivationCodes>> free_codes;  // of ended operations
  std::map<int32_t, DeferredValue> deferred;                 // by index of the value

  const float* Values(WeightId id) const { return std::as_const(parameters).Values(id).data(); }
  float* Gradients(WeightId id) { return parameters.Gradients(id).data(); }
  void GradientReady(WeightId id) const {
    if (on_gradient_ready) on_gradient_ready(id);
  }
  void ReturnCodes(std::vector<std::unique_ptr<ActivationCodes>>& codes) {
    for (auto& one : codes) free_codes.push_back(std::move(one));
    codes.clear();
  }
  // What the value is computed of: itself unless it is deferred.
  DeferredValue SourceOf(Value value) const {
    const auto it = deferred.find(value.index);
    return it != deferred.end() ? it->second : DeferredValue{.x = value};
  }
  // `rstd` as LinearInput's.
  LinearInput InputOf(const DeferredValue& source, float* rstd) {
    LinearInput input;
    input.cols = tape.Width(source.x.valid() ? source.x : source.gate);
    if (source.x.valid()) {
      input.x = tape.Data(source.x);
    } else {
      input.gate = tape.Data(source.gate);
      input.up = tape.Data(source.up);
      input.activation = config.hidden_act;
    }
    if (source.norm != kNoWeight) {
      input.norm_weights = Values(source.norm);
      input.norm_eps = config.rms_norm_eps;
      input.rstd = rstd;
    }
    return input;
  }
};

// An array of n elements out of the pool, given back at the end of its scope.
template <typename T>
class Scratch {
 public:
  Scratch(BufferPool& pool, int64_t n)
      : pool_(pool),
        buffer_(pool.Take((n * static_cast<int64_t>(sizeof(T)) + 3) /
                          static_cast<int64_t>(sizeof(float)))) {}
  ~Scratch() { pool_.Return(std::move(buffer_)); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() { return reinterpret_cast<T*>(buffer_.data()); }

 private:
  BufferPool& pool_;
  BufferPool::Buffer buffer_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_OP_CONTEXT_H_
