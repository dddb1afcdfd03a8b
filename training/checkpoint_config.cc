#include "training/checkpoint_config.h"

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/json_fields.h"
#include "engine/files/strict_json.h"
#include "training/quantizers/weight_width.h"

namespace trit {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;
constexpr int64_t kMaxGroupSize = 131072;
constexpr const char* kShareKey = "quantized_share";

nlohmann::ordered_json ChoiceJson(const QuantizerChoice& choice) {
  nlohmann::ordered_json granularity;
  switch (choice.granularity) {
    case ScaleKind::kTensor:
      granularity = "tensor";
      break;
    case ScaleKind::kRow:
      granularity = "row";
      break;
    case ScaleKind::kGroup:
      granularity = choice.group_size;
      break;
  }
  nlohmann::ordered_json json = {{"weights", choice.weights},
                                 {"activations", choice.activations},
                                 {"granularity", granularity}};
  if (!choice.scale.empty()) json["scale"] = choice.scale;
  if (choice.percentile != kStandardPercentile) json["percentile"] = choice.percentile;
  if (!choice.symmetric) json["symmetric"] = false;
  const QuantizerChoice standard;
  if (choice.activation_range != standard.activation_range) {
    json["activation_range"] = choice.activation_range;
  }
  if (choice.activation_percentile != standard.activation_percentile) {
    json["activation_percentile"] = choice.activation_percentile;
  }
  return json;
}

QuantizerChoice ParseChoice(const JsonFields& fields) {
  QuantizerChoice choice;
  choice.weights = fields.String("weights");
  choice.activations = fields.String("activations");
  const nlohmann::json& granularity = fields.Require("granularity");
  if (granularity == "tensor") {
    choice.granularity = ScaleKind::kTensor;
  } else if (granularity == "row") {
    choice.granularity = ScaleKind::kRow;
  } else {
    const int64_t size = granularity.is_number() ? fields.Integer("granularity") : 0;
    if (size < 1 || size > kMaxGroupSize) {
      fields.ThrowUnsupported("granularity", "\"tensor\", \"row\" or a group size");
    }
    choice.granularity = ScaleKind::kGroup;
    choice.group_size = size;
  }
  choice.scale = fields.String("scale", "");
  choice.percentile = fields.Number("percentile", choice.percentile);
  if (!(choice.percentile > 50 && choice.percentile <= 100)) {
    fields.ThrowUnsupported("percentile", "more than 50, at most 100");
  }
  choice.symmetric = fields.Bool("symmetric", true);
  choice.activation_range = fields.String("activation_range", choice.activation_range);
  choice.activation_percentile =
      fields.Number("activation_percentile", choice.activation_percentile);
  if (!(choice.activation_percentile > 50 && choice.activation_percentile <= 100)) {
    fields.ThrowUnsupported("activation_percentile", "more than 50, at most 100");
  }
  return choice;
}

QuantizationConfig ParseQuantizer(const JsonFields& fields, const std::string& file) {
  QuantizationConfig quantizer{.standard = ParseChoice(fields), .rules = {}};
  const nlohmann::json* rules = fields.Find("rules");
  if (rules == nullptr) return quantizer;
  if (!rules->is_array()) fields.Throw("rules", "wrong type", "a list", ShownJson(*rules));
  for (const nlohmann::json& rule : *rules) {
    const JsonFields rule_fields(rule, file, "trit.quantizer.rules.");
    quantizer.rules.push_back(
        {.match = rule_fields.String("match"), .choice = ParseChoice(rule_fields)});
  }
  return quantizer;
}

}  // namespace

std::string CheckpointConfigJson(const CheckpointModel& checkpoint, const SpecialTokens& special,
                                 const std::string& file) {
  const QuantizationConfig& quantizer = checkpoint.quantizer;
  nlohmann::ordered_json quantizer_json = ChoiceJson(quantizer.standard);
  if (!quantizer.rules.empty()) {
    nlohmann::ordered_json& rules = quantizer_json["rules"];
    for (const QuantizerRule& rule : quantizer.rules) {
      nlohmann::ordered_json entry = {{"match", rule.match}};
      entry.update(ChoiceJson(rule.choice));
      rules.push_back(std::move(entry));
    }
  }
  const bool is_bitnet =
      quantizer.rules.empty() &&
      Resolved(quantizer.standard) == Resolved({.weights = "ternary", .activations = "int8"});
  HfConfig config;
  config.model = checkpoint.model;
  config.weights = is_bitnet ? HfWeights::kTernaryOnline : HfWeights::kPlain;
  config.bos_token_id = special.bos;
  if (special.eos >= 0) config.eos_token_ids = {special.eos};
  nlohmann::ordered_json trit = {{"quantizer", quantizer_json}};
  if (checkpoint.quantized_share != 1) trit[kShareKey] = checkpoint.quantized_share;
  config.trit = trit.dump();
  return HfConfigToJson(config, file);
}

CheckpointModel ParseCheckpointConfig(std::string_view json, const std::string& file) {
  const HfConfig config = ParseHfConfig(json, file);
  CheckpointModel checkpoint{.model = config.model, .quantizer = {}};
  if (!config.trit.empty()) {
    const nlohmann::json trit = ParseStrictJson(config.trit, file);
    const JsonFields fields(trit, file, "trit.");
    checkpoint.quantizer = ParseQuantizer(fields.Object("quantizer"), file);
    checkpoint.quantized_share = fields.Number(kShareKey, 1);
    if (!(checkpoint.quantized_share >= 0 && checkpoint.quantized_share <= 1)) {
      fields.ThrowUnsupported(kShareKey, "0 to 1");
    }
    return checkpoint;
  }
  switch (config.weights) {
    case HfWeights::kPlain:
      checkpoint.quantizer.standard = {.weights = "none", .activations = "none"};
      break;
    case HfWeights::kTernaryOnline:
      break;  // the default
    case HfWeights::kPackedMultiply:
    case HfWeights::kPackedDivide:
      throw Error(ErrorInfo{.what = "the weights are packed trits",
                            .file = file,
                            .key = "quantization_config",
                            .expected = "latent weights in floating point",
                            .hint = "models are often published in both forms"});
  }
  return checkpoint;
}

CheckpointModel ReadCheckpointConfig(const std::string& path) {
  return ParseCheckpointConfig(ReadTextFile(path, kMaxConfigBytes), path);
}

}  // namespace trit
