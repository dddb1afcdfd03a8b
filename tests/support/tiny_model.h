// Small models and texts for tests that need a whole model.
#ifndef TRIT_TESTS_SUPPORT_TINY_MODEL_H_
#define TRIT_TESTS_SUPPORT_TINY_MODEL_H_

#include <cstdint>
#include <vector>

#include "engine/batch.h"
#include "engine/model_config.h"
#include "training/random.h"
#include "training/trainable_model.h"

namespace trit {

// Rows of 128 and 256: every ternary GGUF type but tq*_0 of the narrow ones can hold them.
inline ModelConfig TinyConfig() {
  ModelConfig config;
  config.hidden_size = 128;
  config.intermediate_size = 256;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 32;
  config.vocab_size = 256;
  config.max_position_embeddings = 2048;
  return config;
}

inline std::vector<int32_t> RandomTokens(int64_t count, int64_t vocab_size, uint64_t seed) {
  const CounterRandom random(seed, 1);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>(
        random.Below(static_cast<uint64_t>(i), static_cast<uint64_t>(vocab_size))));
  }
  return tokens;
}

// Random weights whose norms are not 1 and whose trits are not those of a symmetric start.
inline void InitializeForTest(TrainableModel& model, uint64_t seed) {
  model.parameters().InitializeRandom(seed);
  const CounterRandom random(seed, 1 << 20);
  uint64_t draw = 0;
  for (const WeightInfo& info : model.table().weights()) {
    if (info.kind != WeightKind::kNorm) continue;
    for (float& value : model.parameters().Values(info.id)) {
      value = static_cast<float>(0.8 + 0.4 * random.Uniform(draw++));
    }
  }
  model.InitializeLearnedScales();
  model.ParametersChanged();
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_TINY_MODEL_H_
