// Hugging Face's config.json, to and from ModelConfig. Architectures:
//
//   BitNetForCausalLM   microsoft/bitnet-b1.58-2B-4T: sub-norms, squared ReLU unless it says silu
//   BitnetForCausalLM   1bitLLM's earlier one: sub-norms, SiLU
//   LlamaForCausalLM    no sub-norms, SiLU unless it says relu2 (HF1BitLLM, Falcon3, Falcon-E)
//
// Whatever would change the numbers and is not supported (biases, rotary scaling other than linear
// and Llama 3's, other quantizations) is refused.
#ifndef TRIT_ENGINE_FORMATS_HF_CONFIG_H_
#define TRIT_ENGINE_FORMATS_HF_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model_config.h"

namespace trit {

// How the weights of linear layers are stored (quantization_config), and so what they mean.
enum class HfWeights : uint8_t {
  kPlain,           // floats, used as they are
  kTernaryOnline,   // latent floats: the model ternarizes them, and its activations to int8
  kPackedMultiply,  // packed trits, times weight_scale (linear_class autobitlinear)
  kPackedDivide,    // packed trits, divided by weight_scale (linear_class bitlinear)
};

struct HfConfig {
  ModelConfig model;
  HfWeights weights = HfWeights::kPlain;
  // Modules whose weights are plain though others are packed; written, not read: the tensors say
  // it.
  std::vector<std::string> not_converted;
  int32_t bos_token_id = -1;           // -1: none
  std::vector<int32_t> eos_token_ids;  // written as a number if there is one, left out if none
  std::string torch_dtype = "float32";
  std::string trit;  // the member "trit", Trit's own, as JSON text; empty: none
};

// `file` goes into messages. Throws Error with the key, expected and found.
HfConfig ParseHfConfig(std::string_view json, const std::string& file);
HfConfig ReadHfConfig(const std::string& path);

// The text of a config.json that transformers loads: BitNetForCausalLM with sub-norms, else
// LlamaForCausalLM. `file` goes into messages. Throws Error if the model has what Hugging Face's
// layout cannot say (interleaved rotary pairs, frequency factors that are not all equal).
std::string HfConfigToJson(const HfConfig& config, const std::string& file);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_HF_CONFIG_H_
