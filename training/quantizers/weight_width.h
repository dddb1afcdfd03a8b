// How many values a quantized weight can have, and what may set the scale of those values: two
// choices that quantizers combine.
#ifndef TRIT_TRAINING_QUANTIZERS_WEIGHT_WIDTH_H_
#define TRIT_TRAINING_QUANTIZERS_WEIGHT_WIDTH_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "training/quantizers/quantization_config.h"

namespace trit {

// What sets the scale of a tensor, row or group from its weights w.
enum class ScaleRule : uint8_t {
  kAbsMean,     // mean|w| (BitNet)
  kMinMax,      // the largest weight is the largest code: nothing is clipped
  kPercentile,  // likewise, of all but the outermost 0.1 % of the weights
  kMse,         // the range with the least squared error
  kLearned,     // a parameter with a gradient (LSQ)
};

const char* ScaleRuleName(ScaleRule rule);  // "absmean", …

struct WeightWidth {
  std::string_view name;  // "int4"
  int32_t low, high;      // codes
  // The codes of symmetric rules begin here: int8 leaves -128 out, so that a code has its negative;
  // fewer bits cannot afford that.
  int32_t symmetric_low;
  ScaleRule default_rule;
  bool absmean;     // has that rule
  bool ranges;      // has kMinMax, kPercentile, kMse
  bool learned;     // has kLearned
  bool asymmetric;  // may have an offset beside the scale

  bool Has(ScaleRule rule) const;
};

// "ternary", "binary", "int2", "int3", "int4", "int8".
std::span<const WeightWidth> WeightWidths();
// Null for another name.
const WeightWidth* FindWeightWidth(std::string_view name);

// What choice.weights and choice.scale name. Throws UsageError, with the config's key, for a name
// that is unknown and for what does not go together; choice.weights is not "none".
struct WeightScheme {
  const WeightWidth* width;
  ScaleRule rule;
};
WeightScheme SchemeOf(const QuantizerChoice& choice);

// The choice with every default filled in, and what has no meaning in it left out: members of the
// scale for full precision, the percentile of other rules. Throws as SchemeOf does.
QuantizerChoice Resolved(QuantizerChoice choice);

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_WEIGHT_WIDTH_H_
