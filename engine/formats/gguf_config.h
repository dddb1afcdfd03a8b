// A model's config in the metadata of a GGUF file.
#ifndef TRIT_ENGINE_FORMATS_GGUF_CONFIG_H_
#define TRIT_ENGINE_FORMATS_GGUF_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/gguf_metadata.h"
#include "engine/formats/gguf_reader.h"
#include "engine/model_config.h"

namespace trit {

// The config, and what follows from the architecture alone.
struct GgufModelConfig {
  ModelConfig config;  // valid
  // Dense matrices too were trained on int8 activations: the bitnet architectures.
  bool dense_takes_int8 = false;
};

// Throws Error if the architecture is not one of bitnet, bitnet-25, bitnet-b1.58 and llama, or if a
// key is missing, of another type, or says what is not implemented.
GgufModelConfig ReadGgufConfig(const GgufReader& reader);

// The architecture that says exactly this config: "bitnet-b1.58", "bitnet" or "llama". Throws
// UsageError if none does (squared ReLU without sub-norms), saying what would fit.
std::string GgufArchitecture(const ModelConfig& config);

// Which elements of a head its queries and keys pair: rows of the projections follow from it.
RopeStyle GgufRopeStyle(std::string_view architecture);

// Factors that divide the rotary frequencies, as a tensor; empty if there are none or if
// AppendGgufConfig says them.
inline constexpr char kFrequencyFactorsTensor[] = "rope_freqs.weight";
std::vector<float> GgufFrequencyFactors(const ModelConfig& config);

// Appends general.architecture and the architecture's keys.
void AppendGgufConfig(const ModelConfig& config, GgufMetadata& metadata);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_CONFIG_H_
