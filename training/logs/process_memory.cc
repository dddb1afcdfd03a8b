#include "training/logs/process_memory.h"

#include <fstream>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace trit {

std::optional<int64_t> PeakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("VmHWM:")) continue;
    return std::stoll(line.substr(6)) * 1024;  // in kB
  }
  return std::nullopt;
}

bool ResetPeakMemory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  std::ofstream reset("/proc/self/clear_refs");
  reset << "5" << std::flush;  // proc(5): the peak becomes what is resident now
  return reset.good();
}

}  // namespace trit
