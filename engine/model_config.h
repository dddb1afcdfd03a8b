// What a model is: its shape and the choices of its architecture, under Hugging Face's names. File
// formats translate to and from this; nothing below the loaders sees an architecture's name.
#ifndef TRIT_ENGINE_MODEL_CONFIG_H_
#define TRIT_ENGINE_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ternary_kernels/gated_unit.h"
#include "ternary_kernels/rope.h"

namespace trit {

struct ModelConfig {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;
  double rope_theta = 10000.0;
  float rms_norm_eps = 1e-5f;
  GateActivation hidden_act = GateActivation::kRelu2;
  // RMSNorm before o_proj (attn_sub_norm) and before down_proj (ffn_sub_norm), as BitNet b1.58 2B-4T.
  bool sub_norms = true;
  bool tie_word_embeddings = true;
  RopeStyle rope_style = RopeStyle::kHalves;
  std::vector<float> rope_frequency_factors;  // (head_dim / 2), or empty for all 1

  int64_t QuerySize() const { return num_attention_heads * head_dim; }
  int64_t KeyValueSize() const { return num_key_value_heads * head_dim; }

  bool operator==(const ModelConfig&) const = default;
};

// Throws Error with the key under its Hugging Face name if a value is missing, out of range or does
// not fit another; `file` goes into the message. Every loader and the trainer call this one.
void ValidateModelConfig(const ModelConfig& config, const std::string& file);

}  // namespace trit

#endif  // TRIT_ENGINE_MODEL_CONFIG_H_
