// Loads a model from a Hugging Face directory: config.json, model.safetensors (or an index of
// several), tokenizer. Weights may be plain, latent (rounded to trits at load) or packed trits.
#ifndef TRIT_ENGINE_FORMATS_HF_MODEL_LOADER_H_
#define TRIT_ENGINE_FORMATS_HF_MODEL_LOADER_H_

#include <memory>
#include <string>

#include "engine/formats/model_file.h"
#include "engine/model.h"

namespace trit {

// Throws Error naming file and key or tensor. Tensors that the architecture does not have are
// refused, but for buffers that are computed and a head that is tied.
std::unique_ptr<Model> LoadHfModel(const std::string& directory, const LoadOptions& options);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_HF_MODEL_LOADER_H_
