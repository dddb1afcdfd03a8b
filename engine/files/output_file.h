// A file that appears complete or not at all. Bytes go to a temporary file beside the target;
// Commit makes them durable and renames it over the target. Without Commit (an exception, say)
// the temporary file is removed and the target stays as it was.
#ifndef TRIT_ENGINE_FILES_OUTPUT_FILE_H_
#define TRIT_ENGINE_FILES_OUTPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trit {

class OutputFile {
 public:
  // Throws Error if the target is there and no regular file, or if its directory cannot be written
  // to. A symbolic link is followed.
  explicit OutputFile(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }  // bytes written so far

  // Appends. Throws Error if the system cannot take the bytes (disk full).
  void Write(const void* bytes, size_t size);
  // Once, after the last Write.
  void Commit();

 private:
  void Flush();
  void WriteThrough(const uint8_t* bytes, size_t size);
  void Abandon() noexcept;

  std::string path_;       // as the user gave it
  std::string target_;     // with symbolic links resolved
  std::string temporary_;  // beside the target until Commit
  std::vector<uint8_t> buffer_;
  uint64_t size_ = 0;
  int descriptor_ = -1;
};

// Makes the directory, and those it is in. Throws Error.
void MakeDirectories(const std::string& path);

// Makes names that were created, changed or removed in a directory last through a power failure,
// where the file system can. Throws Error if it fails.
void SyncDirectory(const std::string& directory);

// A small file in one go.
void WriteTextFile(const std::string& path, std::string_view text);

}  // namespace trit

#endif  // TRIT_ENGINE_FILES_OUTPUT_FILE_H_
