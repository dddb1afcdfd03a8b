// The keys of a GGUF file that say how the inputs of its projections are quantized, which nothing
// else in it does:
//   trit.activation_quantizer    the name of all of them (ActivationQuantizerName), or "mixed"
//   trit.activation_quantizers   if mixed: the name of each projection's
//   trit.activation_scales       if any is static: a (quantize_activations.h) of each projection, 0
//                                for others
// Arrays have the projections in the order of the weight table.
#ifndef TRIT_ENGINE_FORMATS_GGUF_ACTIVATIONS_H_
#define TRIT_ENGINE_FORMATS_GGUF_ACTIVATIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/formats/gguf_metadata.h"
#include "engine/model.h"
#include "ternary_kernels/quantize_activations.h"

namespace trit {

// Throws UsageError if a static input has no scale.
void AppendGgufActivations(const Model& model, GgufMetadata& metadata);

// By WeightId; nullopt if the file does not say. Throws Error naming `file` and the key.
std::optional<std::vector<ActivationScheme>> ReadGgufActivations(const GgufMetadata& metadata,
                                                                 const WeightTable& table,
                                                                 const std::string& file);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_ACTIVATIONS_H_
