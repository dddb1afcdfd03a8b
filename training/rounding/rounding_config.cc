#include "training/rounding/rounding_config.h"

#include <toml++/toml.h>

#include <cstdint>
#include <utility>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "training/config/config_values.h"
#include "training/config/training_config_table.h"
#include "training/quantizers/weight_width.h"

namespace trit {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;
constexpr const char* kSection = "quantizer";
constexpr const char* kRuleKey = "quantizer.rule";

[[noreturn]] void ThrowNoRule(const std::string& text) {
  throw UsageError(ErrorInfo{
      .what = "not a rule",
      .file = std::string(kOverrideSource),
      .key = kRuleKey,
      .expected = "PATTERN=WEIGHTS, and perhaps ,key=value,…, such as *.down_proj=int8 or "
                  "layers.0.*=int8,granularity=row",
      .found = text});
}

toml::table ParseRule(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) ThrowNoRule(text);
  toml::table rule;
  rule.insert("match", text.substr(0, equals));
  std::string rest = text.substr(equals + 1);
  if (rest.substr(0, rest.find(',')).find('=') == std::string::npos) rest = "weights=" + rest;
  while (!rest.empty()) {
    const size_t end = rest.find(',');
    const std::string assignment = rest.substr(0, end);
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
    const size_t sign = assignment.find('=');
    if (sign == std::string::npos || sign == 0) ThrowNoRule(text);
    const std::string key = assignment.substr(0, sign);
    const std::string override_text = std::string(kRuleKey) + "." + assignment;
    RequireNoLearnedScales({&override_text, 1});
    toml::table value =
        ParseOverrideValue(std::string(kRuleKey) + "." + key, assignment.substr(sign + 1));
    value.begin()->second.visit([&](auto& node) { rule.insert_or_assign(key, std::move(node)); });
  }
  return rule;
}

// Puts rules before those that the table has. What has the wrong type there is left for the reader.
void PrependRules(std::span<const std::string> rules, toml::table& root) {
  if (rules.empty()) return;
  if (!root.contains(kSection)) root.insert(kSection, toml::table());
  toml::table* section = root[kSection].as_table();
  if (section == nullptr) return;
  if (!section->contains("rule")) section->insert("rule", toml::array());
  toml::array* list = (*section)["rule"].as_array();
  if (list == nullptr) return;
  for (size_t i = 0; i < rules.size(); ++i) {
    list->insert(list->begin() + static_cast<std::ptrdiff_t>(i), ParseRule(rules[i]));
  }
}

}  // namespace

void ResolveWithoutTraining(QuantizationConfig& quantizers) {
  const auto resolve = [](QuantizerChoice& choice) {
    choice = Resolved(choice);
    const bool learned = choice.scale == ScaleRuleName(ScaleRule::kLearned);
    if (learned) choice.scale = ScaleRuleName(ScaleRule::kMse);
  };
  resolve(quantizers.standard);
  for (QuantizerRule& rule : quantizers.rules) resolve(rule.choice);
}

void RequireNoLearnedScales(std::span<const std::string> overrides) {
  for (const std::string& text : overrides) {
    const size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    if (!key.ends_with(".scale") || value.find("learned") == std::string::npos) continue;
    throw UsageError(ErrorInfo{.what = "learned scales need training",
                               .file = std::string(kOverrideSource),
                               .key = key,
                               .expected = "a rule that weights alone settle, such as \"mse\"",
                               .found = value});
  }
}

QuantizationConfig ReadRoundingConfig(const std::optional<std::string>& file,
                                      std::span<const std::string> overrides,
                                      std::span<const std::string> rules) {
  RequireNoLearnedScales(overrides);
  toml::table root;
  if (file) root = ParseTomlFile(ReadTextFile(*file, kMaxConfigBytes), *file);
  PrependRules(rules, root);
  QuantizationConfig quantizers = QuantizersFromTable(std::move(root), overrides);
  ResolveWithoutTraining(quantizers);
  return quantizers;
}

}  // namespace trit
