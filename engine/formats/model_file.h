// Models on disk: opens whatever holds one.
#ifndef TRIT_ENGINE_FORMATS_MODEL_FILE_H_
#define TRIT_ENGINE_FORMATS_MODEL_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/model.h"
#include "engine/tensors/ternary_codec.h"

namespace trit {

struct LoadOptions {
  // Of i2_s tensors, which do not say it themselves.
  I2sLayout i2s_layout = I2sLayout::kAuto;
  // A tokenizer to take instead of the model's own: a file that ReadTokenizerFile reads. Empty: the
  // model's, if it has one.
  std::string tokenizer;
  // Called now and then while weights are read; may be empty.
  std::function<void(int64_t bytes_done, int64_t bytes_total)> progress;
};

// A GGUF file, a Hugging Face directory, or a checkpoint of llama2.c. Throws Error (engine/error.h)
// with file, key or tensor.
std::unique_ptr<Model> LoadModel(const std::string& path, const LoadOptions& options);

// The tokenizer alone, of a GGUF file (also one that has nothing else), a Hugging Face directory or
// a tokenizer's own file. Throws Error if there is none.
std::shared_ptr<const Tokenizer> LoadTokenizer(const std::string& path);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_MODEL_FILE_H_
