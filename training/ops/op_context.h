// What the operations of a training step share.
#ifndef TRIT_TRAINING_OPS_OP_CONTEXT_H_
#define TRIT_TRAINING_OPS_OP_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/batch.h"
#include "engine/model_config.h"
#include "engine/taps.h"
#include "ternary_kernels/quantize_activations.h"
#include "ternary_kernels/rope.h"
#include "training/buffer_pool.h"
#include "training/parameters.h"
#include "training/step_weights.h"
#include "training/tape.h"

namespace trit {

struct OpContext {
  const ModelConfig& config;
  Parameters& parameters;
  StepWeights& weights;
  RopeTable rope;
  const Batch* batch = nullptr;  // of the pass under way
  Tape tape;
  Taps taps;
  // Called in backward when a weight's gradient of this pass is complete; may be empty.
  std::function<void(WeightId)> on_gradient_ready;
  std::vector<std::unique_ptr<ActivationCodes>> free_codes;  // of ended operations

  const float* Values(WeightId id) const { return std::as_const(parameters).Values(id).data(); }
  float* Gradients(WeightId id) { return parameters.Gradients(id).data(); }
  void GradientReady(WeightId id) const {
    if (on_gradient_ready) on_gradient_ready(id);
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
