#include "training/rounding/quantization_report.h"

#include <fmt/format.h>

#include <cstddef>
#include <span>

#include "engine/formats/gguf_reader.h"
#include "engine/tensors/unpack_weight.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

RelativeError ErrorOf(const Model& source, const Model& quantized, const WeightInfo& info) {
  const PackedMatrix& before = source.weights[static_cast<size_t>(info.id)].matrix;
  const PackedMatrix& after = quantized.weights[static_cast<size_t>(info.id)].matrix;
  const RowOrder order(source, info, quantized.config.rope_style);
  std::vector<RelativeError> errors(static_cast<size_t>(info.rows));
  ParallelFor(info.rows, [&](int64_t row) {
    std::vector<float> expected(static_cast<size_t>(info.cols)), found(expected.size());
    UnpackWeights(before, order(row), expected.data());
    UnpackWeights(after, row, found.data());
    errors[static_cast<size_t>(row)].Add(found, expected);
  });
  RelativeError sum;
  for (const RelativeError& error : errors) sum.Add(error);
  return sum;
}

// Of plain numbers.
int64_t StoredBytes(const ModelWeight& weight) {
  const PackedMatrix& matrix = weight.matrix;
  if (!weight.vector.empty()) return static_cast<int64_t>(weight.vector.size() * sizeof(float));
  return matrix.rows * DenseRowBytes(matrix.format, matrix.cols);
}

// "layers.0" of "layers.0.mlp.up_proj".
std::string LayerName(const WeightInfo& info) { return fmt::format("layers.{}", info.layer); }

std::string PartOf(const WeightInfo& info) {
  switch (info.kind) {
    case WeightKind::kLinear:
      return LayerName(info);
    case WeightKind::kEmbedding:
      return "embeddings";
    case WeightKind::kHead:
      return "head";
    case WeightKind::kNorm:
    case WeightKind::kQuantizerScale:
    case WeightKind::kInputRange:
      return "norms";
  }
  return "";
}

ReportedPart& FindOrAdd(const std::string& name, std::vector<ReportedPart>& parts) {
  for (ReportedPart& part : parts) {
    if (part.name == name) return part;
  }
  return parts.emplace_back(ReportedPart{.name = name});
}

}  // namespace

void ReportedPart::Add(const ReportedMatrix& matrix) {
  ++num_tensors;
  num_weights += matrix.num_weights;
  bytes_before += matrix.bytes_before;
  bytes_after += matrix.bytes_after;
  if (!matrix.weights.empty()) weights.insert(matrix.weights);
  types.insert(matrix.type);
  error.Add(matrix.error);
  if (matrix.error.Value() > worst_error) {
    worst_error = matrix.error.Value();
    worst = matrix.name.starts_with(name + ".") ? matrix.name.substr(name.size() + 1) : matrix.name;
  }
}

double ReportedPart::BitsPerWeight() const {
  return num_weights > 0 ? 8 * static_cast<double>(bytes_after) / static_cast<double>(num_weights)
                         : 0.0;
}

QuantizationReport ReportQuantization(const Model& source, const Model& quantized,
                                      const QuantizationConfig& quantizers,
                                      const std::string& path) {
  const GgufReader reader(path);
  QuantizationReport report;
  report.matrices_total.name = "matrices";
  report.total.name = "all";
  ReportedPart norms{.name = PartOf({.kind = WeightKind::kNorm})};
  for (const WeightInfo& info : source.table.weights()) {
    const GgufTensorInfo& tensor = reader.RequireTensor(info.gguf_name);
    const bool linear = info.kind == WeightKind::kLinear;
    const QuantizerChoice* const rule = quantizers.RuleFor(info.name);
    const std::string table_weights = rule != nullptr && !info.IsVector() ? rule->weights : "";
    const ReportedMatrix matrix{
        .name = ShortWeightName(info.name),
        .weights = linear ? quantizers.For(info.name).weights : table_weights,
        .type = std::string(InfoOf(tensor.type).name),
        .num_weights = info.NumElements(),
        .bytes_before = StoredBytes(source.weights[static_cast<size_t>(info.id)]),
        .bytes_after = static_cast<int64_t>(tensor.size),
        .error = info.IsVector() ? RelativeError() : ErrorOf(source, quantized, info)};
    (info.IsVector() ? norms : FindOrAdd(PartOf(info), report.parts)).Add(matrix);
    if (linear) report.matrices_total.Add(matrix);
    report.total.Add(matrix);
    if (!info.IsVector()) report.matrices.push_back(matrix);
  }
  report.parts.push_back(norms);
  return report;
}

}  // namespace trit
