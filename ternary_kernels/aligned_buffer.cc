#include "ternary_kernels/aligned_buffer.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace trit {
namespace {

// Asks for huge pages where whole ones fit. The system may say no.
void AskForHugePages([[maybe_unused]] void* data, [[maybe_unused]] size_t bytes) {
#ifdef __linux__
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t last = (begin + bytes) / kHugePage * kHugePage;
  if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

}  // namespace

void* AllocateZeroed(size_t bytes) {
  void* data = std::aligned_alloc(kBufferAlignment, bytes);
  if (data == nullptr) return nullptr;
  AskForHugePages(data, bytes);
  std::memset(data, 0, bytes);
  return data;
}

}  // namespace trit
