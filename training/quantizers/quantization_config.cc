#include "training/quantizers/quantization_config.h"

#include <algorithm>
#include <string_view>

#include "engine/error.h"

namespace trit {

float QuantizationRamp::ShareAt(int64_t step) const {
  if (step < start_step) return 0.0f;
  if (ramp_steps == 0) return 1.0f;
  const double share = static_cast<double>(step - start_step) / static_cast<double>(ramp_steps);
  return static_cast<float>(std::min(share, 1.0));
}

const QuantizerChoice& QuantizationConfig::For(const std::string& weight_name) const {
  const QuantizerChoice* choice = RuleFor(weight_name);
  return choice != nullptr ? *choice : standard;
}

const QuantizerChoice* QuantizationConfig::RuleFor(const std::string& weight_name) const {
  const std::string name = ShortWeightName(weight_name);
  for (const QuantizerRule& rule : rules) {
    if (GlobMatch(rule.match, name)) return &rule.choice;
  }
  return nullptr;
}

void RequireRulesMatch(const QuantizationConfig& quantizers, const WeightTable& table) {
  const auto weights = table.weights();
  for (const QuantizerRule& rule : quantizers.rules) {
    const bool matches = std::any_of(weights.begin(), weights.end(), [&](const WeightInfo& info) {
      return !info.IsVector() && GlobMatch(rule.match, ShortWeightName(info.name));
    });
    if (matches) continue;
    throw UsageError(ErrorInfo{.what = "matches no matrix of the model",
                               .key = "quantizer.rule.match",
                               .expected = "a pattern such as \"layers.0.*\" or \"*.q_proj\"",
                               .found = '"' + rule.match + '"',
                               .hint = "matrices are layers.N.self_attn.q_proj, "
                                       "layers.N.mlp.up_proj, …, embed_tokens, and lm_head where "
                                       "it is not tied"});
  }
}

std::string ShortWeightName(std::string_view weight_name) {
  constexpr std::string_view kPrefix = "model.";
  constexpr std::string_view kSuffix = ".weight";
  if (weight_name.starts_with(kPrefix)) weight_name.remove_prefix(kPrefix.size());
  if (weight_name.ends_with(kSuffix)) weight_name.remove_suffix(kSuffix.size());
  return std::string(weight_name);
}

bool GlobMatch(std::string_view pattern, std::string_view text) {
  // Going back to the last star only is enough: an earlier one could not match more than what its
  // own part of the pattern already did.
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace trit
