#include "engine/gguf_model_writer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/encode_ternary.h"
#include "engine/error.h"
#include "engine/float_codec.h"
#include "engine/gguf_config.h"
#include "engine/gguf_tokenizer.h"
#include "engine/gguf_writer.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kRunElements = int64_t{1} << 22;  // of a dense matrix encoded at a time

// The type a weight is written in.
TensorType TypeFor(const WeightInfo& info, const GgufModelOptions& options) {
  if (info.IsVector()) return TensorType::kF32;
  return info.kind == WeightKind::kLinear ? options.linear_type : options.embedding_type;
}

bool IsTernary(const PackedMatrix& matrix) {
  return matrix.format == WeightFormat::kTernary2Bit ||
         matrix.format == WeightFormat::kTernaryLookup;
}

float ScaleOf(const WeightScales& scales, int64_t rows, int64_t row, int64_t col) {
  switch (scales.kind) {
    case ScaleKind::kTensor:
      return scales.values[0];
    case ScaleKind::kRow:
      return scales.values[static_cast<size_t>(row)];
    case ScaleKind::kGroup:
      return scales.values[static_cast<size_t>(col / scales.group_size * rows + row)];
  }
  return 0;
}

// The weights themselves, scales included.
void UnpackWeights(const PackedMatrix& matrix, int64_t row, float* values) {
  if (TakesCodes(matrix.format)) {
    AlignedBuffer<int8_t> codes(static_cast<size_t>(matrix.cols));
    UnpackCodes(matrix, row, codes.data());
    std::copy(codes.begin(), codes.end(), values);
  } else {
    UnpackFloats(matrix, row, values);
  }
  for (int64_t c = 0; c < matrix.cols; ++c) {
    values[c] *= ScaleOf(matrix.scales, matrix.rows, row, c);
  }
}

// Trits of a matrix that inference holds as codes, or as floats because its inputs are floats.
AlignedBuffer<int8_t> Trits(const PackedMatrix& matrix, const TensorOrigin& origin) {
  AlignedBuffer<int8_t> trits(static_cast<size_t>(matrix.rows * matrix.cols));
  if (IsTernary(matrix)) {
    ParallelFor(matrix.rows,
                [&](int64_t row) { UnpackCodes(matrix, row, trits.data() + row * matrix.cols); });
    return trits;
  }
  bool ternary = matrix.format == WeightFormat::kBF16;
  AlignedBuffer<float> values(static_cast<size_t>(matrix.cols));
  for (int64_t row = 0; row < matrix.rows && ternary; ++row) {
    UnpackFloats(matrix, row, values.data());
    for (int64_t c = 0; c < matrix.cols; ++c) {
      const float value = values[static_cast<size_t>(c)];
      ternary &= value == 0 || value == 1 || value == -1;
      trits[static_cast<size_t>(row * matrix.cols + c)] =
          static_cast<int8_t>((value > 0) - (value < 0));
    }
  }
  if (!ternary) {
    throw UsageError(ErrorInfo{.what = "the matrix is not ternary",
                               .file = origin.file,
                               .tensor = origin.tensor,
                               .hint = "write a floating-point type such as f16"});
  }
  return trits;
}

void WriteDense(const PackedMatrix& matrix, TensorType type, const TensorOrigin& origin,
                TensorFileWriter& writer) {
  writer.BeginTensor(origin.tensor);
  const int64_t run = std::max<int64_t>(1, kRunElements / matrix.cols);
  AlignedBuffer<float> values(static_cast<size_t>(std::min(run, matrix.rows) * matrix.cols));
  for (int64_t begin = 0; begin < matrix.rows; begin += run) {
    const int64_t count = std::min(run, matrix.rows - begin);
    ParallelFor(count, [&](int64_t i) {
      UnpackWeights(matrix, begin + i, values.data() + i * matrix.cols);
    });
    writer.Append(EncodeFloats(type, count, matrix.cols, values.data(), origin).span());
  }
}

std::string ActivationQuantizerOf(const Model& model) {
  // One name for the file: the architecture's first projection stands for all, as training rules
  // that mix them cannot be told in a GGUF.
  const WeightId q_proj = model.table.Layer(0).q_proj;
  const ActivationQuantizer first = model.weights[static_cast<size_t>(q_proj)].activation_quantizer;
  for (const WeightInfo& info : model.table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    if (model.weights[static_cast<size_t>(info.id)].activation_quantizer != first) {
      throw UsageError(ErrorInfo{.what = "matrices with different activation quantizers do not fit "
                                         "into one GGUF file",
                                 .tensor = info.name});
    }
  }
  return ActivationQuantizerName(first);
}

GgufMetadata MakeMetadata(const Model& model, const std::string& path,
                          const GgufModelOptions& options) {
  GgufMetadata metadata(path);
  AppendGgufConfig(model.config, metadata);
  metadata.Set("general.name", model.name);
  metadata.Set("general.quantization_version", uint32_t{2});
  const int32_t file_type = InfoOf(options.linear_type).file_type;
  if (file_type >= 0) metadata.Set("general.file_type", static_cast<uint32_t>(file_type));
  metadata.Set("trit.activation_quantizer", ActivationQuantizerOf(model));
  metadata.Set(
      "trit.weight_quantizer",
      std::string(InfoOf(options.linear_type).ternary_codec != nullptr ? "ternary" : "none"));
  for (const auto& [key, value] : options.provenance) metadata.Set(key, value);
  if (model.tokenizer != nullptr) {
    AppendGgufTokenizer(model.tokenizer->data(), metadata);
    if (!model.chat_template.empty()) {
      metadata.Set("tokenizer.chat_template", model.chat_template);
    }
  } else {
    metadata.Set("tokenizer.ggml.model", std::string("no_vocab"));
  }
  return metadata;
}

}  // namespace

void WriteGgufModel(const Model& model, const std::string& path, const GgufModelOptions& options) {
  std::vector<GgufTensorInfo> tensors;
  for (const WeightInfo& info : model.table.weights()) {
    GgufTensorInfo tensor;
    tensor.name = info.gguf_name;
    tensor.type = TypeFor(info, options);
    tensor.dims = info.IsVector() ? std::vector<int64_t>{info.cols}
                                  : std::vector<int64_t>{info.cols, info.rows};
    tensors.push_back(std::move(tensor));
  }
  TensorFileWriter writer = CreateGguf(path, MakeMetadata(model, path, options), tensors);
  for (const WeightInfo& info : model.table.weights()) {
    const ModelWeight& weight = model.weights[static_cast<size_t>(info.id)];
    const TensorOrigin origin{path, info.gguf_name};
    const TensorType type = TypeFor(info, options);
    if (info.IsVector()) {
      writer.WriteTensor(info.gguf_name,
                         EncodeFloats(type, 1, info.cols, weight.vector.data(), origin).span());
    } else if (InfoOf(type).ternary_codec != nullptr) {
      const AlignedBuffer<int8_t> trits = Trits(weight.matrix, origin);
      writer.WriteTensor(info.gguf_name, EncodeTernary(type, info.rows, info.cols, trits.data(),
                                                       weight.matrix.scales, origin)
                                             .span());
    } else {
      WriteDense(weight.matrix, type, origin, writer);
    }
  }
  writer.Commit();
}

}  // namespace trit
