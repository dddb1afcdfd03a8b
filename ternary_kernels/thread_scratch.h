// Memory that a thread keeps from call to call, so that kernels allocate nothing once they have
// run.
#ifndef TRIT_TERNARY_KERNELS_THREAD_SCRATCH_H_
#define TRIT_TERNARY_KERNELS_THREAD_SCRATCH_H_

#include <cstddef>
#include <cstdint>

#include "ternary_kernels/aligned_buffer.h"

namespace trit {

// `size` elements of the calling thread, one array a Tag; what they held is lost when it grows.
template <typename Tag, typename T>
T* ThreadScratch(int64_t size) {
  thread_local AlignedBuffer<std::byte> buffer;
  const size_t bytes = static_cast<size_t>(size) * sizeof(T);
  if (buffer.size() < bytes) buffer = AlignedBuffer<std::byte>(bytes);
  return reinterpret_cast<T*>(buffer.data());
}

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_THREAD_SCRATCH_H_
