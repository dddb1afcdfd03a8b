#include "training/buffer_pool.h"

#include <utility>

namespace trit {

BufferPool::Buffer BufferPool::Take(int64_t size) {
  std::vector<Buffer>& same_size = free_[size];
  if (same_size.empty()) {
    allocated_bytes_ += size * static_cast<int64_t>(sizeof(float));
    return Buffer(static_cast<size_t>(size));
  }
  Buffer buffer = std::move(same_size.back());
  same_size.pop_back();
  return buffer;
}

void BufferPool::Return(Buffer buffer) {
  if (buffer.empty()) return;
  free_[static_cast<int64_t>(buffer.size())].push_back(std::move(buffer));
}

}  // namespace trit
