#include "training/ops/linear_op.h"

#include "ternary_kernels/check.h"
#include "ternary_kernels/linear_backward.h"
#include "ternary_kernels/linear_forward.h"
#include "ternary_kernels/matmul_kernel.h"

namespace trit {
namespace {

// Whether the pass under way multiplies codes of the input.
bool RunsOnCodes(const OpContext& context, const StepWeight& weight) {
  return weight.activations.TakesCodes() && (context.evaluating || context.weights.share() == 1);
}

// How it sees the input otherwise.
ActivationBlend BlendFor(const OpContext& context, const StepWeight& weight) {
  if (!weight.activations.TakesCodes() || context.evaluating) return {};
  return {.scheme = weight.activations, .share = context.weights.share()};
}

// Null if there are none by that scheme.
ActivationCodes* FindCodes(const InputCodes& all, const ActivationScheme& scheme) {
  for (const std::unique_ptr<ActivationCodes>& codes : all) {
    if (codes->scheme == scheme) return codes.get();
  }
  return nullptr;
}

std::unique_ptr<ActivationCodes> TakeCodes(OpContext& context) {
  if (context.free_codes.empty()) return std::make_unique<ActivationCodes>();
  std::unique_ptr<ActivationCodes> codes = std::move(context.free_codes.back());
  context.free_codes.pop_back();
  return codes;
}

// What the scales of the weights, if the operand is codes, multiply output columns with.
ScaleFactors WeightFactors(const StepWeight& weight) {
  ScaleFactors factors;
  if (weight.operand_is_codes) {
    if (weight.scales.kind == ScaleKind::kRow) {
      factors.col = weight.scales.values.data();
    } else {
      factors.all = weight.scales.values[0];
    }
  }
  return factors;
}

// y = x w_hat^T in floating point, in the trainer's precision.
template <typename T>
void ForwardFloats(const OpContext& context, const StepWeight& weight, const LinearInput& input,
                   const float* residual, float* out) {
  const ScaleFactors factors = WeightFactors(weight);
  FloatLinearForward(input, context.tape.rows(),
                     FloatLinear<T>{.product = &weight.forward.product,
                                    .b = weight.forward.As<T>(),
                                    .col_factors = factors.col,
                                    .factor = factors.all,
                                    .residual = residual,
                                    .out = out,
                                    .blend = BlendFor(context, weight)});
}

// The same by inference's own kernel: evaluation gives inference's bits.
void EvaluateFloats(OpContext& context, const WeightInfo& info, const LinearInput& input,
                    const float* residual, float* out) {
  const int64_t rows = context.tape.rows();
  Scratch<float> computed(context.tape.pool(), input.IsStored() ? 0 : rows * info.cols);
  const float* x = LinearInputRows(input, 0, rows, computed.data());
  Matmul(MatmulCall{.weights = &context.weights.Packed(info.id),
                    .num_tokens = rows,
                    .floats = x,
                    .floats_stride = info.cols,
                    .out = out,
                    .out_stride = info.rows,
                    .residual = residual,
                    .residual_stride = info.rows});
}

}  // namespace

void LinearOp::Forward(OpContext& context, Value x, std::span<const WeightId> weights,
                       Value residual, std::span<Value> outs) {
  Tape& tape = context.tape;
  TRIT_CHECK(weights.size() == outs.size() && (!residual.valid() || weights.size() == 1));
  const DeferredValue source = context.SourceOf(x);
  BufferPool::Buffer rstd;
  if (tape.recording() && source.norm != kNoWeight) rstd = tape.pool().Take(tape.rows());
  const LinearInput input = context.InputOf(source, rstd.data());
  const float* added = residual.valid() ? tape.Data(residual) : nullptr;
  InputCodes codes;
  std::vector<std::vector<IntegerLinear>> integers;  // of each of the codes
  for (size_t i = 0; i < weights.size(); ++i) {
    const WeightInfo& info = context.parameters.table()[weights[i]];
    const StepWeight& weight = context.weights[weights[i]];
    TRIT_CHECK(tape.Width(x) == info.cols);
    outs[i] = tape.NewValue(info.rows);
    float* out = tape.Data(outs[i]);
    if (RunsOnCodes(context, weight)) {
      size_t at = 0;
      while (at < codes.size() && codes[at]->scheme != weight.activations) ++at;
      if (at == codes.size()) {
        codes.push_back(TakeCodes(context));
        codes.back()->scheme = weight.activations;
        integers.emplace_back();
      }
      integers[at].push_back({&weight.integers, &weight.scales, added, out});
      continue;
    }
    if (context.evaluating) {
      EvaluateFloats(context, info, input, added, out);
    } else if (context.weights.precision() == Precision::kBF16) {
      ForwardFloats<BFloat16>(context, weight, input, added, out);
    } else {
      ForwardFloats<float>(context, weight, input, added, out);
    }
  }
  for (size_t i = 0; i < codes.size(); ++i) {
    IntegerLinearForward(input, tape.rows(), *codes[i], integers[i]);
  }
  if (context.taps.observe_linear && !context.replaying) {
    for (size_t i = 0; i < weights.size(); ++i) {
      context.taps.observe_linear(
          {.weight = weights[i],
           .rows = tape.rows(),
           .in_features = tape.Width(x),
           .out_features = tape.Width(outs[i]),
           .codes = FindCodes(codes, context.weights[weights[i]].activations),
           .out = tape.Data(outs[i])});
    }
  }
  if (tape.recording()) {
    for (const Value value : {source.x, source.gate, source.up}) {
      if (value.valid()) tape.Keep(value);
    }
    tape.Record<LinearOp>(context, source, std::move(rstd), weights, residual, outs,
                          std::move(codes));
  } else {
    context.ReturnCodes(codes);
  }
}

template <typename T>
void LinearOp::BackwardIn(Tape& tape) {
  std::vector<LinearGradient<T>> layers;
  for (size_t i = 0; i < weights_.size(); ++i) {
    const StepWeight& weight = context_.weights[weights_[i]];
    const GradientTarget dweights = context_.parameters.TargetFor(weights_[i]);
    layers.push_back({.dy = tape.Gradient(outs_[i]),
                      .weight_factors = WeightFactors(weight),
                      .product = &weight.backward.product,
                      .weights = weight.backward.As<T>(),
                      .codes = FindCodes(codes_, weight.activations),
                      .dweights = dweights.data,
                      .accumulate = dweights.accumulate,
                      .blend = BlendFor(context_, weight)});
  }
  LinearBackwardCall<T> call{.rows = tape.rows(),
                             .input = context_.InputOf(source_, rstd_.data()),
                             .layers = layers,
                             .dinput = {},
                             .dnorm_weights = nullptr,
                             .scratch = nullptr};
  if (source_.x.valid()) {
    const GradientTarget dx = tape.TargetFor(source_.x);
    call.dinput.dx = dx.data;
    call.dinput.accumulate = dx.accumulate;
  } else {
    const GradientTarget dgate = tape.TargetFor(source_.gate);
    const GradientTarget dup = tape.TargetFor(source_.up);
    TRIT_CHECK(!dgate.accumulate && !dup.accumulate);  // nothing else reads them
    call.dinput.dgate = dgate.data;
    call.dinput.dup = dup.data;
  }
  if (source_.norm != kNoWeight) call.dnorm_weights = context_.Gradients(source_.norm);
  Scratch<T> scratch(tape.pool(), LinearBackwardScratch(call));
  call.scratch = scratch.data();
  LinearBackward(call);
  for (const WeightId id : weights_) context_.GradientReady(id);
  if (source_.norm != kNoWeight) context_.GradientReady(source_.norm);
}

void LinearOp::Backward(Tape& tape) {
  if (context_.weights.precision() == Precision::kBF16) {
    BackwardIn<BFloat16>(tape);
  } else {
    BackwardIn<float>(tape);
  }
  if (residual_.valid()) tape.PassGradient(outs_[0], residual_);
  for (const Value out : outs_) tape.Free(out);
  tape.pool().Return(std::move(rstd_));
  context_.ReturnCodes(codes_);
}

}  // namespace trit
