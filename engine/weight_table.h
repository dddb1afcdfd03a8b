// The one list of a model's weights. Initialization, loading, saving, export, the optimizer and
// inspection all walk it; parameters, gradients and moments are laid out in its order.
#ifndef TRIT_ENGINE_WEIGHT_TABLE_H_
#define TRIT_ENGINE_WEIGHT_TABLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model_config.h"

namespace trit {

using WeightId = int32_t;  // index into the table
inline constexpr WeightId kNoWeight = -1;

enum class WeightKind : uint8_t {
  kLinear,          // a projection: the matrices that quantizers apply to
  kEmbedding,       // embed_tokens, also the head when tied
  kHead,            // lm_head when not tied
  kNorm,            // RMSNorm weight: a vector
  kQuantizerScale,  // learned scales of a quantized matrix (training only)
  kInputRange,      // range of a matrix's static activations, calibrated (training only)
};

struct WeightInfo {
  WeightId id = kNoWeight;
  int32_t layer = -1;  // -1: outside the layers
  WeightKind kind = WeightKind::kNorm;
  std::string name;       // Hugging Face: "model.layers.0.self_attn.q_proj.weight"
  std::string gguf_name;  // "blk.0.attn_q.weight"; empty if GGUF has none
  int64_t rows = 0;       // out_features; 1 for vectors
  int64_t cols = 0;       // in_features, or the vector's length

  int64_t NumElements() const { return rows * cols; }
  bool IsVector() const { return kind >= WeightKind::kNorm; }
};

struct LayerWeights {
  WeightId input_layernorm, q_proj, k_proj, v_proj;
  WeightId attn_sub_norm;  // kNoWeight without sub-norms
  WeightId o_proj;
  WeightId post_attention_layernorm, gate_proj, up_proj;
  WeightId ffn_sub_norm;  // kNoWeight without sub-norms
  WeightId down_proj;
};

class WeightTable {
 public:
  explicit WeightTable(const ModelConfig& config);

  std::span<const WeightInfo> weights() const { return weights_; }
  const WeightInfo& operator[](WeightId id) const { return weights_[static_cast<size_t>(id)]; }
  size_t size() const { return weights_.size(); }
  int64_t NumParameters() const;

  WeightId embed_tokens() const { return embed_tokens_; }
  WeightId norm() const { return norm_; }
  WeightId lm_head() const { return lm_head_; }  // embed_tokens() when tied
  const LayerWeights& Layer(int64_t layer) const { return layers_[static_cast<size_t>(layer)]; }

  // By Hugging Face or GGUF name; kNoWeight if there is none.
  WeightId Find(std::string_view name) const;

  // Appends a weight beyond the architecture's own (learned scales); sets and returns its id.
  WeightId Add(WeightInfo info);

 private:
  std::vector<WeightInfo> weights_;
  std::vector<LayerWeights> layers_;
  WeightId embed_tokens_ = kNoWeight, norm_ = kNoWeight, lm_head_ = kNoWeight;
};

}  // namespace trit

#endif  // TRIT_ENGINE_WEIGHT_TABLE_H_
