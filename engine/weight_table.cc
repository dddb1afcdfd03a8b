#include "engine/weight_table.h"

#include <utility>

namespace trit {

WeightTable::WeightTable(const ModelConfig& config) {
  const int64_t hidden = config.hidden_size;
  const int64_t ffn = config.intermediate_size;
  const int64_t query = config.QuerySize();
  const int64_t key_value = config.KeyValueSize();

  const auto add = [this](int64_t layer, WeightKind kind, std::string name, std::string gguf_name,
                          int64_t rows, int64_t cols) {
    return Add({.layer = static_cast<int32_t>(layer),
                .kind = kind,
                .name = std::move(name),
                .gguf_name = std::move(gguf_name),
                .rows = rows,
                .cols = cols});
  };

  embed_tokens_ = add(-1, WeightKind::kEmbedding, "model.embed_tokens.weight", "token_embd.weight",
                      config.vocab_size, hidden);
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const std::string hf = "model.layers." + std::to_string(layer) + ".";
    const std::string gguf = "blk." + std::to_string(layer) + ".";
    const auto norm = [&](const char* name, const char* gguf_name, int64_t length) {
      return add(layer, WeightKind::kNorm, hf + name + ".weight", gguf + gguf_name + ".weight", 1,
                 length);
    };
    const auto linear = [&](const char* name, const char* gguf_name, int64_t rows, int64_t cols) {
      return add(layer, WeightKind::kLinear, hf + name + ".weight", gguf + gguf_name + ".weight",
                 rows, cols);
    };
    LayerWeights w;
    w.input_layernorm = norm("input_layernorm", "attn_norm", hidden);
    w.q_proj = linear("self_attn.q_proj", "attn_q", query, hidden);
    w.k_proj = linear("self_attn.k_proj", "attn_k", key_value, hidden);
    w.v_proj = linear("self_attn.v_proj", "attn_v", key_value, hidden);
    w.attn_sub_norm = config.sub_norms ? norm("self_attn.attn_sub_norm", "attn_sub_norm", query)
                                       : kNoWeight;
    w.o_proj = linear("self_attn.o_proj", "attn_output", hidden, query);
    w.post_attention_layernorm = norm("post_attention_layernorm", "ffn_norm", hidden);
    w.gate_proj = linear("mlp.gate_proj", "ffn_gate", ffn, hidden);
    w.up_proj = linear("mlp.up_proj", "ffn_up", ffn, hidden);
    w.ffn_sub_norm = config.sub_norms ? norm("mlp.ffn_sub_norm", "ffn_sub_norm", ffn) : kNoWeight;
    w.down_proj = linear("mlp.down_proj", "ffn_down", hidden, ffn);
    layers_.push_back(w);
  }
  norm_ = add(-1, WeightKind::kNorm, "model.norm.weight", "output_norm.weight", 1, hidden);
  lm_head_ = config.tie_word_embeddings
                 ? embed_tokens_
                 : add(-1, WeightKind::kHead, "lm_head.weight", "output.weight", config.vocab_size,
                       hidden);
}

int64_t WeightTable::NumParameters() const {
  int64_t total = 0;
  for (const WeightInfo& info : weights_) total += info.NumElements();
  return total;
}

WeightId WeightTable::Find(std::string_view name) const {
  for (const WeightInfo& info : weights_) {
    if (info.name == name || (!info.gguf_name.empty() && info.gguf_name == name)) return info.id;
  }
  return kNoWeight;
}

WeightId WeightTable::Add(WeightInfo info) {
  info.id = static_cast<WeightId>(weights_.size());
  weights_.push_back(std::move(info));
  return weights_.back().id;
}

}  // namespace trit
