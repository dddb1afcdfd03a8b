#include "training/quantizers/weight_width.h"

#include <array>
#include <vector>

#include "engine/error.h"

namespace trit {
namespace {

constexpr std::array kScaleRules = {ScaleRule::kAbsMean, ScaleRule::kMinMax, ScaleRule::kPercentile,
                                    ScaleRule::kMse, ScaleRule::kLearned};

constexpr WeightWidth Integers(std::string_view name, int32_t low, int32_t symmetric_low,
                               ScaleRule default_rule) {
  return {.name = name,
          .low = low,
          .high = -low - 1,
          .symmetric_low = symmetric_low,
          .default_rule = default_rule,
          .absmean = false,
          .ranges = true,
          .learned = true,
          .asymmetric = true};
}

constexpr std::array kWidths = {
    WeightWidth{.name = "ternary",
                .low = -1,
                .high = 1,
                .symmetric_low = -1,
                .default_rule = ScaleRule::kAbsMean,
                .absmean = true,
                .ranges = true,
                .learned = true,
                .asymmetric = false},
    WeightWidth{.name = "binary",
                .low = -1,
                .high = 1,
                .symmetric_low = -1,
                .default_rule = ScaleRule::kAbsMean,
                .absmean = true,
                .ranges = false,
                .learned = false,
                .asymmetric = false},
    Integers("int2", -2, -2, ScaleRule::kLearned),
    Integers("int3", -4, -4, ScaleRule::kLearned),
    Integers("int4", -8, -8, ScaleRule::kLearned),
    Integers("int8", -128, -127, ScaleRule::kMinMax),
};

// "a", "b" or "c".
std::string Alternatives(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += '"' + names[i] + '"';
  }
  return text;
}

std::string WidthNames() {
  std::vector<std::string> names;
  for (const WeightWidth& width : kWidths) names.emplace_back(width.name);
  names.emplace_back("none");
  return Alternatives(names);
}

std::string RuleNames(const WeightWidth& width) {
  std::vector<std::string> names;
  for (const ScaleRule rule : kScaleRules) {
    if (width.Has(rule)) names.emplace_back(ScaleRuleName(rule));
  }
  return Alternatives(names);
}

}  // namespace

const char* ScaleRuleName(ScaleRule rule) {
  switch (rule) {
    case ScaleRule::kAbsMean:
      return "absmean";
    case ScaleRule::kMinMax:
      return "minmax";
    case ScaleRule::kPercentile:
      return "percentile";
    case ScaleRule::kMse:
      return "mse";
    case ScaleRule::kLearned:
      return "learned";
  }
  return "";
}

bool WeightWidth::Has(ScaleRule rule) const {
  if (rule == ScaleRule::kAbsMean) return absmean;
  return rule == ScaleRule::kLearned ? learned : ranges;
}

std::span<const WeightWidth> WeightWidths() { return kWidths; }

const WeightWidth* FindWeightWidth(std::string_view name) {
  for (const WeightWidth& width : kWidths) {
    if (width.name == name) return &width;
  }
  return nullptr;
}

WeightScheme SchemeOf(const QuantizerChoice& choice) {
  const WeightWidth* width = FindWeightWidth(choice.weights);
  if (width == nullptr) {
    throw UsageError(ErrorInfo{.what = "unknown weight quantizer",
                               .key = "quantizer.weights",
                               .expected = WidthNames(),
                               .found = '"' + choice.weights + '"'});
  }
  WeightScheme scheme{.width = width, .rule = width->default_rule};
  if (!choice.scale.empty()) {
    bool found = false;
    for (const ScaleRule rule : kScaleRules) {
      if (choice.scale != ScaleRuleName(rule) || !width->Has(rule)) continue;
      scheme.rule = rule;
      found = true;
    }
    if (!found) {
      throw UsageError(ErrorInfo{.what = "no such rule for the scale of " + choice.weights,
                                 .key = "quantizer.scale",
                                 .expected = RuleNames(*width),
                                 .found = '"' + choice.scale + '"'});
    }
  }
  if (!choice.symmetric && !width->asymmetric) {
    throw UsageError(ErrorInfo{.what = choice.weights + " weights have no offset",
                               .key = "quantizer.symmetric",
                               .expected = "true",
                               .found = "false"});
  }
  return scheme;
}

QuantizerChoice Resolved(QuantizerChoice choice) {
  const bool has_percentile =
      choice.weights != "none" && SchemeOf(choice).rule == ScaleRule::kPercentile;
  if (!has_percentile) choice.percentile = kStandardPercentile;
  const QuantizerChoice standard;
  const bool is_static = choice.weights != "none" && choice.activations == "int8_static";
  if (!is_static) choice.activation_range = standard.activation_range;
  if (!is_static || choice.activation_range != "percentile") {
    choice.activation_percentile = standard.activation_percentile;
  }
  if (choice.weights == "none") {
    choice.scale.clear();
    choice.symmetric = true;
  } else {
    choice.scale = ScaleRuleName(SchemeOf(choice).rule);
  }
  return choice;
}

}  // namespace trit
