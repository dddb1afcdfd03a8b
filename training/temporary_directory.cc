#include "training/temporary_directory.h"

#include <system_error>
#include <utility>

#include "engine/error.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

void ThrowIf(const std::error_code& error, const char* what, const fs::path& path) {
  if (error) {
    throw Error(ErrorInfo{.what = what, .file = path.string(), .found = error.message()});
  }
}

}  // namespace

TemporaryDirectory::TemporaryDirectory(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  fs::remove_all(path_, error);
  ThrowIf(error, "cannot remove what was left behind", path_);
  fs::create_directory(path_, error);
  ThrowIf(error, "cannot create the directory", path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void TemporaryDirectory::RenameTo(const fs::path& target) {
  std::error_code error;
  fs::rename(path_, target, error);
  ThrowIf(error, "cannot rename the directory", target);
  path_.clear();
}

}  // namespace trit
