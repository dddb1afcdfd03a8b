// Loads a model from a GGUF file: checks every tensor against the config, then repacks.
#ifndef TRIT_ENGINE_FORMATS_GGUF_MODEL_LOADER_H_
#define TRIT_ENGINE_FORMATS_GGUF_MODEL_LOADER_H_

#include <memory>
#include <string>

#include "engine/formats/model_file.h"
#include "engine/model.h"

namespace trit {

// Throws Error naming file and key or tensor. Tensors that the architecture does not have are
// refused: running without them would give another model's answers.
std::unique_ptr<Model> LoadGgufModel(const std::string& path, const LoadOptions& options);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_MODEL_LOADER_H_
