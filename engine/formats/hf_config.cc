#include "engine/formats/hf_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/json_fields.h"
#include "engine/files/strict_json.h"

namespace trit {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = 1 << 20;

struct Architecture {
  const char* name;
  const char* model_type;
  bool sub_norms;
  GateActivation hidden_act;  // unless the file says another
  float rms_norm_eps;         // likewise, as all below
  double rope_theta;
};
// The defaults are those of transformers' classes; the first of a model_type is that type's.
constexpr Architecture kArchitectures[] = {
    {"BitNetForCausalLM", "bitnet", true, GateActivation::kRelu2, 1e-5f, 500000.0},
    {"LlamaForCausalLM", "llama", false, GateActivation::kSilu, 1e-6f, 10000.0},
    {"BitnetForCausalLM", "llama", true, GateActivation::kSilu, 1e-6f, 10000.0},
};
constexpr int64_t kDefaultMaxPositions = 2048;

const Architecture& FindArchitecture(const JsonFields& fields) {
  const json* names = fields.Find("architectures");
  const bool named = names != nullptr && names->is_array() && !names->empty();
  const std::string model_type = fields.String("model_type", "");
  for (const Architecture& architecture : kArchitectures) {
    if (named ? names->front() == architecture.name : model_type == architecture.model_type) {
      return architecture;
    }
  }
  const char* expected = "BitNetForCausalLM, BitnetForCausalLM or LlamaForCausalLM";
  if (named)
    fields.Throw("architectures", "unknown architecture", expected, ShownJson(names->front()));
  fields.Throw("architectures", "unknown architecture", expected,
               "model_type \"" + model_type + "\"");
}

GateActivation ParseHiddenAct(const JsonFields& fields, GateActivation otherwise) {
  if (fields.Find("hidden_act") == nullptr) return otherwise;
  const std::string name = fields.String("hidden_act");
  if (name == "relu2") return GateActivation::kRelu2;
  if (name == "silu") return GateActivation::kSilu;
  fields.ThrowUnsupported("hidden_act", "\"relu2\" or \"silu\"");
}

// Llama 3.1's stretching of the slow frequencies, as factors that divide them: those that turn
// fewer than low_freq_factor times over the original context by `factor`, those that turn more than
// high_freq_factor times not at all, and those between smoothly.
std::vector<float> Llama3Factors(const JsonFields& rope, double theta, int64_t head_dim) {
  const double factor = rope.Number("factor");
  const double low = rope.Number("low_freq_factor");
  const double high = rope.Number("high_freq_factor");
  const double context = rope.Number("original_max_position_embeddings");
  if (!(factor > 0 && low > 0 && high > low && context > 0 && theta > 0)) {
    rope.ThrowUnsupported("factor", "positive numbers, high_freq_factor above low_freq_factor");
  }
  std::vector<float> factors;
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double frequency =
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    const double turns = context * frequency / (2 * std::numbers::pi);
    const double smooth = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    factors.push_back(static_cast<float>(1.0 / ((1 - smooth) / factor + smooth)));
  }
  return factors;
}

// Sets rope_theta and the frequency factors. In transformers 4 rope_theta and rope_scaling; in 5
// rope_parameters, which holds both.
void ParseRope(const JsonFields& fields, double default_theta, ModelConfig& model) {
  model.rope_theta = fields.Number("rope_theta", default_theta);
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const JsonFields rope = fields.Object(key);
    model.rope_theta = rope.Number("rope_theta", model.rope_theta);
    if (rope.Number("partial_rotary_factor", 1.0) != 1.0) {
      rope.ThrowUnsupported("partial_rotary_factor", "1");
    }
    const char* type_key = rope.Find("rope_type") != nullptr ? "rope_type" : "type";
    const std::string type = rope.String(type_key, "default");
    if (type == "llama3") {
      model.rope_frequency_factors = Llama3Factors(rope, model.rope_theta, model.head_dim);
    } else if (type == "linear") {
      model.rope_frequency_factors.assign(static_cast<size_t>(model.head_dim / 2),
                                          static_cast<float>(rope.Number("factor")));
    } else if (type != "default") {
      rope.ThrowUnsupported(type_key, "\"default\", \"linear\" or \"llama3\"");
    }
  }
}

HfWeights ParseWeights(const JsonFields& fields) {
  if (fields.Find("quantization_config") == nullptr) {
    // 1bitLLM's code ternarizes on its own.
    return fields.Integer("weight_bits", 0) == 1 ? HfWeights::kTernaryOnline : HfWeights::kPlain;
  }
  const JsonFields quantization = fields.Object("quantization_config");
  if (quantization.String("quant_method", "") != "bitnet") {
    quantization.Throw("quant_method", "not supported", "\"bitnet\"",
                       "\"" + quantization.String("quant_method", "") + "\"");
  }
  if (quantization.Bool("use_rms_norm", false)) {
    quantization.ThrowUnsupported("use_rms_norm", "false");
  }
  const bool is_bitnet = fields.String("model_type", "") == "bitnet";
  const std::string linear_class =
      quantization.String("linear_class", is_bitnet ? "autobitlinear" : "bitlinear");
  const std::string mode = quantization.String(
      "quantization_mode", quantization.Bool("offline_quantization", true) ? "offline" : "online");
  if (mode != "offline" && mode != "online") {
    quantization.ThrowUnsupported("quantization_mode", "\"offline\" or \"online\"");
  }
  if (linear_class == "autobitlinear") {
    return mode == "online" ? HfWeights::kTernaryOnline : HfWeights::kPackedMultiply;
  }
  if (linear_class == "bitlinear") return HfWeights::kPackedDivide;  // it has no other mode
  quantization.ThrowUnsupported("linear_class", "\"bitlinear\" or \"autobitlinear\"");
}

int32_t ParseTokenId(const JsonFields& fields, const char* key, const json& value,
                     int64_t vocab_size) {
  const int64_t id = fields.AsInteger(key, value);
  if (id < 0 || id >= vocab_size) {
    fields.Throw(key, "token id out of range", fmt::format("0 to {}", vocab_size - 1),
                 std::to_string(id));
  }
  return static_cast<int32_t>(id);
}

void ParseTokenIds(const JsonFields& fields, HfConfig& config) {
  const int64_t vocab_size = config.model.vocab_size;
  if (const json* bos = fields.Find("bos_token_id")) {
    config.bos_token_id = ParseTokenId(fields, "bos_token_id", *bos, vocab_size);
  }
  if (const json* eos = fields.Find("eos_token_id")) {
    const json list = eos->is_array() ? *eos : json::array({*eos});
    for (const json& id : list) {
      config.eos_token_ids.push_back(ParseTokenId(fields, "eos_token_id", id, vocab_size));
    }
  }
}

void ForbidBiases(const JsonFields& fields) {
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    if (fields.Bool(key, false)) fields.ThrowUnsupported(key, "false");
  }
}

// A float as the decimal a person would write for it.
double Decimal(float value) { return std::strtod(fmt::format("{}", value).c_str(), nullptr); }

nlohmann::ordered_json QuantizationJson(const HfConfig& config) {
  const bool online = config.weights == HfWeights::kTernaryOnline;
  const bool divides = config.weights == HfWeights::kPackedDivide;
  nlohmann::ordered_json quantization = {{"quant_method", "bitnet"},
                                         {"linear_class", divides ? "bitlinear" : "autobitlinear"},
                                         {"quantization_mode", online ? "online" : "offline"}};
  if (!config.not_converted.empty()) {
    quantization["modules_to_not_convert"] = config.not_converted;
  }
  return quantization;
}

}  // namespace

HfConfig ParseHfConfig(std::string_view text, const std::string& file) {
  const json root = ParseStrictJson(text, file);
  const JsonFields fields(root, file);
  const Architecture& architecture = FindArchitecture(fields);
  ForbidBiases(fields);

  HfConfig config;
  ModelConfig& model = config.model;
  model.hidden_size = fields.Integer("hidden_size");
  model.intermediate_size = fields.Integer("intermediate_size");
  model.num_hidden_layers = fields.Integer("num_hidden_layers");
  model.num_attention_heads = fields.Integer("num_attention_heads");
  model.num_key_value_heads = fields.Integer("num_key_value_heads", model.num_attention_heads);
  model.vocab_size = fields.Integer("vocab_size");
  model.max_position_embeddings = fields.Integer("max_position_embeddings", kDefaultMaxPositions);
  if (fields.Find("head_dim") != nullptr) {
    model.head_dim = fields.Integer("head_dim");
  } else {
    if (model.num_attention_heads < 1 || model.hidden_size % model.num_attention_heads != 0) {
      fields.Throw("num_attention_heads", "does not divide hidden_size",
                   fmt::format("a divisor of {}", model.hidden_size),
                   std::to_string(model.num_attention_heads));
    }
    model.head_dim = model.hidden_size / model.num_attention_heads;
  }
  const double eps = fields.Number("rms_norm_eps", static_cast<double>(architecture.rms_norm_eps));
  if (!(eps > 0 && eps < 1)) {
    fields.Throw("rms_norm_eps", "value out of range", "between 0 and 1", fmt::format("{}", eps));
  }
  model.rms_norm_eps = static_cast<float>(eps);
  model.hidden_act = ParseHiddenAct(fields, architecture.hidden_act);
  model.sub_norms = architecture.sub_norms;
  model.tie_word_embeddings = fields.Bool("tie_word_embeddings", false);
  ValidateModelConfig(model, file);  // its head size before factors are made of it
  ParseRope(fields, architecture.rope_theta, model);
  ValidateModelConfig(model, file);

  config.weights = ParseWeights(fields);
  ParseTokenIds(fields, config);
  config.torch_dtype = fields.String("torch_dtype", fields.String("dtype", "float32"));
  if (const json* trit = fields.Find("trit")) config.trit = trit->dump();
  return config;
}

HfConfig ReadHfConfig(const std::string& path) {
  return ParseHfConfig(ReadTextFile(path, kMaxConfigBytes), path);
}

std::string HfConfigToJson(const HfConfig& config, const std::string& file) {
  const ModelConfig& model = config.model;
  const std::vector<float>& factors = model.rope_frequency_factors;
  if (model.rope_style != RopeStyle::kHalves ||
      !std::all_of(factors.begin(), factors.end(), [&](float f) { return f == factors[0]; })) {
    throw Error(
        ErrorInfo{.what = "this rotary embedding does not fit Hugging Face's layout",
                  .file = file,
                  .expected = "pairs of halves without frequency factors or with equal ones"});
  }
  const Architecture& architecture = kArchitectures[model.sub_norms ? 0 : 1];
  nlohmann::ordered_json root = {
      {"architectures", json::array({architecture.name})},
      {"model_type", architecture.model_type},
      {"hidden_size", model.hidden_size},
      {"intermediate_size", model.intermediate_size},
      {"num_hidden_layers", model.num_hidden_layers},
      {"num_attention_heads", model.num_attention_heads},
      {"num_key_value_heads", model.num_key_value_heads},
      {"head_dim", model.head_dim},
      {"hidden_act", model.hidden_act == GateActivation::kRelu2 ? "relu2" : "silu"},
      {"max_position_embeddings", model.max_position_embeddings},
      {"rms_norm_eps", Decimal(model.rms_norm_eps)},
      {"rope_theta", model.rope_theta},
      {"tie_word_embeddings", model.tie_word_embeddings},
      {"attention_bias", false},
      {"vocab_size", model.vocab_size},
      {"torch_dtype", config.torch_dtype},
  };
  if (!factors.empty()) {
    root["rope_scaling"] = {{"rope_type", "linear"}, {"factor", Decimal(factors[0])}};
  }
  if (config.bos_token_id >= 0) root["bos_token_id"] = config.bos_token_id;
  if (config.eos_token_ids.size() == 1) {
    root["eos_token_id"] = config.eos_token_ids.front();
  } else if (!config.eos_token_ids.empty()) {
    root["eos_token_id"] = config.eos_token_ids;
  }
  if (config.weights != HfWeights::kPlain) {
    root["quantization_config"] = QuantizationJson(config);
  }
  if (!config.trit.empty()) root["trit"] = nlohmann::ordered_json::parse(config.trit);
  return root.dump(2) + "\n";
}

}  // namespace trit
