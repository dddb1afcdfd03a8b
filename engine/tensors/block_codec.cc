// Block types of few bits whose floats are read only: an f16 scale and small integers.
//   q4_0  32 elements: f16 d, u8 qs[16]; element j is the low half of qs[j] less 8, element 16 + j
//         the high half
//   q4_1  32 elements: f16 d, f16 m, u8 qs[16]; elements d * half + m, halves in the same order
//   q2_0  64 elements: f16 d, u8 qs[16]; element j is bits 2 (j % 4) of qs[j / 4], less 1
// https://github.com/ggml-org/ggml, ggml-common.h and ggml-quants.c
#include <cstring>

#include "engine/files/little_endian.h"
#include "engine/tensors/float_codec.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

constexpr int64_t kScaleBytes = 2;
constexpr int64_t kQ8Elements = 32;
constexpr int64_t kQ8Bytes = kScaleBytes + kQ8Elements;

struct Q4 {
  static constexpr int64_t kElements = 32;
  static constexpr int64_t kBytes = kScaleBytes + 16;
  static void Codes(const uint8_t* block, int8_t* codes) {
    for (int j = 0; j < 16; ++j) {
      codes[j] = static_cast<int8_t>((block[kScaleBytes + j] & 15) - 8);
      codes[16 + j] = static_cast<int8_t>((block[kScaleBytes + j] >> 4) - 8);
    }
  }
};

struct Q2 {
  static constexpr int64_t kElements = 64;
  static constexpr int64_t kBytes = kScaleBytes + 16;
  static void Codes(const uint8_t* block, int8_t* codes) {
    for (int j = 0; j < 64; ++j) {
      codes[j] = static_cast<int8_t>(((block[kScaleBytes + j / 4] >> 2 * (j % 4)) & 3) - 1);
    }
  }
};

template <typename Block>
void Decode(const uint8_t* bytes, int64_t n, float* values) {
  for (int64_t i = 0; i < n; i += Block::kElements, bytes += Block::kBytes) {
    int8_t codes[Block::kElements];
    Block::Codes(bytes, codes);
    const float scale = F16ToF32(LoadLittleEndian<uint16_t>(bytes));
    for (const int8_t code : codes) *values++ = scale * static_cast<float>(code);
  }
}

void DecodeQ4_1(const uint8_t* bytes, int64_t n, float* values) {
  constexpr int64_t kBytes = 2 * kScaleBytes + 16;
  for (int64_t i = 0; i < n; i += 32, bytes += kBytes, values += 32) {
    const float scale = F16ToF32(LoadLittleEndian<uint16_t>(bytes));
    const float minimum = F16ToF32(LoadLittleEndian<uint16_t>(bytes + kScaleBytes));
    for (int j = 0; j < 16; ++j) {
      const uint8_t both = bytes[2 * kScaleBytes + j];
      values[j] = scale * static_cast<float>(both & 15) + minimum;
      values[16 + j] = scale * static_cast<float>(both >> 4) + minimum;
    }
  }
}

template <typename Block>
void ToQ8(const uint8_t* bytes, int64_t n, uint8_t* q8_0) {
  for (int64_t i = 0; i < n; i += Block::kElements, bytes += Block::kBytes) {
    int8_t codes[Block::kElements];
    Block::Codes(bytes, codes);
    for (int64_t j = 0; j < Block::kElements; j += kQ8Elements, q8_0 += kQ8Bytes) {
      std::memcpy(q8_0, bytes, kScaleBytes);
      std::memcpy(q8_0 + kScaleBytes, codes + j, kQ8Elements);
    }
  }
}

}  // namespace

const FloatCodec kQ4_0Codec = {Decode<Q4>, nullptr};
const FloatCodec kQ4_1Codec = {DecodeQ4_1, nullptr};
const FloatCodec kQ2_0Codec = {Decode<Q2>, nullptr};

bool HasExactQ8_0(TensorType type) {
  return type == TensorType::kQ4_0 || type == TensorType::kQ2_0;
}

void ConvertToQ8_0(TensorType type, const uint8_t* bytes, int64_t n, uint8_t* q8_0) {
  TRIT_CHECK(HasExactQ8_0(type));
  if (type == TensorType::kQ4_0) {
    ToQ8<Q4>(bytes, n, q8_0);
  } else {
    ToQ8<Q2>(bytes, n, q8_0);
  }
}

}  // namespace trit
