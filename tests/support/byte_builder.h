// Bytes of a file put together by hand, little-endian.
#ifndef TRIT_TESTS_SUPPORT_BYTE_BUILDER_H_
#define TRIT_TESTS_SUPPORT_BYTE_BUILDER_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace trit {

class ByteBuilder {
 public:
  template <typename T>
  ByteBuilder& Number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    return Raw({bytes, sizeof(T)});
  }
  ByteBuilder& U8(uint8_t value) { return Number(value); }
  ByteBuilder& U32(uint32_t value) { return Number(value); }
  ByteBuilder& U64(uint64_t value) { return Number(value); }
  ByteBuilder& Raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  // As GGUF has them: the length as u64, then the text.
  ByteBuilder& String(std::string_view text) { return U64(text.size()).Raw(text); }
  // Zeros up to the next multiple.
  ByteBuilder& Align(size_t multiple) {
    while (bytes_.size() % multiple != 0) bytes_ += '\0';
    return *this;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_BYTE_BUILDER_H_
