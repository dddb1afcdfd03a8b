#include "engine/formats/gguf_model_loader.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/formats/gguf_activations.h"
#include "engine/formats/gguf_config.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/gguf_tokenizer.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/tensors/pack_weight.h"
#include "engine/tokenizers/make_tokenizer.h"

namespace trit {
namespace {

[[noreturn]] void RefuseTensor(const GgufReader& reader, const std::string& tensor,
                               const std::string& what, const std::string& expected,
                               const std::string& found, const std::string& hint = "") {
  throw Error(ErrorInfo{.what = what,
                        .file = reader.path(),
                        .tensor = tensor,
                        .expected = expected,
                        .found = found,
                        .hint = hint});
}

std::string ShapeText(int64_t rows, int64_t cols) { return fmt::format("[{}, {}]", cols, rows); }

// "blk.0.attn_q.weight" -> "blk.0.attn_q.scale"
std::string ScaleTensorName(const std::string& weight_name) {
  return weight_name.substr(0, weight_name.rfind('.')) + ".scale";
}

// Of the parts of a model that was split, each is a file that says so.
const GgufReader& RefuseParts(const GgufReader& reader) {
  constexpr const char* kKey = "split.count";
  const int64_t parts = reader.metadata().FindInteger(kKey, 0, UINT16_MAX).value_or(1);
  if (parts <= 1) return reader;
  throw Error(ErrorInfo{.what = "the file is a part of a model",
                        .file = reader.path(),
                        .key = kKey,
                        .expected = "the whole model in one file",
                        .found = fmt::format("{} parts", parts),
                        .hint = "join them with llama-gguf-split --merge"});
}

class Loader {
 public:
  Loader(const std::string& path, const LoadOptions& options)
      : reader_(path),
        options_(options),
        file_config_(ReadGgufConfig(RefuseParts(reader_))),
        pack_options_{.i2s_layout = ChooseI2sLayout(reader_, options.i2s_layout),
                      .dense_activations = file_config_.dense_takes_int8
                                               ? ActivationQuantizer::kInt8PerToken
                                               : ActivationQuantizer::kNone,
                      .integers = HoldsIntegers()} {}

  std::unique_ptr<Model> Load() {
    auto model = std::make_unique<Model>(file_config_.config);
    CheckTensorList(model->table);
    activations_ = ReadGgufActivations(reader_.metadata(), model->table, reader_.path());
    for (const GgufTensorInfo& tensor : reader_.tensors()) {
      bytes_total_ += static_cast<int64_t>(tensor.size);
    }
    for (const WeightInfo& info : model->table.weights()) {
      LoadWeight(info, model->weights[static_cast<size_t>(info.id)]);
    }
    LoadTokenizer(*model);
    return model;
  }

 private:
  // Every weight of the table once, with its shape, and nothing else.
  void CheckTensorList(const WeightTable& table) const {
    std::set<std::string, std::less<>> known = {kFrequencyFactorsTensor};
    for (const WeightInfo& info : table.weights()) {
      const GgufTensorInfo& tensor = reader_.RequireTensor(info.gguf_name);
      const bool vector_ok = !info.IsVector() || tensor.dims.size() == 1;
      if (tensor.cols() != info.cols || tensor.rows() != info.rows || !vector_ok) {
        RefuseTensor(reader_, tensor.name, "wrong shape", ShapeText(info.rows, info.cols),
                     ShapeText(tensor.rows(), tensor.cols()));
      }
      known.insert(info.gguf_name);
      if (info.kind == WeightKind::kLinear) known.insert(ScaleTensorName(info.gguf_name));
    }
    for (const GgufTensorInfo& tensor : reader_.tensors()) {
      if (!known.contains(tensor.name)) {
        RefuseTensor(reader_, tensor.name, "the architecture has no such tensor", "", "",
                     "the model needs an extension that is not supported");
      }
    }
  }

  void LoadWeight(const WeightInfo& info, ModelWeight& weight) {
    const GgufTensorInfo& tensor = reader_.RequireTensor(info.gguf_name);
    PackOptions options = pack_options_;
    if (activations_) {
      const ActivationScheme& scheme = (*activations_)[static_cast<size_t>(info.id)];
      options.ternary_activations = options.dense_activations = scheme.quantizer;
      weight.activation_scale = scheme.static_scale;
    }
    PackWeight(info,
               {.origin = {reader_.path(), tensor.name},
                .type = tensor.type,
                .rows = tensor.rows(),
                .cols = tensor.cols(),
                .read = [&](std::span<uint8_t> bytes) { reader_.ReadTensor(tensor, bytes); }},
               options, weight);
    if (info.kind == WeightKind::kLinear) ApplyScaleTensor(info, weight);
    bytes_done_ += static_cast<int64_t>(tensor.size);
    if (options_.progress) options_.progress(bytes_done_, bytes_total_);
  }

  // Whether tensors of integers are what projections were trained as.
  bool HoldsIntegers() const {
    constexpr const char* kKey = "trit.weight_quantizer";
    const std::string* stated = reader_.metadata().FindString(kKey);
    if (stated == nullptr || *stated == "none" || *stated == "ternary") return false;
    for (const char* name : {"int2", "int4", "int8", "mixed"}) {
      if (*stated == name) return true;
    }
    throw Error(ErrorInfo{.what = "unknown weight quantizer",
                          .file = reader_.path(),
                          .key = kKey,
                          .expected = "none, ternary, int2, int4, int8 or mixed",
                          .found = *stated});
  }

  // An optional factor of the product, one number a matrix.
  void ApplyScaleTensor(const WeightInfo& info, ModelWeight& weight) const {
    const GgufTensorInfo* tensor = reader_.FindTensor(ScaleTensorName(info.gguf_name));
    if (tensor == nullptr) return;
    if (tensor->type != TensorType::kF32 || tensor->cols() != 1 || tensor->rows() != 1) {
      RefuseTensor(
          reader_, tensor->name, "wrong type or shape", "f32 [1]",
          std::string(InfoOf(tensor->type).name) + " " + ShapeText(tensor->rows(), tensor->cols()));
    }
    float factor = 0;
    reader_.ReadTensor(*tensor, {reinterpret_cast<uint8_t*>(&factor), sizeof(factor)});
    if (!(std::isfinite(factor) && factor >= 0)) {
      RefuseTensor(reader_, tensor->name, "not a scale", "a number of at least 0",
                   std::to_string(factor));
    }
    for (float& scale : weight.matrix.scales.values) scale *= factor;
    for (float& offset : weight.matrix.scales.offsets) offset *= factor;
  }

  void LoadTokenizer(Model& model) const {
    const GgufMetadata& metadata = reader_.metadata();
    if (const std::string* name = metadata.FindString("general.name")) model.name = *name;
    if (model.name.empty()) model.name = std::filesystem::path(reader_.path()).stem().string();
    if (const std::string* chat = metadata.FindString("tokenizer.chat_template")) {
      model.chat_template = *chat;
    }
    std::optional<TokenizerData> data = ReadGgufTokenizer(metadata);
    if (!options_.tokenizer.empty()) {
      data = ReadTokenizerFile(options_.tokenizer, model.config.vocab_size);
    }
    if (!data) return;
    if (static_cast<int64_t>(data->tokens.size()) != model.config.vocab_size) {
      throw Error(ErrorInfo{.what = "the vocabulary is not as large as the embedding",
                            .file = reader_.path(),
                            .key = "tokenizer.ggml.tokens",
                            .expected = std::to_string(model.config.vocab_size),
                            .found = std::to_string(data->tokens.size())});
    }
    model.tokenizer = MakeTokenizer(*data, reader_.path());
  }

  GgufReader reader_;
  const LoadOptions& options_;
  GgufModelConfig file_config_;
  PackOptions pack_options_;
  std::optional<std::vector<ActivationScheme>> activations_;
  int64_t bytes_done_ = 0;
  int64_t bytes_total_ = 0;
};

}  // namespace

std::unique_ptr<Model> LoadGgufModel(const std::string& path, const LoadOptions& options) {
  return Loader(path, options).Load();
}

}  // namespace trit
