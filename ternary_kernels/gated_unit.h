// The gate of the feed-forward block: y = act(gate) * up, elementwise.
#ifndef TRIT_TERNARY_KERNELS_GATED_UNIT_H_
#define TRIT_TERNARY_KERNELS_GATED_UNIT_H_

#include <cstdint>

namespace trit {

enum class GateActivation : uint8_t {
  kRelu2,  // max(z, 0)^2 (So et al. 2021; BitNet b1.58 2B-4T)
  kSilu,   // z / (1 + exp(-z)) (SwiGLU, Shazeer 2020)
};

// gate, up, y: (rows, cols) dense. y may be gate or up.
void GatedUnitForward(GateActivation activation, const float* gate, const float* up, int64_t rows,
                      int64_t cols, float* y);
// Overwrites dgate and dup (either may be dy's buffer).
void GatedUnitBackward(GateActivation activation, const float* dy, const float* gate,
                       const float* up, int64_t rows, int64_t cols, float* dgate, float* dup);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_GATED_UNIT_H_
