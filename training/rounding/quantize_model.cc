#include "training/rounding/quantize_model.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/formats/gguf_model_writer.h"
#include "engine/tensors/unpack_weight.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/parallel_for.h"
#include "training/config/quantizer_text.h"
#include "training/quantizers/activation_choice.h"
#include "training/quantizers/pack_quantized.h"
#include "training/quantizers/table_quantizer.h"
#include "training/quantizers/weight_width.h"

namespace trit {
namespace {

template <typename T>
AlignedBuffer<T> CopyOf(const AlignedBuffer<T>& buffer) {
  AlignedBuffer<T> copy(buffer.size());
  std::copy(buffer.begin(), buffer.end(), copy.begin());
  return copy;
}

ModelWeight CopyOf(const ModelWeight& weight) {
  ModelWeight copy;
  copy.matrix = {.format = weight.matrix.format,
                 .rows = weight.matrix.rows,
                 .cols = weight.matrix.cols,
                 .scales = CopyOf(weight.matrix.scales),
                 .data = CopyOf(weight.matrix.data)};
  copy.vector = CopyOf(weight.vector);
  copy.activation_quantizer = weight.activation_quantizer;
  copy.activation_scale = weight.activation_scale;
  return copy;
}

bool IsPlain(const PackedMatrix& matrix) {
  const bool floats = matrix.format == WeightFormat::kF32 || matrix.format == WeightFormat::kF16 ||
                      matrix.format == WeightFormat::kBF16;
  return floats && matrix.scales.kind == ScaleKind::kTensor && matrix.scales.values[0] == 1.0f;
}

// What may be asked for instead of what no file type holds.
std::string FittingText(const QuantizerChoice& choice, const WeightQuantizer& quantizer) {
  if (quantizer.min_code() == -1) {
    if (quantizer.cols() % 64 != 0) return "rows of a multiple of 64 weights";
    return "\"tensor\", \"row\" or groups of a multiple of 64";
  }
  if (!choice.symmetric && choice.weights == "int8") {
    return "symmetric weights, or int4 with offsets";
  }
  if (quantizer.cols() % 32 != 0) return "rows of a multiple of 32 weights";
  return "\"tensor\", \"row\" or groups of a multiple of 32";
}

void RequireFileType(const QuantizerChoice& choice, const WeightQuantizer& quantizer,
                     const WeightInfo& info) {
  const CodeSpan span{quantizer.min_code(), quantizer.max_code()};
  WeightScales scales = quantizer.MakeScales();  // all different, as they may turn out
  std::iota(scales.values.begin(), scales.values.end(), 1.0f);
  if (GgufCodeType(span, info.cols, scales)) return;
  throw UsageError(ErrorInfo{.what = "no type of GGUF files has such weights",
                             .tensor = info.name,
                             .expected = FittingText(choice, quantizer),
                             .found = QuantizerText({.standard = choice, .rules = {}}),
                             .hint = "a rule for the matrix may give it others, or \"none\""});
}

// Null: the matrix stays as it is.
std::unique_ptr<WeightQuantizer> QuantizerFor(const QuantizerChoice& choice,
                                              const WeightInfo& info) {
  const bool linear = info.kind == WeightKind::kLinear;
  std::unique_ptr<WeightQuantizer> quantizer =
      linear ? MakeWeightQuantizer(choice, info) : MakeTableQuantizer(choice, info);
  if (quantizer == nullptr) return nullptr;
  if (quantizer->NumLearned() > 0) {
    throw UsageError(ErrorInfo{.what = "learned scales need training",
                               .key = "quantizer.scale",
                               .tensor = info.name,
                               .expected = "a rule that weights alone settle, such as \"mse\"",
                               .found = '"' + Resolved(choice).scale + '"'});
  }
  if (linear) RequireFileType(choice, *quantizer, info);
  return quantizer;
}

// Throws UsageError where the range of static ones is missing.
ActivationScheme ActivationsFor(const QuantizerChoice& choice, const WeightInfo& info,
                                std::span<const float> ranges) {
  ActivationScheme activations{ActivationQuantizerOf(choice)};
  if (activations.quantizer != ActivationQuantizer::kInt8Static) return activations;
  const float range = ranges.empty() ? 0.0f : ranges[static_cast<size_t>(info.id)];
  if (!(range > 0)) {
    throw UsageError(ErrorInfo{.what = "static activations need a range",
                               .key = "quantizer.activations",
                               .tensor = info.name,
                               .hint = "calibrate it on a text"});
  }
  activations.static_scale = StaticActivationScale(range);
  return activations;
}

// What a matrix becomes; without a quantizer it stays as it is.
struct Plan {
  std::unique_ptr<WeightQuantizer> quantizer;
  ActivationScheme activations;
};

ModelWeight Round(const ModelWeight& weight, const WeightInfo& info, const Plan& plan,
                  const RoundingMethod& method) {
  const WeightQuantizer& quantizer = *plan.quantizer;
  AlignedBuffer<float> values(static_cast<size_t>(info.NumElements()));
  ParallelFor(info.rows, [&](int64_t row) {
    UnpackWeights(weight.matrix, row, values.data() + row * info.cols);
  });
  AlignedBuffer<int8_t> codes(values.size());
  WeightScales scales = quantizer.MakeScales();
  method(info, quantizer, values.data(), codes.data(), scales);
  ModelWeight rounded;
  if (info.kind != WeightKind::kLinear) {
    RoundTableScales(scales);
    rounded.matrix = PackTable(info, codes.data(), scales);
    return rounded;
  }
  rounded.activation_quantizer = plan.activations.quantizer;
  rounded.activation_scale = plan.activations.static_scale;
  rounded.matrix = PackQuantized(quantizer, codes.data(), scales,
                                 plan.activations.TakesCodes() || !quantizer.symmetric());
  return rounded;
}

}  // namespace

void RoundToNearest(const WeightInfo&, const WeightQuantizer& quantizer, const float* weights,
                    int8_t* codes, WeightScales& scales) {
  quantizer.Quantize(weights, nullptr, codes, scales);
}

void RequireFullPrecision(const Model& model, const std::string& file) {
  for (const WeightInfo& info : model.table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    const PackedMatrix& matrix = model.weights[static_cast<size_t>(info.id)].matrix;
    if (IsPlain(matrix)) continue;
    const bool trits = HoldsTrits(matrix);
    throw Error(ErrorInfo{
        .what = "the weights are quantized already",
        .file = file,
        .tensor = info.name,
        .expected = "floats: f32, f16 or bf16",
        .found = trits ? std::string("trits") : std::string(WeightFormatName(matrix.format)),
        .hint = "quantize the model it was made of; trit convert writes this one in other types"});
  }
}

Model QuantizeModel(const Model& model, const QuantizationConfig& quantizers,
                    std::span<const float> activation_ranges, const RoundingMethod& method,
                    const std::function<void(const WeightInfo&)>& progress) {
  RequireRulesMatch(quantizers, model.table);
  std::vector<Plan> plans(model.table.size());
  for (const WeightInfo& info : model.table.weights()) {
    if (info.IsVector()) continue;
    Plan& plan = plans[static_cast<size_t>(info.id)];
    if (info.kind == WeightKind::kLinear) {
      const QuantizerChoice& choice = quantizers.For(info.name);
      plan = {QuantizerFor(choice, info), ActivationsFor(choice, info, activation_ranges)};
    } else if (const QuantizerChoice* choice = quantizers.RuleFor(info.name)) {
      plan.quantizer = QuantizerFor(*choice, info);
    }
  }
  if (std::all_of(plans.begin(), plans.end(),
                  [](const Plan& plan) { return plan.quantizer == nullptr; })) {
    throw UsageError(ErrorInfo{.what = "nothing to round",
                               .key = "quantizer.weights",
                               .expected = "a width for some of the matrices",
                               .found = "\"none\" for all of them"});
  }
  Model result(model.config);
  for (const WeightInfo& info : model.table.weights()) {
    const auto i = static_cast<size_t>(info.id);
    if (plans[i].quantizer == nullptr) {
      result.weights[i] = CopyOf(model.weights[i]);
      continue;
    }
    if (progress) progress(info);
    result.weights[i] = Round(model.weights[i], info, plans[i], method);
  }
  result.tokenizer = model.tokenizer;
  result.chat_template = model.chat_template;
  result.name = model.name;
  return result;
}

}  // namespace trit
