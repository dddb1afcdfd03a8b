#include "training/ops/linear_op.h"

#include "ternary_kernels/check.h"
#include "ternary_kernels/gemm.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/scale_sums.h"
#include "training/ops/operand.h"

namespace trit {
namespace {

bool TakesInt8(const StepWeight& weight) {
  return weight.activation_quantizer == ActivationQuantizer::kInt8PerToken;
}

std::unique_ptr<ActivationCodes> Quantize(OpContext& context, Value x) {
  std::unique_ptr<ActivationCodes> codes;
  if (context.free_codes.empty()) {
    codes = std::make_unique<ActivationCodes>();
  } else {
    codes = std::move(context.free_codes.back());
    context.free_codes.pop_back();
  }
  const int64_t cols = context.tape.Width(x);
  QuantizeActivationsInt8(context.tape.Data(x), cols, context.tape.rows(), cols, *codes);
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

// y = codes times codes. raised: (rows, stride) codes + 128.
void ForwardIntegers(OpContext& context, const WeightInfo& info, const StepWeight& weight,
                     const ActivationCodes& codes, const uint8_t* raised, const float* residual,
                     float* out) {
  Tape& tape = context.tape;
  Scratch<int32_t> sums(tape.pool(), tape.rows() * info.rows);
  SumsToScale to_scale{.sums = sums.data(),
                       .num_tokens = tape.rows(),
                       .rows = info.rows,
                       .code_sums = weight.code_sums.data(),
                       .activation_scales = codes.scales.data()};
  if (weight.scales.kind != ScaleKind::kGroup) {
    GemmU8S8(tape.rows(), info.rows, info.cols, raised, codes.stride, weight.codes.data(),
             info.cols, sums.data(), info.rows);
    ScaleSums(to_scale, weight.scales, residual, out);
    return;
  }
  const int64_t group_size = weight.scales.group_size;
  for (int64_t g = 0; g < info.cols / group_size; ++g) {
    GemmU8S8(tape.rows(), info.rows, group_size, raised + g * group_size, codes.stride,
             weight.codes.data() + g * group_size, info.cols, sums.data(), info.rows);
    to_scale.code_sums = weight.code_sums.data() + g * info.rows;
    AddGroupSums(to_scale, weight.scales.values.data() + g * info.rows, g == 0, out);
  }
  FinishGroupSums(to_scale, residual, out);
}

// y = x w_hat^T in floating point, in the trainer's precision.
template <typename T>
void ForwardFloats(OpContext& context, const WeightInfo& info, const StepWeight& weight,
                   const float* x, const float* residual, float* out) {
  Tape& tape = context.tape;
  Scratch<T> operand(tape.pool(), tape.rows() * info.cols);
  MakeOperand(x, tape.rows(), info.cols, {}, operand.data());
  const T* w = WeightOperand(weight, context.Values(info.id), static_cast<const T*>(nullptr));
  Multiply(tape.rows(), info.rows, info.cols, Operand<T>{operand.data(), info.cols},
           Operand<T>{w, info.cols, Transpose::kYes}, false, out);
  if (weight.operand_is_codes) {
    ScaleToF32(out, tape.rows(), info.rows, WeightFactors(weight), out);
  }
  if (residual != nullptr) AddInPlace(residual, tape.rows() * info.rows, out);
}

// The same by inference's own kernel: evaluation gives inference's bits.
void EvaluateFloats(OpContext& context, const WeightInfo& info, const float* x,
                    const float* residual, float* out) {
  Matmul(MatmulCall{.weights = &context.weights.Packed(info.id),
                    .num_tokens = context.tape.rows(),
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
  std::unique_ptr<ActivationCodes> codes;
  BufferPool::Buffer raised;
  for (size_t i = 0; i < weights.size(); ++i) {
    const WeightInfo& info = context.parameters.table()[weights[i]];
    const StepWeight& weight = context.weights[weights[i]];
    TRIT_CHECK(tape.Width(x) == info.cols);
    outs[i] = tape.NewValue(info.rows);
    const float* added = residual.valid() ? tape.Data(residual) : nullptr;
    float* out = tape.Data(outs[i]);
    if (TakesInt8(weight)) {
      if (codes == nullptr) {
        codes = Quantize(context, x);
        const int64_t size = tape.rows() * codes->stride;
        raised = tape.pool().Take((size + 3) / 4);
        CodesToU8(codes->codes.data(), size, reinterpret_cast<uint8_t*>(raised.data()));
      }
      ForwardIntegers(context, info, weight, *codes,
                      reinterpret_cast<const uint8_t*>(raised.data()), added, out);
    } else {
      if (!tape.recording()) {
        EvaluateFloats(context, info, tape.Data(x), added, out);
      } else if (context.weights.precision() == Precision::kBF16) {
        ForwardFloats<BFloat16>(context, info, weight, tape.Data(x), added, out);
      } else {
        ForwardFloats<float>(context, info, weight, tape.Data(x), added, out);
      }
      if (tape.recording()) tape.Keep(x);
    }
    if (context.taps.observe_linear) {
      context.taps.observe_linear({.weight = weights[i],
                                   .rows = tape.rows(),
                                   .in_features = info.cols,
                                   .out_features = info.rows,
                                   .codes = TakesInt8(weight) ? codes.get() : nullptr,
                                   .out = out});
    }
  }
  tape.pool().Return(std::move(raised));
  if (tape.recording()) {
    tape.Record<LinearOp>(context, x, weights, residual, outs, std::move(codes));
  } else if (codes != nullptr) {
    context.free_codes.push_back(std::move(codes));
  }
}

template <typename T>
void LinearOp::BackwardIn(Tape& tape) {
  const int64_t rows = tape.rows();
  const int64_t in_features = tape.Width(x_);

  // The input as an operand: codes, whose scale 1/a goes into the gradient's rows, or values.
  Scratch<T> code_operand(tape.pool(), codes_ != nullptr ? rows * codes_->stride : 0);
  Scratch<float> inverse_scales(tape.pool(), rows);
  if (codes_ != nullptr) {
    CodesToOperand(codes_->codes.data(), rows * codes_->stride, code_operand.data());
    for (int64_t r = 0; r < rows; ++r) {
      inverse_scales.data()[r] = 1.0f / codes_->scales[static_cast<size_t>(r)];
    }
  }
  bool any_floats = false;
  for (const WeightId id : weights_) any_floats |= !TakesInt8(context_.weights[id]);
  Scratch<T> float_operand(tape.pool(), any_floats ? rows * in_features : 0);
  if (any_floats) MakeOperand(tape.Data(x_), rows, in_features, {}, float_operand.data());

  for (size_t i = 0; i < weights_.size(); ++i) {
    const WeightId id = weights_[i];
    const StepWeight& weight = context_.weights[id];
    const int64_t out_features = tape.Width(outs_[i]);
    const float* gradient = tape.Gradient(outs_[i]);
    const bool int8 = TakesInt8(weight);
    Scratch<T> scaled(tape.pool(), rows * out_features);

    MakeOperand(gradient, rows, out_features, WeightFactors(weight), scaled.data());
    const GradientTarget dx = tape.TargetFor(x_);
    const T* w = WeightOperand(weight, context_.Values(id), static_cast<const T*>(nullptr));
    Multiply(rows, in_features, out_features, Operand<T>{scaled.data(), out_features},
             Operand<T>{w, in_features}, dx.accumulate, dx.data);

    const ScaleFactors per_token{.row = int8 ? inverse_scales.data() : nullptr};
    MakeOperand(gradient, rows, out_features, per_token, scaled.data());
    const Operand<T> input = int8 ? Operand<T>{code_operand.data(), codes_->stride}
                                  : Operand<T>{float_operand.data(), in_features};
    Multiply(out_features, in_features, rows,
             Operand<T>{scaled.data(), out_features, Transpose::kYes}, input, true,
             context_.Gradients(id));
    context_.GradientReady(id);
  }
}

void LinearOp::Backward(Tape& tape) {
  if (context_.weights.precision() == Precision::kBF16) {
    BackwardIn<BFloat16>(tape);
  } else {
    BackwardIn<float>(tape);
  }
  if (residual_.valid()) tape.PassGradient(outs_[0], residual_);
  for (const Value out : outs_) tape.Free(out);
  if (codes_ != nullptr) context_.free_codes.push_back(std::move(codes_));
}

}  // namespace trit
