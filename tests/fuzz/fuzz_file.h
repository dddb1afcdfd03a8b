// What fuzz targets have in common. Each file fuzz_<what>.cc defines LLVMFuzzerTestOneInput, which
// must not crash, leak or break a promise that it checks; Error is the right answer to bad input.
#ifndef TRIT_TESTS_FUZZ_FUZZ_FILE_H_
#define TRIT_TESTS_FUZZ_FUZZ_FILE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace trit {

// Bytes as a file that only exists in memory.
class FuzzFile {
 public:
  explicit FuzzFile(std::string_view bytes) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor_ < 0) std::abort();
    while (!bytes.empty()) {
      const ssize_t count = write(descriptor_, bytes.data(), bytes.size());
      if (count <= 0) std::abort();
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }
  FuzzFile(const FuzzFile&) = delete;
  FuzzFile& operator=(const FuzzFile&) = delete;
  ~FuzzFile() { close(descriptor_); }

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// A folder of this process's own for what needs names; what is in it is overwritten.
inline const std::filesystem::path& FuzzFolder() {
  static const std::filesystem::path kFolder = [] {
    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("trit-fuzz-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    return folder;
  }();
  return kFolder;
}

// The same as a file with a name, for parsers that go by names.
class NamedFuzzFile {
 public:
  NamedFuzzFile(std::string_view bytes, std::string_view name)
      : file_(bytes), path_(FuzzFolder() / name) {
    std::filesystem::remove(path_);
    std::filesystem::create_symlink(file_.path(), path_);
  }
  NamedFuzzFile(const NamedFuzzFile&) = delete;
  NamedFuzzFile& operator=(const NamedFuzzFile&) = delete;
  ~NamedFuzzFile() { std::filesystem::remove(path_); }

  std::string path() const { return path_.string(); }

 private:
  FuzzFile file_;
  std::filesystem::path path_;
};

// A promise that does not depend on the input.
inline void Promise(bool kept) {
  if (!kept) std::abort();
}

// Runs what may throw Error for bad input. Returns whether it did not.
template <typename Body>
bool Accepts(const Body& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    Promise(!std::string_view(error.what()).empty());
    return false;
  }
}

inline std::string_view TextOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace trit

#endif  // TRIT_TESTS_FUZZ_FUZZ_FILE_H_
