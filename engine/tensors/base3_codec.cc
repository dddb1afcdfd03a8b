// Ternary types with five trits a byte. Five trits t (0, 1, 2 for -1, 0, 1) make the number
// v = sum t[n] * 3^(4-n) < 243, which is stored as the fraction v / 243 of 256, rounded up:
// multiplying the byte by 3^n modulo 256 brings digit n to the top without any division.
//   tq1_0   u8 qs[48], u8 qh[4], f16 scale. Digit n of qs[m] is element 32 n + m for m < 32 and
//           160 + 16 n + (m - 32) for the rest; digit n < 4 of qh[j] is element 240 + 4 n + j.
//   iq1_bn  u8 ql[12], u8 extra: 64 elements in 4 runs of 16; an f16 scale before each row. The
//           elements of a run are the digits of 3 bytes of ql and digit r of extra (r: the run),
//           where trit j is digit 4 - j: the first trit counts least.
#include <array>
#include <cstring>

#include "engine/tensors/ternary_codec.h"

namespace trit {
namespace {

constexpr int kDigits = 5;
constexpr int kPowersOf3[kDigits] = {1, 3, 9, 27, 81};

// A run of `bytes` bytes whose digit n is element first_element + n * bytes + (its place there).
struct Run {
  int first_byte;
  int bytes;
  int first_element;
  int digits;
};
constexpr Run kTQ1Runs[] = {{0, 32, 0, 5}, {32, 16, 160, 5}, {48, 4, 240, 4}};
constexpr int kTQ1Bytes = 52;

constexpr uint8_t ByteOf(int v) { return static_cast<uint8_t>((v * 256 + 242) / 243); }

// Whether a byte stands for five trits.
constexpr std::array<bool, 256> kIsCode = [] {
  std::array<bool, 256> is_code{};
  for (int v = 0; v < 243; ++v) is_code[ByteOf(v)] = true;
  return is_code;
}();

// Whether it does, and the last of them is 0, as the digit a run of four leaves unused must be.
constexpr std::array<bool, 256> kIsCodeOfFour = [] {
  std::array<bool, 256> is_code{};
  for (int v = 0; v < 243; v += 3) is_code[ByteOf(v)] = true;
  return is_code;
}();

template <Run kRun>
bool DecodeRun(const uint8_t* bytes, int8_t* trits) {
  bytes += kRun.first_byte;
  trits += kRun.first_element;
  for (int n = 0; n < kRun.digits; ++n) {
    for (int i = 0; i < kRun.bytes; ++i) {
      const uint8_t shifted = static_cast<uint8_t>(bytes[i] * kPowersOf3[n]);
      trits[n * kRun.bytes + i] = static_cast<int8_t>((shifted * 3 >> 8) - 1);
    }
  }
  constexpr const std::array<bool, 256>& kCodes = kRun.digits == kDigits ? kIsCode : kIsCodeOfFour;
  bool valid = true;
  for (int i = 0; i < kRun.bytes; ++i) valid &= kCodes[bytes[i]];
  return valid;
}

template <Run kRun>
void EncodeRun(const int8_t* trits, uint8_t* bytes) {
  bytes += kRun.first_byte;
  trits += kRun.first_element;
  for (int i = 0; i < kRun.bytes; ++i) {
    int v = 0;
    for (int n = 0; n < kRun.digits; ++n) {
      v += (trits[n * kRun.bytes + i] + 1) * kPowersOf3[kDigits - 1 - n];
    }
    bytes[i] = ByteOf(v);
  }
}

bool DecodeTQ1(const uint8_t* block, int8_t* trits) {
  // A copy that cannot overlap the trits, so that the loops are vectorized.
  uint8_t bytes[kTQ1Bytes];
  std::memcpy(bytes, block, kTQ1Bytes);
  const bool first = DecodeRun<kTQ1Runs[0]>(bytes, trits);
  const bool second = DecodeRun<kTQ1Runs[1]>(bytes, trits);
  const bool third = DecodeRun<kTQ1Runs[2]>(bytes, trits);
  return first && second && third;
}

void EncodeTQ1(const int8_t* trits, uint8_t* block) {
  EncodeRun<kTQ1Runs[0]>(trits, block);
  EncodeRun<kTQ1Runs[1]>(trits, block);
  EncodeRun<kTQ1Runs[2]>(trits, block);
}

constexpr int kBNRuns = 4;
constexpr int kBNBytesPerRun = 3;
constexpr int kBNExtra = kBNRuns * kBNBytesPerRun;  // place of `extra`

// Whether a byte stands for four trits of which the fifth, the one that counts most, is 0.
constexpr std::array<bool, 256> kIsCodeOfFirstFour = [] {
  std::array<bool, 256> is_code{};
  for (int v = 0; v < 81; ++v) is_code[ByteOf(v)] = true;
  return is_code;
}();

int8_t TritOf(uint8_t byte, int j) {
  const uint8_t shifted = static_cast<uint8_t>(byte * kPowersOf3[kDigits - 1 - j]);
  return static_cast<int8_t>((shifted * 3 >> 8) - 1);
}

bool DecodeBN(const uint8_t* block, int8_t* trits) {
  bool valid = kIsCodeOfFirstFour[block[kBNExtra]];
  for (int run = 0; run < kBNRuns; ++run) {
    for (int k = 0; k < kBNBytesPerRun; ++k) {
      const uint8_t byte = block[kBNBytesPerRun * run + k];
      valid &= kIsCode[byte];
      for (int j = 0; j < kDigits; ++j) *trits++ = TritOf(byte, j);
    }
    *trits++ = TritOf(block[kBNExtra], run);
  }
  return valid;
}

void EncodeBN(const int8_t* trits, uint8_t* block) {
  int extra = 0;
  for (int run = 0; run < kBNRuns; ++run) {
    for (int k = 0; k < kBNBytesPerRun; ++k) {
      int v = 0;
      for (int j = 0; j < kDigits; ++j) v += (*trits++ + 1) * kPowersOf3[j];
      *block++ = ByteOf(v);
    }
    extra += (*trits++ + 1) * kPowersOf3[run];
  }
  *block = ByteOf(extra);
}

}  // namespace

const TernaryCodec kTQ1_0Codec = {
    256, 54, DecodeTQ1, EncodeTQ1, ScaleStorage::kBlock, 52, TensorType::kF16};

const TernaryCodec kIQ1_BNCodec = {
    64, 13, DecodeBN, EncodeBN, ScaleStorage::kRow, 0, TensorType::kF16};

}  // namespace trit
