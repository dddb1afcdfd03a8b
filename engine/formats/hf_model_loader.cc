#include "engine/formats/hf_model_loader.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <set>
#include <utility>

#include "engine/error.h"
#include "engine/formats/hf_config.h"
#include "engine/formats/hf_packed_trits.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/formats/safetensors.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/pack_weight.h"
#include "engine/tokenizers/make_tokenizer.h"

namespace trit {
namespace {

constexpr const char* kConfigFile = "config.json";
constexpr const char* kScaleSuffix = "_scale";  // "….q_proj.weight_scale"
constexpr const char* kTiedHead = "lm_head.weight";

// Names that 1bitLLM's earlier models have for the sub-norms.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"self_attn.attn_sub_norm.", "self_attn.inner_attn_ln."},
    {"mlp.ffn_sub_norm.", "mlp.ffn_layernorm."}};

std::string OtherName(const std::string& name) {
  for (const auto& [ours, other] : kOtherNames) {
    const size_t at = name.find(ours);
    if (at != std::string::npos) return std::string(name).replace(at, ours.size(), other);
  }
  return name;
}

class Loader {
 public:
  Loader(const std::string& directory, const LoadOptions& options)
      : directory_(directory),
        options_(options),
        config_(ReadHfConfig((std::filesystem::path(directory) / kConfigFile).string())),
        reader_(directory) {}

  std::unique_ptr<Model> Load() {
    auto model = std::make_unique<Model>(config_.model);
    for (const SafetensorsInfo& tensor : reader_.tensors()) {
      bytes_total_ += static_cast<int64_t>(tensor.size);
    }
    for (const WeightInfo& info : model->table.weights()) {
      LoadWeight(info, model->weights[static_cast<size_t>(info.id)]);
    }
    RefuseOthers();
    LoadTokenizer(*model);
    return model;
  }

 private:
  bool IsPacked(const WeightInfo& info, const SafetensorsInfo& tensor) const {
    return info.kind == WeightKind::kLinear && tensor.type == SafetensorsType::kU8 &&
           (config_.weights == HfWeights::kPackedMultiply ||
            config_.weights == HfWeights::kPackedDivide);
  }

  void LoadWeight(const WeightInfo& info, ModelWeight& weight) {
    const std::string other = OtherName(info.name);
    const bool has_other = reader_.FindTensor(info.name) == nullptr && reader_.FindTensor(other);
    const SafetensorsInfo& tensor = reader_.RequireTensor(has_other ? other : info.name);
    known_.insert(tensor.name);
    if (IsPacked(info, tensor)) {
      LoadPacked(info, tensor, weight);
    } else {
      LoadFloats(info, tensor, weight);
    }
    bytes_done_ += static_cast<int64_t>(tensor.size);
    if (options_.progress) options_.progress(bytes_done_, bytes_total_);
  }

  void RequireShape(const SafetensorsInfo& tensor, const std::vector<int64_t>& shape) const {
    reader_.RequireTensor(tensor.name, tensor.type, shape);
  }

  void LoadFloats(const WeightInfo& info, const SafetensorsInfo& tensor, ModelWeight& weight) {
    RequireShape(tensor, info.IsVector() ? std::vector<int64_t>{info.cols}
                                         : std::vector<int64_t>{info.rows, info.cols});
    const TensorType type = reader_.FloatTypeOf(tensor);
    PackWeight(info,
               {.origin = {reader_.PathOf(tensor), tensor.name},
                .type = type,
                .rows = info.rows,
                .cols = info.cols,
                .read = [&](std::span<uint8_t> bytes) { reader_.ReadTensor(tensor, bytes); }},
               {.latent = config_.weights == HfWeights::kTernaryOnline}, weight);
  }

  void LoadPacked(const WeightInfo& info, const SafetensorsInfo& tensor, ModelWeight& weight) {
    RequireShape(tensor, {HfPackedRows(info.rows), info.cols});
    const AlignedBuffer<uint8_t> bytes = reader_.ReadTensor(tensor);
    CheckHfTrits(bytes.span(), info.rows, info.cols, {reader_.PathOf(tensor), tensor.name});
    WeightScales scales;
    scales.values = AlignedBuffer<float>(1);
    scales.values[0] = ReadScale(tensor.name + kScaleSuffix);
    PackTrits(
        info.rows, info.cols, std::move(scales),
        [&](int64_t row, int8_t* trits) {
          DecodeHfTrits(bytes.span(), info.rows, info.cols, row, trits);
        },
        ActivationQuantizer::kInt8PerToken, weight);
  }

  float ReadScale(const std::string& name) {
    const SafetensorsInfo& tensor = reader_.RequireTensor(name);
    known_.insert(name);
    const AlignedBuffer<uint8_t> bytes = reader_.ReadTensor(tensor);
    const TensorView view = reader_.FloatView(tensor, bytes.span());
    float stored = 0;
    if (view.rows * view.cols == 1) DecodeFloats(view, 0, &stored);
    const float scale = config_.weights == HfWeights::kPackedDivide ? 1.0f / stored : stored;
    if (!(std::isfinite(scale) && scale > 0)) {
      throw Error(ErrorInfo{.what = "not a scale",
                            .file = reader_.PathOf(tensor),
                            .tensor = name,
                            .expected = "one number above 0",
                            .found = view.rows * view.cols == 1
                                         ? fmt::format("{}", stored)
                                         : fmt::format("{} numbers", view.rows * view.cols)});
    }
    return scale;
  }

  void RefuseOthers() const {
    for (const SafetensorsInfo& tensor : reader_.tensors()) {
      const bool computed = tensor.name.ends_with(".rotary_emb.inv_freq");
      const bool tied = config_.model.tie_word_embeddings && tensor.name == kTiedHead;
      if (computed || tied || known_.contains(tensor.name)) continue;
      throw Error(ErrorInfo{.what = "the architecture has no such tensor",
                            .file = reader_.PathOf(tensor),
                            .tensor = tensor.name,
                            .hint = "the model needs an extension that is not supported"});
    }
  }

  void LoadTokenizer(Model& model) const {
    const std::filesystem::path path(directory_);
    model.name = (path.has_filename() ? path : path.parent_path()).filename().string();
    HfTokenizer tokenizer = ReadHfTokenizer(directory_, config_);
    model.chat_template = std::move(tokenizer.chat_template);
    if (!options_.tokenizer.empty()) {
      tokenizer.data = ReadTokenizerFile(options_.tokenizer, model.config.vocab_size);
    }
    if (tokenizer.data) model.tokenizer = MakeTokenizer(*tokenizer.data, directory_);
  }

  const std::string& directory_;
  const LoadOptions& options_;
  HfConfig config_;
  SafetensorsReader reader_;
  std::set<std::string, std::less<>> known_;  // tensors that are used
  int64_t bytes_done_ = 0;
  int64_t bytes_total_ = 0;
};

}  // namespace

std::unique_ptr<Model> LoadHfModel(const std::string& directory, const LoadOptions& options) {
  return Loader(directory, options).Load();
}

}  // namespace trit
