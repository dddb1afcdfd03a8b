#include "engine/files/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/error.h"

namespace trit {
namespace {

// Some systems refuse a single read of 2 GiB or more.
constexpr size_t kMaxReadBytes = size_t{1} << 30;

[[noreturn]] void ThrowSystemError(const std::string& path, const std::string& action) {
  throw Error(ErrorInfo{
      .what = "cannot " + action, .file = path, .found = std::generic_category().message(errno)});
}

const char* KindOfFile(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  // Without O_NONBLOCK, opening a pipe would wait for someone to write to it.
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) ThrowSystemError(path_, "open the file");
  struct stat status;
  const bool known = fstat(descriptor_, &status) == 0;
  if (known && S_ISREG(status.st_mode)) {
    size_ = static_cast<uint64_t>(status.st_size);
    return;
  }
  const int cause = errno;
  close(descriptor_);  // a constructor that throws has no destructor
  errno = cause;
  if (!known) ThrowSystemError(path_, "examine the file");
  throw Error(ErrorInfo{.what = "cannot be read",
                        .file = path_,
                        .expected = "a regular file",
                        .found = KindOfFile(status.st_mode)});
}

InputFile::InputFile(InputFile&& other) noexcept { *this = std::move(other); }

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(size_, other.size_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void InputFile::ReadAt(uint64_t offset, void* out, size_t size) const {
  if (offset > size_ || size > size_ - offset) {
    throw Error(
        ErrorInfo{.what = "file ends too early",
                  .file = path_,
                  .expected = std::to_string(size) + " bytes at offset " + std::to_string(offset),
                  .found = "a file of " + std::to_string(size_) + " bytes"});
  }
  char* to = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t count =
        pread(descriptor_, to, std::min(size, kMaxReadBytes), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) ThrowSystemError(path_, "read at offset " + std::to_string(offset));
    if (count == 0) {
      throw Error(ErrorInfo{.what = "file became shorter while it was being read",
                            .file = path_,
                            .expected = std::to_string(size_) + " bytes",
                            .found = std::to_string(offset)});
    }
    to += count;
    offset += static_cast<uint64_t>(count);
    size -= static_cast<size_t>(count);
  }
}

std::string ReadTextFile(const std::string& path, uint64_t max_bytes) {
  const InputFile file(path);
  if (file.size() > max_bytes) {
    throw Error(ErrorInfo{.what = "file is too large",
                          .file = path,
                          .expected = "at most " + std::to_string(max_bytes) + " bytes",
                          .found = std::to_string(file.size())});
  }
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.ReadAt(0, text.data(), text.size());
  return text;
}

}  // namespace trit
