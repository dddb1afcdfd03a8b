#include "engine/formats/gguf_model_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "engine/error.h"
#include "engine/formats/gguf_activations.h"
#include "engine/formats/gguf_config.h"
#include "engine/formats/gguf_tokenizer.h"
#include "engine/formats/gguf_writer.h"
#include "engine/tensors/encode_ternary.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/integer_tensor.h"
#include "engine/tensors/pack_weight.h"
#include "engine/tensors/unpack_weight.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kRunElements = int64_t{1} << 22;  // of a dense matrix encoded at a time

// Whether the weights are what the rows hold, without a scale.
bool IsPlain(const PackedMatrix& matrix) {
  return matrix.scales.kind == ScaleKind::kTensor && matrix.scales.values[0] == 1.0f;
}

bool HasExactTernaryScales(TensorType type, const WeightScales& scales) {
  return InfoOf(type).ternary_codec->scale_type == TensorType::kF32 ||
         std::all_of(scales.values.begin(), scales.values.end(),
                     [](float scale) { return F16ToF32(F32ToF16(scale)) == scale; });
}

// The codes and scales of a matrix held as kQ8_0.
IntegerMatrix BlocksOf(const PackedMatrix& matrix) {
  const IntegerTensor tensor({.origin = {},
                              .type = TensorType::kQ8_0,
                              .rows = matrix.rows,
                              .cols = matrix.cols,
                              .bytes = matrix.data.span()});
  IntegerMatrix blocks{
      .rows = matrix.rows,
      .cols = matrix.cols,
      .codes = AlignedBuffer<int8_t>(static_cast<size_t>(matrix.rows * matrix.cols)),
      .scales = tensor.ReadScales()};
  ParallelFor(matrix.rows, [&](int64_t row) {
    tensor.DecodeCodes(row, blocks.codes.data() + row * matrix.cols);
  });
  return blocks;
}

// The smallest type that has a matrix exactly, but perhaps for the rounding of scales that options
// allow.
TensorType ExactType(const PackedMatrix& matrix, const GgufModelOptions& options) {
  if (HoldsTrits(matrix) || HoldsIntegers(matrix)) {
    const std::optional<TensorType> type =
        GgufCodeType(CodeSpanOf(matrix), matrix.cols, matrix.scales);
    if (!type) return TensorType::kF32;
    const bool exact = IsIntegerType(*type) ? HasExactScales(*type, matrix.scales)
                                            : HasExactTernaryScales(*type, matrix.scales);
    return exact || options.round_scales ? *type : TensorType::kF32;
  }
  if (!IsPlain(matrix)) return TensorType::kF32;
  switch (matrix.format) {
    case WeightFormat::kF16:
      return TensorType::kF16;
    case WeightFormat::kBF16:
      return TensorType::kBF16;
    case WeightFormat::kQ8_0:
      return TensorType::kQ8_0;
    case WeightFormat::kQ6_K:
      return TensorType::kQ6_K;
    default:
      return TensorType::kF32;
  }
}

// Blocks of q8_0 whose codes have 4 bits, as embeddings of int4 are held: q4_0 says the same.
bool FitsQ4_0(const PackedMatrix& matrix) {
  if (matrix.format != WeightFormat::kQ8_0) return false;
  const CodeSpan span = SpanOf(BlocksOf(matrix).codes.span());
  return span.min >= -8 && span.max <= 7;
}

// The type a weight is written in.
TensorType TypeFor(const Model& model, const WeightInfo& info, const GgufModelOptions& options) {
  if (info.IsVector()) return TensorType::kF32;
  const std::optional<TensorType>& asked =
      info.kind == WeightKind::kLinear ? options.linear_type : options.embedding_type;
  if (asked) return *asked;
  const PackedMatrix& matrix = model.weights[static_cast<size_t>(info.id)].matrix;
  if (info.kind != WeightKind::kLinear && FitsQ4_0(matrix)) return TensorType::kQ4_0;
  return ExactType(matrix, options);
}

// Whether the matrix goes into the file as its codes.
bool WritesIntegers(const PackedMatrix& matrix, TensorType type) {
  return IsIntegerType(type) && HoldsIntegers(matrix);
}

[[noreturn]] void RefuseCodeType(const PackedMatrix& matrix, TensorType type,
                                 const TensorOrigin& origin) {
  const bool ternary = InfoOf(type).ternary_codec != nullptr;
  std::string hint = "write a floating-point type such as f16";
  if (HoldsTrits(matrix)) {
    hint = "write i2_s or another ternary type, which keep its trits";
  } else if (HoldsIntegers(matrix)) {
    hint = "write q2_0, q4_0, q4_1 or q8_0, which keep integers that fit";
  }
  throw UsageError(
      ErrorInfo{.what = fmt::format("the matrix has no {}, which {} is for",
                                    !ternary                    ? "integers of 4 bits"
                                    : type == TensorType::kQ2_0 ? "trits or integers of 2 bits"
                                                                : "trits",
                                    InfoOf(type).name),
                .file = origin.file,
                .tensor = origin.tensor,
                .hint = std::move(hint)});
}

void WriteIntegers(const PackedMatrix& matrix, const RowOrder& order, TensorType type,
                   const TensorOrigin& origin, TensorFileWriter& writer) {
  const IntegerMatrix integers{.rows = matrix.rows,
                               .cols = matrix.cols,
                               .codes = UnpackCodes(matrix, order),
                               .scales = UnpackScales(matrix, order)};
  writer.WriteTensor(origin.tensor, EncodeIntegers(type, integers, origin).span());
}

void WriteTernary(const PackedMatrix& matrix, const RowOrder& order, TensorType type,
                  const TensorOrigin& origin, TensorFileWriter& writer) {
  if (!HoldsTrits(matrix)) RefuseCodeType(matrix, type, origin);
  const AlignedBuffer<int8_t> trits = UnpackCodes(matrix, order);
  const WeightScales scales = UnpackScales(matrix, order);
  writer.WriteTensor(
      origin.tensor,
      EncodeTernary(type, matrix.rows, matrix.cols, trits.data(), scales, origin).span());
}

void WriteDense(const PackedMatrix& matrix, const RowOrder& order, TensorType type,
                const TensorOrigin& origin, TensorFileWriter& writer) {
  // Floats have no type of 4 bits here: rounding them is for quantizers to do.
  if (type == TensorType::kQ4_0 || type == TensorType::kQ4_1) RefuseCodeType(matrix, type, origin);
  writer.BeginTensor(origin.tensor);
  if (DenseFormatOf(type) == matrix.format && IsPlain(matrix)) {
    // As they are: blocks encoded anew could get other scales, and so other values.
    const int64_t row_bytes = DenseRowBytes(matrix.format, matrix.cols);
    for (int64_t row = 0; row < matrix.rows; ++row) {
      writer.Append({matrix.data.data() + order(row) * row_bytes, static_cast<size_t>(row_bytes)});
    }
    return;
  }
  const int64_t run = std::max<int64_t>(1, kRunElements / matrix.cols);
  AlignedBuffer<float> values(static_cast<size_t>(std::min(run, matrix.rows) * matrix.cols));
  for (int64_t begin = 0; begin < matrix.rows; begin += run) {
    const int64_t count = std::min(run, matrix.rows - begin);
    ParallelFor(count, [&](int64_t i) {
      UnpackWeights(matrix, order(begin + i), values.data() + i * matrix.cols);
    });
    writer.Append(EncodeFloats(type, count, matrix.cols, values.data(), origin).span());
  }
}

// What the weights of projections are: one word for all of them, or "mixed" where some of several
// kinds are integers, which a reader cannot tell from numbers.
std::string WeightQuantizerOf(const Model& model, const std::vector<GgufTensorInfo>& tensors) {
  std::set<std::string> names;
  for (const WeightInfo& info : model.table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    const TensorType type = tensors[static_cast<size_t>(info.id)].type;
    std::string own = "none";
    if (WritesIntegers(model.weights[static_cast<size_t>(info.id)].matrix, type)) {
      own = type == TensorType::kQ8_0 ? "int8" : type == TensorType::kQ2_0 ? "int2" : "int4";
    } else if (InfoOf(type).ternary_codec != nullptr) {
      own = "ternary";
    }
    names.insert(own);
  }
  if (names.size() == 1) return *names.begin();
  const bool integers = names.contains("int2") || names.contains("int4") || names.contains("int8");
  return integers ? "mixed" : names.contains("ternary") ? "ternary" : "none";
}

GgufMetadata MakeMetadata(const Model& model, const std::string& path,
                          const std::vector<GgufTensorInfo>& tensors,
                          const GgufModelOptions& options) {
  GgufMetadata metadata(path);
  AppendGgufConfig(model.config, metadata);
  metadata.Set("general.name", model.name);
  metadata.Set("general.quantization_version", uint32_t{2});
  // One for the file: that of the first projection, which a reader may go by.
  const TensorType type = tensors[static_cast<size_t>(model.table.Layer(0).q_proj)].type;
  const int32_t file_type = InfoOf(type).file_type;
  if (file_type >= 0) metadata.Set("general.file_type", static_cast<uint32_t>(file_type));
  AppendGgufActivations(model, metadata);
  metadata.Set("trit.weight_quantizer", WeightQuantizerOf(model, tensors));
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

std::optional<TensorType> GgufCodeType(CodeSpan span, int64_t cols, const WeightScales& scales) {
  if (span.min < -1 || span.max > 1 || !scales.offsets.empty()) {
    return IntegerTypeFor(span, cols, scales);
  }
  for (const TensorType type :
       {TensorType::kI2_S, TensorType::kIQ2_BN, TensorType::kTQ2_0, TensorType::kQ2_0}) {
    if (HoldsTernary(type, cols, scales)) return type;
  }
  return std::nullopt;
}

void WriteGgufModel(const Model& model, const std::string& path, const GgufModelOptions& options) {
  std::vector<GgufTensorInfo> tensors;
  for (const WeightInfo& info : model.table.weights()) {
    GgufTensorInfo tensor;
    tensor.name = info.gguf_name;
    tensor.type = TypeFor(model, info, options);
    tensor.dims = info.IsVector() ? std::vector<int64_t>{info.cols}
                                  : std::vector<int64_t>{info.cols, info.rows};
    tensors.push_back(std::move(tensor));
  }
  const std::vector<float> frequency_factors = GgufFrequencyFactors(model.config);
  if (!frequency_factors.empty()) {
    GgufTensorInfo tensor;
    tensor.name = kFrequencyFactorsTensor;
    tensor.dims = {static_cast<int64_t>(frequency_factors.size())};
    tensors.push_back(std::move(tensor));
  }
  const RopeStyle style = GgufRopeStyle(GgufArchitecture(model.config));
  TensorFileWriter writer = CreateGguf(path, MakeMetadata(model, path, tensors, options), tensors);
  for (const WeightInfo& info : model.table.weights()) {
    const ModelWeight& weight = model.weights[static_cast<size_t>(info.id)];
    const TensorOrigin origin{path, info.gguf_name};
    const TensorType type = tensors[static_cast<size_t>(info.id)].type;
    const RowOrder order(model, info, style);
    if (info.IsVector()) {
      writer.WriteTensor(info.gguf_name,
                         EncodeFloats(type, 1, info.cols, weight.vector.data(), origin).span());
    } else if (WritesIntegers(weight.matrix, type)) {
      WriteIntegers(weight.matrix, order, type, origin, writer);
    } else if (InfoOf(type).ternary_codec != nullptr) {
      WriteTernary(weight.matrix, order, type, origin, writer);
    } else if (type == TensorType::kQ4_0 && order.is_identity() && FitsQ4_0(weight.matrix)) {
      writer.WriteTensor(origin.tensor,
                         EncodeIntegers(type, BlocksOf(weight.matrix), origin).span());
    } else {
      WriteDense(weight.matrix, order, type, origin, writer);
    }
  }
  if (!frequency_factors.empty()) {
    writer.WriteTensor(kFrequencyFactorsTensor,
                       {reinterpret_cast<const uint8_t*>(frequency_factors.data()),
                        frequency_factors.size() * sizeof(float)});
  }
  writer.Commit();
}

}  // namespace trit
