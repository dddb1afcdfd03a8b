// Linear layers: quantize the input once, multiply integer codes, scale afterwards. Norms and gated
// units before it are computed, and differentiated, on the rows that are under way.
//
// With x_hat = q / a (per token), w_hat = t * s and g the gradient of the output, straight through:
//   forward   y = float(sum t q) * (s / a)          exact in int32 (both sides codes)
//   backward  dx = (g * s) t,  dw_hat = (g / a)^T q     codes are exact operands; only g is rounded
// A side that is not quantized takes part with its values and scale 1. While quantization is phased
// in (StepWeights::share), both sides take part with values that are partly quantized.
#ifndef TRIT_TRAINING_OPS_LINEAR_OP_H_
#define TRIT_TRAINING_OPS_LINEAR_OP_H_

#include <memory>
#include <span>
#include <vector>

#include "training/ops/op_context.h"

namespace trit {

// The input's codes by every scheme that a weight of the call asks for.
using InputCodes = std::vector<std::unique_ptr<ActivationCodes>>;

class LinearOp : public TapeOp {
 public:
  static void Forward(OpContext& context, Value x, std::span<const WeightId> weights,
                      Value residual, std::span<Value> outs);
  // rstd: (rows), if the source is normed.
  LinearOp(OpContext& context, const DeferredValue& source, BufferPool::Buffer rstd,
           std::span<const WeightId> weights, Value residual, std::span<const Value> outs,
           InputCodes codes)
      : context_(context),
        source_(source),
        rstd_(std::move(rstd)),
        weights_(weights.begin(), weights.end()),
        residual_(residual),
        outs_(outs.begin(), outs.end()),
        codes_(std::move(codes)) {}
  void Backward(Tape& tape) override;

 private:
  template <typename T>
  void BackwardIn(Tape& tape);

  OpContext& context_;
  DeferredValue source_;
  BufferPool::Buffer rstd_;
  std::vector<WeightId> weights_;
  Value residual_;
  std::vector<Value> outs_;
  InputCodes codes_;  // of x
};

}  // namespace trit

#endif  // TRIT_TRAINING_OPS_LINEAR_OP_H_
