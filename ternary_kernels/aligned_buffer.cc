#include "ternary_kernels/aligned_buffer.h"

#include <cstdlib>
#include <cstring>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace trit {

void* AllocateZeroed(size_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const bool huge = bytes >= 2 * kHugePage;
  const size_t alignment = huge ? kHugePage : kBufferAlignment;
  void* data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (data == nullptr) return nullptr;
#ifdef __linux__
  if (huge) madvise(data, bytes, MADV_HUGEPAGE);  // it may say no
#endif
  std::memset(data, 0, bytes);
  return data;
}

}  // namespace trit
