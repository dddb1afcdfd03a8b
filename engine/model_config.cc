#include "engine/model_config.h"

#include <cmath>

#include "engine/error.h"

namespace trit {
namespace {

// Caps that keep every product of two sizes, and the sum of a model's weights, far inside int64,
// and int8 dot products inside int32 (128 * 128 * 131072 = 2^31).
constexpr int64_t kMaxWidth = 131072;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxVocab = int64_t{1} << 24;
constexpr int64_t kMaxPositions = int64_t{1} << 24;

void CheckRange(const std::string& file, const char* key, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return;
  throw Error(ErrorInfo{.what = "value out of range",
                        .file = file,
                        .key = key,
                        .expected = std::to_string(low) + " to " + std::to_string(high),
                        .found = std::to_string(value)});
}

}  // namespace

void ValidateModelConfig(const ModelConfig& config, const std::string& file) {
  CheckRange(file, "hidden_size", config.hidden_size, 1, kMaxWidth);
  CheckRange(file, "intermediate_size", config.intermediate_size, 1, kMaxWidth);
  CheckRange(file, "num_hidden_layers", config.num_hidden_layers, 1, kMaxLayers);
  CheckRange(file, "num_attention_heads", config.num_attention_heads, 1, kMaxWidth);
  CheckRange(file, "num_key_value_heads", config.num_key_value_heads, 1,
             config.num_attention_heads);
  CheckRange(file, "head_dim", config.head_dim, 2, 1024);
  CheckRange(file, "vocab_size", config.vocab_size, 1, kMaxVocab);
  CheckRange(file, "max_position_embeddings", config.max_position_embeddings, 1, kMaxPositions);
  if (config.QuerySize() > kMaxWidth) {
    CheckRange(file, "num_attention_heads * head_dim", config.QuerySize(), 2, kMaxWidth);
  }
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    throw Error(ErrorInfo{.what = "does not divide num_attention_heads",
                          .file = file,
                          .key = "num_key_value_heads",
                          .expected = "a divisor of " + std::to_string(config.num_attention_heads),
                          .found = std::to_string(config.num_key_value_heads)});
  }
  if (config.head_dim % 2 != 0) {
    throw Error(ErrorInfo{.what = "rotary embedding needs pairs",
                          .file = file,
                          .key = "head_dim",
                          .expected = "an even number",
                          .found = std::to_string(config.head_dim)});
  }
  if (!(std::isfinite(config.rope_theta) && config.rope_theta > 0)) {
    throw Error(ErrorInfo{.what = "value out of range",
                          .file = file,
                          .key = "rope_theta",
                          .expected = "a positive number",
                          .found = std::to_string(config.rope_theta)});
  }
  if (!(config.rms_norm_eps > 0 && config.rms_norm_eps < 1)) {
    throw Error(ErrorInfo{.what = "value out of range",
                          .file = file,
                          .key = "rms_norm_eps",
                          .expected = "between 0 and 1",
                          .found = std::to_string(config.rms_norm_eps)});
  }
  if (!config.rope_frequency_factors.empty()) {
    CheckRange(file, "rope_freqs", static_cast<int64_t>(config.rope_frequency_factors.size()),
               config.head_dim / 2, config.head_dim / 2);
    for (const float factor : config.rope_frequency_factors) {
      if (!(std::isfinite(factor) && factor > 0)) {
        throw Error(ErrorInfo{.what = "value out of range",
                              .file = file,
                              .key = "rope_freqs",
                              .expected = "positive numbers",
                              .found = std::to_string(factor)});
      }
    }
  }
}

}  // namespace trit
