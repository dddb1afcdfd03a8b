// What people give by mistake where a model is wanted, told from the first bytes: for messages.
#ifndef TRIT_ENGINE_FORMATS_FILE_KIND_H_
#define TRIT_ENGINE_FORMATS_FILE_KIND_H_

#include <string>

namespace trit {

struct FileKind {
  std::string name;  // "a zip archive"; empty: nothing that is known
  std::string hint;  // what to do; may be empty
};

// Throws Error if the file cannot be read.
FileKind GuessFileKind(const std::string& path);

// What to do about a directory that has no model.safetensors: what it has instead may say it. May
// be empty.
std::string HintForDirectory(const std::string& path);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_FILE_KIND_H_
