// A tiny model with a learned quantizer scale, its parameters filled with values that depend on a
// number, and what is saved with them.
#ifndef TRIT_TESTS_SUPPORT_TINY_CHECKPOINT_H_
#define TRIT_TESTS_SUPPORT_TINY_CHECKPOINT_H_

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "training/checkpoint.h"
#include "training/random.h"

namespace trit {

class TinyCheckpoint {
 public:
  TinyCheckpoint() : model_(Model()), table_(MakeTable(model_)), parameters_(table_) {
    state_.config_fingerprint = "0123456789abcdef";
    state_.data_fingerprint = "fedcba9876543210";
  }

  static ModelConfig Model() {
    ModelConfig model;
    model.hidden_size = 16;
    model.intermediate_size = 24;
    model.num_hidden_layers = 2;
    model.num_attention_heads = 2;
    model.num_key_value_heads = 1;
    model.head_dim = 8;
    model.vocab_size = 20;
    model.max_position_embeddings = 32;
    return model;
  }

  // State and parameters as they are after `step` updates. Values of all magnitudes, subnormal
  // ones and both zeros among them; second moments are not negative.
  void Fill(int64_t step) {
    state_.step = step;
    state_.next_row = 4 * step;
    state_.elapsed_seconds = 0.1 * static_cast<double>(step);
    for (const WeightInfo& weight : table_.weights()) {
      const uint64_t stream = static_cast<uint64_t>(weight.id);
      const CounterRandom random(static_cast<uint64_t>(step), stream);
      for (size_t i = 0; i < parameters_.Values(weight.id).size(); ++i) {
        parameters_.Values(weight.id)[i] = AnyFinite(random.Bits(3 * i));
        parameters_.FirstMoments(weight.id)[i] = AnyFinite(random.Bits(3 * i + 1));
        parameters_.SecondMoments(weight.id)[i] = AnyFinite(random.Bits(3 * i + 2) & 0x7fffffff);
      }
    }
  }

  // All parameters to the bit.
  std::string Bytes() const {
    std::string bytes;
    for (const WeightInfo& weight : table_.weights()) {
      for (const std::span<const float> part :
           {parameters_.Values(weight.id), parameters_.FirstMoments(weight.id),
            parameters_.SecondMoments(weight.id)}) {
        bytes.append(reinterpret_cast<const char*>(part.data()), part.size_bytes());
      }
    }
    return bytes;
  }

  std::string Save(const std::string& run, int64_t keep, std::span<const NamedBytes> files = {},
                   std::optional<int64_t> best_step = std::nullopt) const {
    return SaveCheckpoint(run,
                          {.state = state_,
                           .model = model_,
                           .quantizer = quantizer_,
                           .special = special_,
                           .parameters = parameters_,
                           .files = files},
                          {.latest = keep, .best_step = best_step});
  }

  TrainerState& state() { return state_; }
  const WeightTable& table() const { return table_; }
  Parameters& parameters() { return parameters_; }
  QuantizationConfig& quantizer() { return quantizer_; }

 private:
  static WeightTable MakeTable(const ModelConfig& model) {
    WeightTable table(model);
    table.Add({.kind = WeightKind::kQuantizerScale,
               .name = "model.layers.0.mlp.up_proj.weight_scale",
               .gguf_name = "",
               .rows = 1,
               .cols = 24});
    return table;
  }

  // Infinities and NaNs lose the exponent's top bit.
  static float AnyFinite(uint64_t bits) {
    uint32_t word = static_cast<uint32_t>(bits);
    if ((word & 0x7f800000u) == 0x7f800000u) word &= 0xbfffffffu;
    float value;
    std::memcpy(&value, &word, sizeof(value));
    return value;
  }

  ModelConfig model_;
  WeightTable table_;
  Parameters parameters_;
  QuantizationConfig quantizer_;
  SpecialTokens special_;
  TrainerState state_;
};

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_TINY_CHECKPOINT_H_
