// Taps: named points of the forward pass whose values can be watched, for telemetry, calibration,
// distillation and profiling. Free when unused.
#ifndef TRIT_ENGINE_TAPS_H_
#define TRIT_ENGINE_TAPS_H_

#include <cstdint>
#include <functional>

#include "engine/weight_table.h"
#include "ternary_kernels/quantize_activations.h"

namespace trit {

enum class TapPoint : uint8_t {
  kLayerInput,    // residual stream before the layer (hidden_size)
  kAttentionOut,  // heads concatenated, before attn_sub_norm and o_proj
  kGatedUnitOut,  // before ffn_sub_norm and down_proj
  kFinalHidden,   // after the last norm, what the head sees; layer = num_hidden_layers
};

// What a watcher sees: (rows, cols) dense, valid during the call.
struct TapValue {
  int64_t layer;
  TapPoint point;
  int64_t rows, cols;
  const float* data;
};
using TapObserver = std::function<void(const TapValue&)>;

// One linear layer's work: its input as floats (null where the executor never has them: training,
// whose linear layers compute the norms they read) and as what they are rounded to (null if they
// are not), and its output, with the residual already added where the call has one.
struct LinearTap {
  WeightId weight;
  int64_t rows, in_features, out_features;
  const float* in = nullptr;  // (rows, in_features)
  const ActivationCodes* codes;
  const float* out;  // (rows, out_features)
};
using LinearObserver = std::function<void(const LinearTap&)>;

struct Taps {
  TapObserver observe;            // empty: off
  LinearObserver observe_linear;  // empty: off
};

}  // namespace trit

#endif  // TRIT_ENGINE_TAPS_H_
