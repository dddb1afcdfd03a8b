#include "engine/formats/model_file.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/formats/file_kind.h"
#include "engine/formats/gguf_format.h"
#include "engine/formats/gguf_model_loader.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/gguf_tokenizer.h"
#include "engine/formats/hf_config.h"
#include "engine/formats/hf_model_loader.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/formats/llama2c_model.h"
#include "engine/tokenizers/make_tokenizer.h"

namespace trit {
namespace {

bool IsDirectory(const std::string& path) {
  std::error_code ignored;  // what cannot be looked at cannot be opened either
  return std::filesystem::is_directory(path, ignored);
}

bool IsGguf(const std::string& path) {
  const InputFile file(path);
  char magic[kGgufMagic.size()] = {};
  file.ReadAt(0, magic, std::min<uint64_t>(file.size(), sizeof(magic)));
  return std::string_view(magic, sizeof(magic)) == kGgufMagic;
}

}  // namespace

std::unique_ptr<Model> LoadModel(const std::string& path, const LoadOptions& options) {
  if (IsDirectory(path)) return LoadHfModel(path, options);
  if (IsGguf(path)) return LoadGgufModel(path, options);
  if (IsLlama2cModel(path)) return LoadLlama2cModel(path, options);
  FileKind kind = GuessFileKind(path);
  throw Error(ErrorInfo{
      .what = "not a model",
      .file = path,
      .expected = "a GGUF file, a Hugging Face directory or a whole checkpoint of llama2.c",
      .found = std::move(kind.name),
      .hint = std::move(kind.hint)});
}

std::shared_ptr<const Tokenizer> LoadTokenizer(const std::string& path) {
  std::optional<TokenizerData> data;
  if (IsDirectory(path)) {
    const HfConfig config = ReadHfConfig((std::filesystem::path(path) / "config.json").string());
    data = ReadHfTokenizer(path, config).data;
  } else if (path.ends_with(".bin") && IsLlama2cModel(path)) {
    std::shared_ptr<const Tokenizer> tokenizer = LoadLlama2cModel(path, {})->tokenizer;
    if (tokenizer != nullptr) return tokenizer;
  } else if (IsGguf(path)) {
    data = ReadGgufTokenizer(GgufReader(path).metadata());
  } else {
    data = ReadTokenizerFile(path, std::nullopt);
  }
  if (!data) throw Error(ErrorInfo{.what = "there is no tokenizer", .file = path});
  return MakeTokenizer(*data, path);
}

}  // namespace trit
