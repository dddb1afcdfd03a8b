// Numbers in the bytes of a file. Every format read or written here is little-endian and unaligned,
// and arrays of numbers are read straight into memory, so the host must be little-endian too.
#ifndef TRIT_ENGINE_FILES_LITTLE_ENDIAN_H_
#define TRIT_ENGINE_FILES_LITTLE_ENDIAN_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace trit {

static_assert(std::endian::native == std::endian::little);

template <typename T>
T LoadLittleEndian(const uint8_t* bytes) {
  static_assert(std::is_arithmetic_v<T>);
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <typename T>
void StoreLittleEndian(T value, uint8_t* bytes) {
  static_assert(std::is_arithmetic_v<T>);
  std::memcpy(bytes, &value, sizeof(T));
}

}  // namespace trit

#endif  // TRIT_ENGINE_FILES_LITTLE_ENDIAN_H_
