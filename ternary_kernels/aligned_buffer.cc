#include "ternary_kernels/aligned_buffer.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "ternary_kernels/parallel_for.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace trit {
namespace {

constexpr uintptr_t kHugePage = uintptr_t{2} << 20;

// Asks for huge pages where whole ones fit. The system may say no.
void AskForHugePages([[maybe_unused]] void* data, [[maybe_unused]] size_t bytes) {
#ifdef __linux__
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
  // By all threads: what memory costs is to get each page for the first time.
  ParallelForBlocks(static_cast<int64_t>(bytes), static_cast<int64_t>(kHugePage),
                    [&](int64_t begin, int64_t end) {
                      std::memset(static_cast<char*>(data) + begin, 0,
                                  static_cast<size_t>(end - begin));
                    });
  return data;
}

}  // namespace trit
