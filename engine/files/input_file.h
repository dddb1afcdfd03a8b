// A regular file opened for reading. It is opened once and measured once; every read names its
// place, is checked against that size, and goes into the caller's memory. Nothing is mapped: a file
// that is truncated meanwhile gives an Error, not a signal.
#ifndef TRIT_ENGINE_FILES_INPUT_FILE_H_
#define TRIT_ENGINE_FILES_INPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace trit {

class InputFile {
 public:
  // Throws Error if `path` cannot be opened or is no regular file (a directory, pipe, device).
  explicit InputFile(std::string path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }  // bytes, when it was opened

  // Reads bytes [offset, offset + size) into `out`. Throws Error if they are not all there. May be
  // called from several threads.
  void ReadAt(uint64_t offset, void* out, size_t size) const;

 private:
  std::string path_;
  uint64_t size_ = 0;
  int descriptor_ = -1;
};

// The whole of a text file, such as a JSON config. Throws Error if it has more than `max_bytes`.
std::string ReadTextFile(const std::string& path, uint64_t max_bytes);

}  // namespace trit

#endif  // TRIT_ENGINE_FILES_INPUT_FILE_H_
