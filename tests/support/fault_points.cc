// A library to be loaded before the program (LD_PRELOAD) that ends or fails it at a chosen place of
// its writing to disk. TRIT_FAULT is one of
//
//   fsync:N          killed before the Nth fsync
//   rename:N         killed before the Nth rename
//   renamed:N        killed after the Nth rename
//   space:N          write() fails with ENOSPC once N bytes were written to files
//   count            nothing fails; the numbers of calls and bytes are written to TRIT_FAULT_COUNTS
#include <dlfcn.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Fault {
  char kind[16] = "";
  int64_t at = 0;
  int64_t fsyncs = 0, renames = 0, bytes = 0;

  Fault() {
    const char* text = std::getenv("TRIT_FAULT");
    if (text == nullptr) return;
    const char* colon = std::strchr(text, ':');
    const size_t length = colon == nullptr ? std::strlen(text) : size_t(colon - text);
    std::memcpy(kind, text, length < sizeof(kind) ? length : sizeof(kind) - 1);
    if (colon != nullptr) at = std::atoll(colon + 1);
  }
  ~Fault() {
    const char* path = std::getenv("TRIT_FAULT_COUNTS");
    if (!Is("count") || path == nullptr) return;
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%lld %lld %lld\n", static_cast<long long>(fsyncs),
                   static_cast<long long>(renames), static_cast<long long>(bytes));
      std::fclose(file);
    }
  }
  bool Is(const char* name) const { return std::strcmp(kind, name) == 0; }
  void KillIf(const char* name, int64_t count) const {
    if (Is(name) && count == at) kill(getpid(), SIGKILL);
  }
};

Fault& TheFault() {
  static Fault fault;
  return fault;
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int fsync(int descriptor) {
  Fault& fault = TheFault();
  fault.KillIf("fsync", ++fault.fsyncs);
  return Next<int(int)>("fsync")(descriptor);
}

int rename(const char* from, const char* to) noexcept {
  Fault& fault = TheFault();
  fault.KillIf("rename", ++fault.renames);
  const int result = Next<int(const char*, const char*)>("rename")(from, to);
  fault.KillIf("renamed", fault.renames);
  return result;
}

ssize_t write(int descriptor, const void* bytes, size_t size) {
  Fault& fault = TheFault();
  struct stat status = {};
  if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
    fault.bytes += static_cast<int64_t>(size);
    if (fault.Is("space") && fault.bytes > fault.at) {
      errno = ENOSPC;
      return -1;
    }
  }
  return Next<ssize_t(int, const void*, size_t)>("write")(descriptor, bytes, size);
}

}  // extern "C"
