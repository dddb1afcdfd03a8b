#include "engine/formats/file_kind.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "engine/files/input_file.h"

namespace trit {
namespace {

constexpr size_t kMaxBytes = 32;  // that tell kinds apart

struct Signature {
  std::string_view bytes;  // at offset 0
  const char* name;
  const char* hint;
};
constexpr const char* kNoPickle = "save the model as .safetensors: pickles are not read";
constexpr const char* kOldGgml = "convert the original model to GGUF";
constexpr Signature kSignatures[] = {
    {"version https://git-lfs", "a pointer of Git LFS", "fetch the file itself with git lfs pull"},
    {"<!DOCTYPE", "a web page", "the download went wrong"},
    {"<!doctype", "a web page", "the download went wrong"},
    {"<html", "a web page", "the download went wrong"},
    {"PK\3\4", "a zip archive, as PyTorch's checkpoints are", kNoPickle},
    {"\x80\2", "a pickle, as PyTorch's checkpoints are", kNoPickle},
    {"tjgg", "a GGML file of the time before GGUF", kOldGgml},
    {"lmgg", "a GGML file of the time before GGUF", kOldGgml},
    {"fmgg", "a GGML file of the time before GGUF", kOldGgml},
    {"\x89PNG", "a PNG image", ""},
    {"\xFF\xD8\xFF", "a JPEG image", ""},
    {"%PDF", "a PDF document", ""},
    {"\x1F\x8B", "a gzip archive", "unpack it first"},
    {"\x28\xB5\x2F\xFD", "a zstd archive", "unpack it first"},
    {"{", "a JSON file", "give the directory it is in"},
};

// The eight bytes before the header's "{" are its length.
bool LooksLikeSafetensors(std::string_view bytes) {
  return bytes.size() > 8 && bytes[8] == '{' && bytes[6] == '\0' && bytes[7] == '\0';
}

}  // namespace

FileKind GuessFileKind(const std::string& path) {
  const InputFile file(path);
  if (file.size() == 0) return {"an empty file", "has its download ended?"};
  std::string bytes(static_cast<size_t>(std::min<uint64_t>(file.size(), kMaxBytes)), '\0');
  file.ReadAt(0, bytes.data(), bytes.size());
  for (const Signature& signature : kSignatures) {
    if (bytes.starts_with(signature.bytes)) return {signature.name, signature.hint};
  }
  if (LooksLikeSafetensors(bytes)) {
    return {"a safetensors file", "give the directory it is in, with config.json"};
  }
  return {};
}

std::string HintForDirectory(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (name.ends_with(".gguf")) return "give " + name + " in it";
  }
  for (const std::string& name : names) {
    if (name.starts_with("pytorch_model") || name.ends_with(".pth") || name.ends_with(".pt")) {
      return kNoPickle;
    }
  }
  return "";
}

}  // namespace trit
