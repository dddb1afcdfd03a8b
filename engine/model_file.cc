#include "engine/model_file.h"

#include <optional>

#include "engine/error.h"
#include "engine/gguf_model_loader.h"
#include "engine/gguf_reader.h"
#include "engine/gguf_tokenizer.h"
#include "engine/make_tokenizer.h"

namespace trit {

std::unique_ptr<Model> LoadModel(const std::string& path, const LoadOptions& options) {
  return LoadGgufModel(path, options);
}

std::unique_ptr<const Tokenizer> LoadTokenizer(const std::string& path) {
  const GgufReader reader(path);
  const std::optional<TokenizerData> data = ReadGgufTokenizer(reader.metadata());
  if (!data) throw Error(ErrorInfo{.what = "the file has no tokenizer", .file = path});
  return MakeTokenizer(*data, path);
}

}  // namespace trit
