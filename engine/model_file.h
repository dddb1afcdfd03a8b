// Models on disk: opens whatever holds one.
#ifndef TRIT_ENGINE_MODEL_FILE_H_
#define TRIT_ENGINE_MODEL_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/model.h"
#include "engine/ternary_codec.h"

namespace trit {

struct LoadOptions {
  // Of i2_s tensors, which do not say it themselves.
  I2sLayout i2s_layout = I2sLayout::kAuto;
  // Called now and then while weights are read; may be empty.
  std::function<void(int64_t bytes_done, int64_t bytes_total)> progress;
};

// A .gguf file. Throws Error (engine/error.h) with file, key or tensor.
std::unique_ptr<Model> LoadModel(const std::string& path, const LoadOptions& options);

// The tokenizer alone, of such a file or of one that has nothing else. Throws Error if it has none.
std::unique_ptr<const Tokenizer> LoadTokenizer(const std::string& path);

}  // namespace trit

#endif  // TRIT_ENGINE_MODEL_FILE_H_
