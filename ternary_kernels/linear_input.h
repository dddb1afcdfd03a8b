// What a linear layer reads: rows that are computed where they are used, out of what the layers
// before stored, and in training differentiated in the same place. Never a matrix in memory.
#ifndef TRIT_TERNARY_KERNELS_LINEAR_INPUT_H_
#define TRIT_TERNARY_KERNELS_LINEAR_INPUT_H_

#include <cstdint>

#include "ternary_kernels/gated_unit.h"
#include "ternary_kernels/quantize_activations.h"

namespace trit {

// x or act(gate) * up (gated_unit.h), and RMSNorm of that (rms_norm.h) if there are norm weights.
// Matrices are (rows, cols) dense.
struct LinearInput {
  int64_t cols = 0;
  const float* x = nullptr;  // or else:
  const float* gate = nullptr;
  const float* up = nullptr;
  GateActivation activation = GateActivation::kRelu2;
  const float* norm_weights = nullptr;  // (cols)
  float norm_eps = 0;
  float* rstd = nullptr;  // (rows): written where rows are computed, if not null; backward needs it

  bool IsStored() const { return x != nullptr && norm_weights == nullptr; }
};

// Rows that the functions below compute at once where it is left to the caller: they stay in the
// nearest caches.
inline constexpr int64_t kLinearInputRows = 8;

// Rows [begin, end) into out, or where they are stored. On the calling thread; out has room for
// them.
const float* LinearInputRows(const LinearInput& input, int64_t begin, int64_t end, float* out);

// Codes of rows [begin, end) by codes.scheme; `codes` has room for them (Resize). On the calling
// thread.
void QuantizeLinearInputRows(const LinearInput& input, int64_t begin, int64_t end,
                             ActivationCodes& codes);
// Codes of all rows, in parallel. Resizes `codes`.
void QuantizeLinearInput(const LinearInput& input, int64_t num_rows, ActivationCodes& codes);

// How a layer sees floats while quantization is phased in: x + share (x_hat - x), x_hat = q / a.
struct ActivationBlend {
  ActivationScheme scheme;
  float share = 0;  // 0: x as it is

  bool operator==(const ActivationBlend&) const = default;
};
// x: (rows, cols) becomes that in out, which may be x. On the calling thread.
void BlendActivations(const ActivationBlend& blend, const float* x, int64_t rows, int64_t cols,
                      float* out);

// Where the gradient goes; which of them are there, the input says.
struct LinearInputGradient {
  float* dx = nullptr;      // (rows, cols)
  bool accumulate = false;  // dx +=, else =
  float* dgate = nullptr;
  float* dup = nullptr;
};

// Takes the gradient of rows [begin, end) of an input that is not stored, which it overwrites;
// norm_gradient (cols) is added to. On the calling thread.
void LinearInputBackward(const LinearInput& input, int64_t begin, int64_t end, float* gradient,
                         const LinearInputGradient& target, float* norm_gradient);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_LINEAR_INPUT_H_
