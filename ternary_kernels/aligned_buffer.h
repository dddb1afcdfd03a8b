// AlignedBuffer<T>: an owned, zero-initialized array on a cache-line boundary. A whole vector may be
// read (not written) past its end, so kernels need no scalar tails when loading.
#ifndef TRIT_TERNARY_KERNELS_ALIGNED_BUFFER_H_
#define TRIT_TERNARY_KERNELS_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace trit {

inline constexpr size_t kBufferAlignment = 64;  // bytes: a cache line and the widest vector

// `bytes` zero bytes, to be freed with std::free, or null. Large blocks ask for huge pages: passes
// over many rows at once otherwise miss the translation caches.
void* AllocateZeroed(size_t bytes);

template <typename T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedBuffer() = default;
  // Throws std::bad_alloc when `size` elements do not fit in memory.
  explicit AlignedBuffer(size_t size) : size_(size) {
    if (size > (SIZE_MAX - 2 * kBufferAlignment) / sizeof(T)) throw std::bad_alloc();
    const size_t bytes = (size * sizeof(T) + 2 * kBufferAlignment - 1) / kBufferAlignment *
                         kBufferAlignment;
    data_ = static_cast<T*>(AllocateZeroed(bytes));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  AlignedBuffer(AlignedBuffer&& other) noexcept { *this = std::move(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() { std::free(data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_ALIGNED_BUFFER_H_
