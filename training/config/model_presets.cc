#include "training/config/model_presets.h"

#include <cstdint>

namespace trit {
namespace {

struct Preset {
  const char* name;
  int64_t hidden_size, intermediate_size, num_hidden_layers;
  int64_t num_attention_heads, num_key_value_heads;
};

constexpr Preset kPresets[] = {
    {"1m", 128, 384, 4, 4, 2},        {"3m", 256, 768, 4, 4, 2},
    {"10m", 384, 1024, 6, 6, 2},      {"30m", 512, 1536, 10, 8, 4},
    {"100m", 768, 2048, 16, 12, 4},   {"300m", 1024, 3072, 24, 16, 4},
    {"700m", 1536, 4096, 24, 24, 24}, {"2b", 2560, 6912, 30, 20, 5},
};

}  // namespace

bool ApplyModelPreset(std::string_view name, ModelConfig& config) {
  for (const Preset& preset : kPresets) {
    if (preset.name != name) continue;
    config.hidden_size = preset.hidden_size;
    config.intermediate_size = preset.intermediate_size;
    config.num_hidden_layers = preset.num_hidden_layers;
    config.num_attention_heads = preset.num_attention_heads;
    config.num_key_value_heads = preset.num_key_value_heads;
    config.head_dim = preset.hidden_size / preset.num_attention_heads;
    return true;
  }
  return false;
}

std::vector<std::string> ModelPresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

}  // namespace trit
