#include "engine/formats/gguf_config.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "engine/error.h"
#include "engine/tensors/float_codec.h"

namespace trit {
namespace {

constexpr int64_t kMaxCount = int64_t{1} << 31;

[[noreturn]] void Refuse(const GgufReader& reader, const std::string& key, const std::string& what,
                         const std::string& expected, const std::string& found,
                         const std::string& hint = "") {
  throw Error(ErrorInfo{.what = what,
                        .file = reader.path(),
                        .key = key,
                        .expected = expected,
                        .found = found,
                        .hint = hint});
}

// A count that some converters write as an array with a value a layer; the values must agree.
int64_t RequireCount(const GgufReader& reader, const std::string& key) {
  const GgufMetadata& metadata = reader.metadata();
  const GgufValue* value = metadata.Find(key);
  if (value == nullptr || value->index() != kGgufArrayId) {
    return metadata.RequireInteger(key, 0, kMaxCount);
  }
  const std::vector<int64_t> values = *metadata.FindIntegers(key, 0, kMaxCount);
  if (values.empty()) Refuse(reader, key, "an empty array", "a value a layer", "none");
  for (const int64_t v : values) {
    if (v != values[0]) {
      Refuse(reader, key, "layers of different shapes are not supported",
             std::to_string(values[0]) + " in every layer", std::to_string(v));
    }
  }
  return values[0];
}

// All angles divided by a constant, as frequency factors.
std::vector<float> LinearScaling(const GgufReader& reader, const std::string& arch,
                                 int64_t head_dim) {
  const GgufMetadata& metadata = reader.metadata();
  const std::string* type = metadata.FindString(arch + ".rope.scaling.type");
  const float factor = metadata.FindFloat(arch + ".rope.scaling.factor")
                           .value_or(metadata.FindFloat(arch + ".rope.scale_linear").value_or(1));
  if (type != nullptr && *type != "linear" && *type != "none" && factor != 1 && factor != 0) {
    Refuse(reader, arch + ".rope.scaling.type", "unsupported rotary scaling", "linear or none",
           *type);
  }
  if (factor == 1 || factor == 0 || (type != nullptr && *type == "none")) return {};
  return std::vector<float>(static_cast<size_t>(head_dim / 2), factor);
}

std::vector<float> FrequencyFactors(const GgufReader& reader, const std::string& arch,
                                    int64_t head_dim) {
  std::vector<float> factors = LinearScaling(reader, arch, head_dim);
  const GgufTensorInfo* tensor = reader.FindTensor(kFrequencyFactorsTensor);
  if (tensor == nullptr) return factors;
  if (tensor->cols() != head_dim / 2 || tensor->rows() != 1 || tensor->type != TensorType::kF32) {
    throw Error(ErrorInfo{.what = "wrong type or shape",
                          .file = reader.path(),
                          .tensor = tensor->name,
                          .expected = "f32 [" + std::to_string(head_dim / 2) + "]",
                          .found = std::string(InfoOf(tensor->type).name) + " [" +
                                   std::to_string(tensor->cols()) + ", " +
                                   std::to_string(tensor->rows()) + "]"});
  }
  const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(*tensor);
  std::vector<float> stored(static_cast<size_t>(head_dim / 2));
  DecodeFloats(reader.View(*tensor, bytes.span()), 0, stored.data());
  if (factors.empty()) return stored;
  for (size_t i = 0; i < stored.size(); ++i) factors[i] *= stored[i];
  return factors;
}

// Whether all factors are equal: linear scaling, which has a key.
bool IsLinearScaling(const std::vector<float>& factors) {
  return std::all_of(factors.begin(), factors.end(), [&](float f) { return f == factors[0]; });
}

// "bitnet" alone says SiLU, but conversions of BitNet b1.58 2B-4T are found under it, too.
bool IsTwoBillionFourTrillion(const ModelConfig& config) {
  return config.num_hidden_layers == 30 && config.num_attention_heads == 20 &&
         config.num_key_value_heads == 5 && config.intermediate_size == 6912;
}

}  // namespace

GgufModelConfig ReadGgufConfig(const GgufReader& reader) {
  const GgufMetadata& metadata = reader.metadata();
  const std::string arch = metadata.RequireString("general.architecture");
  const bool bitnet_relu2 = arch == "bitnet-b1.58" || arch == "bitnet-25";
  const bool bitnet = bitnet_relu2 || arch == "bitnet";
  if (!bitnet && arch != "llama") {
    Refuse(reader, "general.architecture", "unsupported architecture",
           "bitnet, bitnet-25, bitnet-b1.58 or llama", arch);
  }

  GgufModelConfig result;
  result.dense_takes_int8 = bitnet;
  ModelConfig& config = result.config;
  config.hidden_size = metadata.RequireInteger(arch + ".embedding_length", 1, kMaxCount);
  config.intermediate_size = RequireCount(reader, arch + ".feed_forward_length");
  config.num_hidden_layers = metadata.RequireInteger(arch + ".block_count", 1, kMaxCount);
  config.num_attention_heads = RequireCount(reader, arch + ".attention.head_count");
  const std::string kv_key = arch + ".attention.head_count_kv";
  config.num_key_value_heads =
      metadata.Find(kv_key) == nullptr ? config.num_attention_heads : RequireCount(reader, kv_key);
  if (config.num_attention_heads < 1) {
    Refuse(reader, arch + ".attention.head_count", "value out of range", "at least 1", "0");
  }
  const std::string length_key = arch + ".attention.key_length";
  config.head_dim = metadata.FindInteger(length_key, 1, kMaxCount)
                        .value_or(config.hidden_size / config.num_attention_heads);
  for (const std::string& key :
       {arch + ".attention.value_length", arch + ".rope.dimension_count"}) {
    const int64_t value = metadata.FindInteger(key, 1, kMaxCount).value_or(config.head_dim);
    if (value != config.head_dim) {
      Refuse(reader, key, "other than the head size is not supported",
             std::to_string(config.head_dim), std::to_string(value));
    }
  }
  config.max_position_embeddings = metadata.RequireInteger(arch + ".context_length", 1, kMaxCount);
  config.rms_norm_eps = metadata.RequireFloat(arch + ".attention.layer_norm_rms_epsilon",
                                              std::numeric_limits<float>::min(), 1.0f);
  config.rope_theta = metadata.FindFloat(arch + ".rope.freq_base").value_or(10000.0f);
  config.rope_style = GgufRopeStyle(arch);
  config.sub_norms = reader.FindTensor("blk.0.attn_sub_norm.weight") != nullptr ||
                     reader.FindTensor("blk.0.ffn_sub_norm.weight") != nullptr;
  config.tie_word_embeddings = reader.FindTensor("output.weight") == nullptr;
  const GgufTensorInfo& embedding = reader.RequireTensor("token_embd.weight");
  config.vocab_size = embedding.rows();
  const std::string vocab_key = arch + ".vocab_size";
  const int64_t stated = metadata.FindInteger(vocab_key, 1, kMaxCount).value_or(config.vocab_size);
  if (stated != config.vocab_size) {
    Refuse(reader, vocab_key, "differs from the rows of token_embd.weight",
           std::to_string(config.vocab_size), std::to_string(stated));
  }

  const std::string* activation = metadata.FindString(arch + ".hidden_activation");
  if (activation != nullptr && *activation != "relu2" && *activation != "silu") {
    Refuse(reader, arch + ".hidden_activation", "unsupported activation", "relu2 or silu",
           *activation);
  }
  const bool relu2 = activation != nullptr
                         ? *activation == "relu2"
                         : bitnet_relu2 || (bitnet && IsTwoBillionFourTrillion(config));
  config.hidden_act = relu2 ? GateActivation::kRelu2 : GateActivation::kSilu;
  ValidateModelConfig(config, reader.path());
  config.rope_frequency_factors = FrequencyFactors(reader, arch, config.head_dim);
  ValidateModelConfig(config, reader.path());
  return result;
}

std::string GgufArchitecture(const ModelConfig& config) {
  const bool relu2 = config.hidden_act == GateActivation::kRelu2;
  if (config.sub_norms) return relu2 ? "bitnet-b1.58" : "bitnet";
  if (relu2) {
    throw UsageError(ErrorInfo{.what = "no GGUF architecture has squared ReLU without sub-norms",
                               .key = "model.hidden_act",
                               .expected = "silu, or sub_norms = true",
                               .found = "relu2 with sub_norms = false",
                               .hint = "write the Hugging Face layout with --hf"});
  }
  return "llama";
}

RopeStyle GgufRopeStyle(std::string_view architecture) {
  return architecture == "llama" ? RopeStyle::kInterleaved : RopeStyle::kHalves;
}

std::vector<float> GgufFrequencyFactors(const ModelConfig& config) {
  if (IsLinearScaling(config.rope_frequency_factors)) return {};
  return config.rope_frequency_factors;
}

void AppendGgufConfig(const ModelConfig& config, GgufMetadata& metadata) {
  const std::string arch = GgufArchitecture(config);
  const auto set_count = [&](const std::string& key, int64_t value) {
    metadata.Set(arch + key, static_cast<uint32_t>(value));
  };
  metadata.Set("general.architecture", arch);
  set_count(".vocab_size", config.vocab_size);
  set_count(".context_length", config.max_position_embeddings);
  set_count(".embedding_length", config.hidden_size);
  set_count(".block_count", config.num_hidden_layers);
  set_count(".feed_forward_length", config.intermediate_size);
  set_count(".rope.dimension_count", config.head_dim);
  set_count(".attention.head_count", config.num_attention_heads);
  set_count(".attention.head_count_kv", config.num_key_value_heads);
  set_count(".attention.key_length", config.head_dim);
  set_count(".attention.value_length", config.head_dim);
  metadata.Set(arch + ".attention.layer_norm_rms_epsilon", config.rms_norm_eps);
  metadata.Set(arch + ".rope.freq_base", static_cast<float>(config.rope_theta));
  if (!config.rope_frequency_factors.empty() && IsLinearScaling(config.rope_frequency_factors)) {
    metadata.Set(arch + ".rope.scaling.type", std::string("linear"));
    metadata.Set(arch + ".rope.scaling.factor", config.rope_frequency_factors[0]);
  }
  if (arch != "llama") {
    metadata.Set(arch + ".hidden_activation",
                 std::string(config.hidden_act == GateActivation::kRelu2 ? "relu2" : "silu"));
  }
}

}  // namespace trit
