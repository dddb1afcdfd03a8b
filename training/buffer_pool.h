// Reusable float buffers: what one step returns, the next step takes, so that after the first step
// nothing is allocated.
#ifndef TRIT_TRAINING_BUFFER_POOL_H_
#define TRIT_TRAINING_BUFFER_POOL_H_

#include <cstdint>
#include <map>
#include <vector>

#include "ternary_kernels/aligned_buffer.h"

namespace trit {

class BufferPool {
 public:
  using Buffer = AlignedBuffer<float>;

  // At least `size` floats with whatever they held before.
  Buffer Take(int64_t size);
  // An empty buffer is ignored.
  void Return(Buffer buffer);

  // Bytes this pool ever allocated.
  int64_t allocated_bytes() const { return allocated_bytes_; }

 private:
  std::map<int64_t, std::vector<Buffer>> free_;  // by size
  int64_t allocated_bytes_ = 0;
};

}  // namespace trit

#endif  // TRIT_TRAINING_BUFFER_POOL_H_
