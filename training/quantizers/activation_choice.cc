#include "training/quantizers/activation_choice.h"

#include "engine/error.h"

namespace trit {

ActivationQuantizer ActivationQuantizerOf(const QuantizerChoice& choice) {
  const auto quantizer = FindActivationQuantizer(choice.activations);
  if (!quantizer) {
    throw UsageError(ErrorInfo{.what = "unknown activation quantizer",
                               .key = "quantizer.activations",
                               .expected = "\"int8\", \"int4\", \"int8_static\" or \"none\"",
                               .found = '"' + choice.activations + '"'});
  }
  return choice.weights == "none" ? ActivationQuantizer::kNone : *quantizer;
}

ActivationRangeRule ActivationRangeRuleOf(const QuantizerChoice& choice) {
  if (choice.activation_range == "minmax") return ActivationRangeRule::kMinMax;
  if (choice.activation_range == "percentile") return ActivationRangeRule::kPercentile;
  if (choice.activation_range == "mse") return ActivationRangeRule::kMse;
  throw UsageError(ErrorInfo{.what = "unknown rule for the range of activations",
                             .key = "quantizer.activation_range",
                             .expected = "\"minmax\", \"percentile\" or \"mse\"",
                             .found = '"' + choice.activation_range + '"'});
}

}  // namespace trit
