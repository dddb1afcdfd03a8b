#include "engine/formats/hf_model_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/files/output_file.h"
#include "engine/formats/hf_config.h"
#include "engine/formats/hf_packed_trits.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/formats/safetensors.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/unpack_weight.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kRunElements = int64_t{1} << 22;  // of a dense matrix encoded at a time

// How a weight is stored.
struct Stored {
  const WeightInfo& info;
  const ModelWeight& weight;
  RowOrder order;
  bool packed;
  SafetensorsType type;  // of floats
};

bool TakesInt8(const ModelWeight& weight) {
  return weight.activation_quantizer == ActivationQuantizer::kInt8PerToken;
}

// A type that has every value of the matrix.
SafetensorsType FloatTypeFor(const PackedMatrix& matrix) {
  const bool plain = matrix.scales.kind == ScaleKind::kTensor && matrix.scales.values[0] == 1.0f;
  if (plain && matrix.format == WeightFormat::kF16) return SafetensorsType::kF16;
  if (plain && matrix.format == WeightFormat::kBF16) return SafetensorsType::kBF16;
  return SafetensorsType::kF32;
}

TensorType TensorTypeOf(SafetensorsType type) {
  if (type == SafetensorsType::kF16) return TensorType::kF16;
  return type == SafetensorsType::kBF16 ? TensorType::kBF16 : TensorType::kF32;
}

Stored Plan(const Model& model, const WeightInfo& info, const std::string& directory) {
  const ModelWeight& weight = model.weights[static_cast<size_t>(info.id)];
  Stored stored{info, weight, RowOrder(model, info, RopeStyle::kHalves), false,
                SafetensorsType::kF32};
  if (info.IsVector()) return stored;
  stored.type = FloatTypeFor(weight.matrix);
  if (info.kind != WeightKind::kLinear || !TakesInt8(weight)) return stored;
  const WeightScales& scales = weight.matrix.scales;
  if (!HoldsTrits(weight.matrix) ||
      !std::all_of(scales.values.begin(), scales.values.end(),
                   [&](float scale) { return scale == scales.values[0]; })) {
    throw UsageError(ErrorInfo{
        .what = "a matrix with int8 inputs does not fit Hugging Face's layout",
        .file = directory,
        .tensor = info.name,
        .expected = "trits with one scale, or inputs that are floats",
        .found = HoldsTrits(weight.matrix)      ? fmt::format("{} scales", scales.values.size())
                 : HoldsIntegers(weight.matrix) ? "integers"
                                                : "other weights",
        .hint = "a GGUF file holds it"});
  }
  stored.packed = true;
  return stored;
}

void AppendInfo(const Stored& stored, std::vector<SafetensorsInfo>& tensors) {
  const WeightInfo& info = stored.info;
  const auto append = [&](const std::string& name, SafetensorsType type,
                          std::vector<int64_t> shape) {
    SafetensorsInfo& tensor = tensors.emplace_back();
    tensor.name = name;
    tensor.type = type;
    tensor.shape = std::move(shape);
  };
  if (stored.packed) {
    append(info.name, SafetensorsType::kU8, {HfPackedRows(info.rows), info.cols});
    append(info.name + "_scale", SafetensorsType::kF32, {1});
  } else if (info.IsVector()) {
    append(info.name, SafetensorsType::kF32, {info.cols});
  } else {
    append(info.name, stored.type, {info.rows, info.cols});
  }
}

std::span<const uint8_t> BytesOf(const float* values, int64_t count) {
  return {reinterpret_cast<const uint8_t*>(values), static_cast<size_t>(count) * sizeof(float)};
}

void WriteFloats(const Stored& stored, const TensorOrigin& origin, TensorFileWriter& writer) {
  const PackedMatrix& matrix = stored.weight.matrix;
  writer.BeginTensor(origin.tensor);
  const int64_t run = std::max<int64_t>(1, kRunElements / matrix.cols);
  AlignedBuffer<float> values(static_cast<size_t>(std::min(run, matrix.rows) * matrix.cols));
  for (int64_t begin = 0; begin < matrix.rows; begin += run) {
    const int64_t count = std::min(run, matrix.rows - begin);
    ParallelFor(count, [&](int64_t i) {
      UnpackWeights(matrix, stored.order(begin + i), values.data() + i * matrix.cols);
    });
    const TensorType type = TensorTypeOf(stored.type);
    writer.Append(EncodeFloats(type, count, matrix.cols, values.data(), origin).span());
  }
}

void WriteTensors(const Stored& stored, const std::string& file, TensorFileWriter& writer) {
  const WeightInfo& info = stored.info;
  const PackedMatrix& matrix = stored.weight.matrix;
  if (stored.packed) {
    const AlignedBuffer<int8_t> trits = UnpackCodes(matrix, stored.order);
    writer.WriteTensor(info.name, EncodeHfTrits(trits.span(), info.rows, info.cols).span());
    writer.WriteTensor(info.name + "_scale", BytesOf(matrix.scales.values.data(), 1));
  } else if (info.IsVector()) {
    writer.WriteTensor(info.name, BytesOf(stored.weight.vector.data(), info.cols));
  } else {
    WriteFloats(stored, {file, info.name}, writer);
  }
}

HfConfig ConfigFor(const Model& model, const std::vector<Stored>& weights) {
  HfConfig config;
  config.model = model.config;
  config.model.rope_style = RopeStyle::kHalves;  // RowOrder sees to it
  for (const Stored& stored : weights) {
    if (stored.packed) {
      config.weights = HfWeights::kPackedMultiply;
    } else if (stored.info.kind == WeightKind::kLinear) {
      config.not_converted.push_back(stored.info.name.substr(0, stored.info.name.rfind('.')));
    }
    if (stored.info.kind == WeightKind::kEmbedding) {
      config.torch_dtype = stored.type == SafetensorsType::kF16    ? "float16"
                           : stored.type == SafetensorsType::kBF16 ? "bfloat16"
                                                                   : "float32";
    }
  }
  if (config.weights == HfWeights::kPlain) config.not_converted.clear();
  if (model.tokenizer != nullptr) {
    const SpecialTokens& special = model.tokenizer->special();
    config.bos_token_id = special.bos;
    if (special.eos >= 0) config.eos_token_ids = {special.eos};
  }
  return config;
}

void CreateDirectory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (!error) return;
  throw Error(ErrorInfo{
      .what = "cannot create the directory", .file = directory, .found = error.message()});
}

}  // namespace

void WriteHfModel(const Model& model, const std::string& directory) {
  std::vector<Stored> weights;
  for (const WeightInfo& info : model.table.weights()) {
    weights.push_back(Plan(model, info, directory));
  }
  const std::filesystem::path root(directory);
  const std::string config_path = (root / "config.json").string();
  const std::string config = HfConfigToJson(ConfigFor(model, weights), config_path);

  CreateDirectory(directory);
  std::vector<SafetensorsInfo> tensors;
  for (const Stored& stored : weights) AppendInfo(stored, tensors);
  const std::string file = (root / "model.safetensors").string();
  // transformers refuses a file that does not say which framework's it is.
  TensorFileWriter writer = CreateSafetensors(file, tensors, {{"format", "pt"}});
  for (const Stored& stored : weights) WriteTensors(stored, file, writer);
  writer.Commit();
  if (model.tokenizer != nullptr) {
    WriteHfTokenizer(*model.tokenizer, model.chat_template, directory);
  }
  WriteTextFile(config_path, config);
}

}  // namespace trit
