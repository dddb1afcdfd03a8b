// Ternary types with two bits a trit: code 0, 1, 2 is -1, 0, 1, and 3 is no trit. In most of them
// the fields of a run of bytes form four planes: plane k is field k of each byte in turn. They
// differ in the length of the run and in which end of the byte comes first.
//   tq2_0   two runs of 32 bytes, lowest field first, then the f16 scale
//   i2_s    runs of 32 bytes (on ARM 16), highest field first; one f32 scale after the tensor
//   iq2_bn  runs of 16 bytes, lowest field first; one f32 scale before each row
//   q2_0    f16 scale, then 16 bytes whose fields are consecutive elements, lowest first
#include <cstring>

#include "engine/tensors/ternary_codec.h"

namespace trit {
namespace {

constexpr int kPlanes = 4;

enum class FirstPlane { kLowest, kHighest };

template <FirstPlane kFirst>
constexpr int ShiftOf(int plane) {
  return 2 * (kFirst == FirstPlane::kLowest ? plane : kPlanes - 1 - plane);
}

template <int kBytes, FirstPlane kFirst>
bool DecodePlanes(const uint8_t* from, int8_t* trits) {
  // A copy that cannot overlap the trits, so that the loops are vectorized.
  uint8_t bytes[kBytes];
  std::memcpy(bytes, from, kBytes);
  uint8_t threes = 0;
  for (int i = 0; i < kBytes; ++i) {
    threes = static_cast<uint8_t>(threes | (bytes[i] & (bytes[i] >> 1) & 0x55));
  }
  for (int plane = 0; plane < kPlanes; ++plane) {
    const int shift = ShiftOf<kFirst>(plane);
    for (int i = 0; i < kBytes; ++i) {
      trits[plane * kBytes + i] = static_cast<int8_t>(((bytes[i] >> shift) & 3) - 1);
    }
  }
  return threes == 0;
}

template <int kBytes, FirstPlane kFirst>
void EncodePlanes(const int8_t* trits, uint8_t* to) {
  uint8_t bytes[kBytes] = {};
  for (int plane = 0; plane < kPlanes; ++plane) {
    const int shift = ShiftOf<kFirst>(plane);
    for (int i = 0; i < kBytes; ++i) {
      bytes[i] = static_cast<uint8_t>(bytes[i] | (trits[plane * kBytes + i] + 1) << shift);
    }
  }
  std::memcpy(to, bytes, kBytes);
}

bool DecodeTQ2(const uint8_t* block, int8_t* trits) {
  const bool first = DecodePlanes<32, FirstPlane::kLowest>(block, trits);
  const bool second = DecodePlanes<32, FirstPlane::kLowest>(block + 32, trits + 128);
  return first && second;
}

void EncodeTQ2(const int8_t* trits, uint8_t* block) {
  EncodePlanes<32, FirstPlane::kLowest>(trits, block);
  EncodePlanes<32, FirstPlane::kLowest>(trits + 128, block + 32);
}

constexpr int kQ2Bytes = 16;
constexpr int kQ2Header = 2;  // the scale

bool DecodeQ2(const uint8_t* block, int8_t* trits) {
  uint8_t threes = 0;
  for (int i = 0; i < kQ2Bytes; ++i) {
    const uint8_t byte = block[kQ2Header + i];
    threes = static_cast<uint8_t>(threes | (byte & (byte >> 1) & 0x55));
    for (int field = 0; field < 4; ++field) {
      trits[4 * i + field] = static_cast<int8_t>(((byte >> 2 * field) & 3) - 1);
    }
  }
  return threes == 0;
}

void EncodeQ2(const int8_t* trits, uint8_t* block) {
  for (int i = 0; i < kQ2Bytes; ++i) {
    int byte = 0;
    for (int field = 0; field < 4; ++field) byte |= (trits[4 * i + field] + 1) << 2 * field;
    block[kQ2Header + i] = static_cast<uint8_t>(byte);
  }
}

}  // namespace

const TernaryCodec kTQ2_0Codec = {
    256, 66, DecodeTQ2, EncodeTQ2, ScaleStorage::kBlock, 64, TensorType::kF16};

const TernaryCodec kI2_SCodec = {128,
                                 32,
                                 DecodePlanes<32, FirstPlane::kHighest>,
                                 EncodePlanes<32, FirstPlane::kHighest>,
                                 ScaleStorage::kTensor,
                                 0,
                                 TensorType::kF32};

const TernaryCodec kI2_S64Codec = {64,
                                   16,
                                   DecodePlanes<16, FirstPlane::kHighest>,
                                   EncodePlanes<16, FirstPlane::kHighest>,
                                   ScaleStorage::kTensor,
                                   0,
                                   TensorType::kF32};

const TernaryCodec kIQ2_BNCodec = {64,
                                   16,
                                   DecodePlanes<16, FirstPlane::kLowest>,
                                   EncodePlanes<16, FirstPlane::kLowest>,
                                   ScaleStorage::kRow,
                                   0,
                                   TensorType::kF32};

const TernaryCodec kQ2_0TernaryCodec = {
    64, 18, DecodeQ2, EncodeQ2, ScaleStorage::kBlock, 0, TensorType::kF16};

}  // namespace trit
