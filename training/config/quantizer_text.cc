#include "training/config/quantizer_text.h"

#include <algorithm>

#include "training/config/config_keys.h"

namespace trit {

std::string QuantizerText(const QuantizationConfig& quantizer) {
  const QuantizerChoice& choice = quantizer.standard;
  const QuantizationConfig defaults;
  std::string text = choice.weights == "none" ? "full precision" : choice.weights;
  for (const ConfigKey<QuantizationConfig>& key : QuantizationKeys()) {
    if (choice.weights == "none" || key.name == "weights") continue;
    std::string value = key.write(quantizer);
    if (key.name != "activations" && value == key.write(defaults)) continue;
    std::erase(value, '"');
    text += ", " + key.name + " " + value;
  }
  return text + (quantizer.rules.empty() ? "" : " + rules");
}

}  // namespace trit
