#include "engine/files/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/error.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;
// Some systems refuse a single write of 2 GiB or more.
constexpr size_t kMaxWriteBytes = size_t{1} << 30;
constexpr int kMaxNameAttempts = 100;

[[noreturn]] void ThrowSystemError(const std::string& path, const std::string& action, int cause) {
  throw Error(ErrorInfo{.what = "cannot " + action,
                        .file = path,
                        .found = std::generic_category().message(cause),
                        .hint = cause == ENOSPC ? "free some space and try again" : ""});
}

// Where a file named `path` would be written: links followed, so that renaming does not replace
// one.
std::string ResolveTarget(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return path;
  if (error) ThrowSystemError(path, "examine the file", error.value());
  if (!std::filesystem::is_regular_file(status)) {
    throw Error(ErrorInfo{
        .what = "cannot be written",
        .file = path,
        .expected = "a new or a regular file",
        .found = std::filesystem::is_directory(status) ? "a directory" : "a special file"});
  }
  std::filesystem::path target = std::filesystem::canonical(path, error);
  if (error) ThrowSystemError(path, "examine the file", error.value());
  return target.string();
}

std::string DirectoryOf(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path), target_(ResolveTarget(path)) {
  static std::atomic<uint64_t> serial{0};
  buffer_.reserve(kBufferBytes);
  for (int attempt = 0; attempt < kMaxNameAttempts; ++attempt) {
    temporary_ = target_ + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(serial++);
    // O_EXCL: never someone else's file, nor a link put there to lead elsewhere.
    descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
    if (errno != EEXIST) break;
  }
  ThrowSystemError(path_, "create the file", errno);
}

OutputFile::OutputFile(OutputFile&& other) noexcept { *this = std::move(other); }

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(target_, other.target_);
  std::swap(temporary_, other.temporary_);
  std::swap(buffer_, other.buffer_);
  std::swap(size_, other.size_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

OutputFile::~OutputFile() { Abandon(); }

void OutputFile::Abandon() noexcept {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
  descriptor_ = -1;
}

void OutputFile::Write(const void* bytes, size_t size) {
  TRIT_CHECK(descriptor_ >= 0);
  const uint8_t* from = static_cast<const uint8_t*>(bytes);
  if (size > kBufferBytes - buffer_.size()) Flush();
  if (size > kBufferBytes) {
    WriteThrough(from, size);
  } else {
    buffer_.insert(buffer_.end(), from, from + size);
  }
  size_ += size;
}

void OutputFile::Flush() {
  WriteThrough(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void OutputFile::WriteThrough(const uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t count = write(descriptor_, bytes, std::min(size, kMaxWriteBytes));
    if (count < 0 && errno == EINTR) continue;
    // A regular file takes at least a byte unless something is wrong.
    if (count <= 0) ThrowSystemError(path_, "write the file", count < 0 ? errno : ENOSPC);
    bytes += count;
    size -= static_cast<size_t>(count);
  }
}

void OutputFile::Commit() {
  TRIT_CHECK(descriptor_ >= 0);
  Flush();
  if (fsync(descriptor_) != 0) ThrowSystemError(path_, "write the file", errno);
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) {
    ThrowSystemError(path_, "put the finished file in place", errno);
  }
  const int file = std::exchange(descriptor_, -1);
  if (close(file) != 0) ThrowSystemError(path_, "write the file", errno);
  SyncDirectory(DirectoryOf(target_));
}

void MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return;
  throw Error(ErrorInfo{.what = "cannot make the directory: " + error.message(), .file = path});
}

void SyncDirectory(const std::string& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a directory may be writable and not readable
  const int cause = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  // A file system that cannot do this for directories says EINVAL.
  if (cause != 0 && cause != EINVAL) {
    ThrowSystemError(directory, "synchronize the directory", cause);
  }
}

void WriteTextFile(const std::string& path, std::string_view text) {
  OutputFile file(path);
  file.Write(text.data(), text.size());
  file.Commit();
}

}  // namespace trit
