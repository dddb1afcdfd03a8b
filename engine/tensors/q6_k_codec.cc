// The block type q6_k (ternary_kernels/q6_k.h) as a codec.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/files/little_endian.h"
#include "engine/tensors/float_codec.h"
#include "ternary_kernels/q6_k.h"

namespace trit {
namespace {

constexpr int kElements = kQ6Cols;
constexpr int kGroup = kQ6GroupCols;
constexpr int kGroups = kElements / kGroup;
constexpr int kMinCode = -kQ6Zero;
constexpr int kMaxCode = 31;

void DecodeQ6(const uint8_t* bytes, int64_t n, float* values) {
  for (int64_t begin = 0; begin < n; begin += kElements, bytes += kQ6Bytes) {
    UnpackQ6(bytes, values + begin);
  }
}

int Code(float value, float inverse_scale) {
  return std::clamp(static_cast<int>(std::lrint(value * inverse_scale)), kMinCode, kMaxCode);
}

// The scale, of either sign, under which the codes of a group are nearest to its values. The value
// of largest magnitude is tried at every code near the ends of the range; for given codes c of
// values x the best scale is sum(x c) / sum(c c), and the error left is smallest where
// sum(x c)^2 / sum(c c) is largest.
float BestGroupScale(const float* x) {
  const float largest = *std::max_element(
      x, x + kGroup, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  if (std::fabs(largest) < 0x1p-100f) return 0.0f;
  float best_scale = 0.0f;
  float best_gain = 0.0f;
  for (int end = kMinCode - 3; end <= kMinCode + 5; ++end) {
    const float inverse = static_cast<float>(end) / largest;
    float product = 0.0f;
    float square = 0.0f;
    for (int i = 0; i < kGroup; ++i) {
      const auto code = static_cast<float>(Code(x[i], inverse));
      product += x[i] * code;
      square += code * code;
    }
    if (square > 0.0f && product * product > best_gain * square) {
      best_gain = product * product / square;
      best_scale = product / square;
    }
  }
  return best_scale;
}

void EncodeBlock(const float* values, uint8_t* block) {
  float group_scales[kGroups];
  for (int g = 0; g < kGroups; ++g) group_scales[g] = BestGroupScale(values + g * kGroup);
  const float largest =
      *std::max_element(group_scales, group_scales + kGroups,
                        [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  std::memset(block, 0, kQ6Bytes);
  // The largest group scale becomes -128 of d.
  const uint16_t d_bits = F32ToF16(largest / -128.0f);
  const float d = F16ToF32(d_bits);
  StoreLittleEndian(d_bits, block + kQ6ScaleOffset);
  for (int i = 0; i < kElements; ++i) {
    const int g = i / kGroup;
    const int stored =
        d == 0.0f ? 0 : std::clamp(static_cast<int>(std::lrint(group_scales[g] / d)), -128, 127);
    block[kQ6GroupScalesOffset + g] = static_cast<uint8_t>(static_cast<int8_t>(stored));
    const float scale = d * static_cast<float>(stored);
    const int code = (scale == 0.0f ? 0 : Code(values[i], 1.0f / scale)) - kMinCode;
    const Q6Place place = Q6PlaceOf(i);
    block[place.low_byte] |= static_cast<uint8_t>((code & 15) << place.low_shift);
    block[place.high_byte] |= static_cast<uint8_t>((code >> 4) << place.high_shift);
  }
}

void EncodeQ6(const float* values, int64_t n, uint8_t* bytes) {
  for (int64_t begin = 0; begin < n; begin += kElements, bytes += kQ6Bytes) {
    EncodeBlock(values + begin, bytes);
  }
}

}  // namespace

const FloatCodec kQ6_KCodec = {DecodeQ6, EncodeQ6};

}  // namespace trit
