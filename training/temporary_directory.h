// A directory for files that are not complete yet: it goes, with what is in it, unless it was
// renamed, so that what failed, on a full disk for one, takes up no space.
#ifndef TRIT_TRAINING_TEMPORARY_DIRECTORY_H_
#define TRIT_TRAINING_TEMPORARY_DIRECTORY_H_

#include <filesystem>

namespace trit {

class TemporaryDirectory {
 public:
  // Removes what a killed process left there, and makes the directory. Throws Error.
  explicit TemporaryDirectory(std::filesystem::path path);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // It is complete: gives it its name. Throws Error.
  void RenameTo(const std::filesystem::path& target);

 private:
  std::filesystem::path path_;  // empty once it is renamed
};

}  // namespace trit

#endif  // TRIT_TRAINING_TEMPORARY_DIRECTORY_H_
