// Model shapes by name, for configs that do not want to spell them out. Parameters are counted
// without the embedding, which is vocab_size * hidden_size more:
//
//   name  hidden  intermediate  layers  heads  kv heads  parameters
//   1m       128           384       4      4         2  0.8 M
//   3m       256           768       4      4         2  3.1 M
//   10m      384          1024       6      6         2  9.4 M
//   30m      512          1536      10      8         4  31 M
//   100m     768          2048      16     12         4  101 M
//   300m    1024          3072      24     16         4  289 M
//   700m    1536          4096      24     24        24  680 M   BitNet b1.58's smallest
//   2b      2560          6912      30     20         5  2.1 G   BitNet b1.58 2B-4T
//
// Every row is a multiple of 128 long, which GGUF's i2_s asks for, and but for "1m" and "10m" of
// 256, which tq1_0 and tq2_0 ask for.
#ifndef TRIT_TRAINING_CONFIG_MODEL_PRESETS_H_
#define TRIT_TRAINING_CONFIG_MODEL_PRESETS_H_

#include <string>
#include <string_view>
#include <vector>

#include "engine/model_config.h"

namespace trit {

// Sets the shape of `config`: the six columns above but the last, and head_dim. False if there is
// no such preset.
[[nodiscard]] bool ApplyModelPreset(std::string_view name, ModelConfig& config);

std::vector<std::string> ModelPresetNames();

}  // namespace trit

#endif  // TRIT_TRAINING_CONFIG_MODEL_PRESETS_H_
