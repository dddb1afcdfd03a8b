#include "engine/formats/model_summary.h"

#include <fmt/format.h>

namespace trit {

int64_t WeightBytes(const ModelWeight& weight) {
  return static_cast<int64_t>(
      weight.matrix.data.size() + weight.matrix.scales.values.size() * sizeof(float) +
      weight.matrix.scales.offsets.size() * sizeof(float) + weight.vector.size() * sizeof(float));
}

int64_t WeightBytes(const Model& model) {
  int64_t bytes = 0;
  for (const ModelWeight& weight : model.weights) bytes += WeightBytes(weight);
  return bytes;
}

int64_t WeightBytesPerToken(const Model& model) {
  const WeightTable& table = model.table;
  int64_t bytes = WeightBytes(model);
  if (table.lm_head() != table.embed_tokens()) {
    const int64_t embedding = WeightBytes(model.weights[static_cast<size_t>(table.embed_tokens())]);
    bytes -= embedding - embedding / table[table.embed_tokens()].rows;
  }
  return bytes;
}

int64_t CacheBytesPerPosition(const ModelConfig& config) {
  return config.num_hidden_layers * 2 * config.KeyValueSize() * int64_t{sizeof(float)};
}

std::string ShortCount(int64_t count) {
  const double value = static_cast<double>(count);
  if (value >= 1e9) return fmt::format("{:.2f} B", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.2f} M", value / 1e6);
  if (value >= 1e3) return fmt::format("{:.2f} K", value / 1e3);
  return fmt::format("{}", count);
}

std::string DescribeModel(const Model& model) {
  const ModelConfig& config = model.config;
  return fmt::format("{}: {} parameters, {} layers of {}, {} tokens, context {}", model.name,
                     ShortCount(model.table.NumParameters()), config.num_hidden_layers,
                     config.hidden_size, config.vocab_size, config.max_position_embeddings);
}

}  // namespace trit
