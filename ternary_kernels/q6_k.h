// The block type q6_k: 256 weights in 210 bytes, u8 ql[128], u8 qh[64], i8 sc[16], f16 d. Weight i
// is d * sc[i / 16] * (q[i] - 32), where the six bits of q lie thus, for each half h of 128
// weights, run r of 32 in it and place l in the run:
//   low four bits   half r / 2 of ql[64 h + 32 (r % 2) + l]
//   high two bits   field r of qh[32 h + l]
// https://github.com/ggml-org/ggml, ggml-common.h and ggml-quants.c
#ifndef TRIT_TERNARY_KERNELS_Q6_K_H_
#define TRIT_TERNARY_KERNELS_Q6_K_H_

#include <cstdint>
#include <cstring>

#include "ternary_kernels/half_float.h"

namespace trit {

inline constexpr int64_t kQ6Cols = 256;  // weights of a block
inline constexpr int64_t kQ6Bytes = 210;
inline constexpr int64_t kQ6RunCols = 32;    // weights of a run
inline constexpr int64_t kQ6GroupCols = 16;  // weights that share an entry of sc
inline constexpr int64_t kQ6HighOffset = 128;
inline constexpr int64_t kQ6GroupScalesOffset = 192;
inline constexpr int64_t kQ6ScaleOffset = 208;
inline constexpr int kQ6Zero = 32;  // q of a weight of 0

// Where the bits of weight i of a block lie. Those of 16 weights from a multiple of 16 on lie in
// consecutive bytes at the same places.
struct Q6Place {
  int64_t low_byte;
  int low_shift;
  int64_t high_byte;
  int high_shift;
};

constexpr Q6Place Q6PlaceOf(int64_t i) {
  const int64_t half = i / 128;
  const auto run = static_cast<int>(i % 128 / 32);
  const int64_t l = i % 32;
  return {64 * half + 32 * (run % 2) + l, 4 * (run / 2), kQ6HighOffset + 32 * half + l, 2 * run};
}

// values: (kQ6Cols). d * sc is exact, the product with the code is rounded once.
inline void UnpackQ6(const uint8_t* block, float* values) {
  uint16_t d;
  std::memcpy(&d, block + kQ6ScaleOffset, sizeof(d));
  for (int64_t i = 0; i < kQ6Cols; ++i) {
    const Q6Place place = Q6PlaceOf(i);
    const int q = ((block[place.low_byte] >> place.low_shift) & 15) |
                  ((block[place.high_byte] >> place.high_shift) & 3) << 4;
    const auto sc = static_cast<int8_t>(block[kQ6GroupScalesOffset + i / kQ6GroupCols]);
    values[i] = FloatFromF16(d) * static_cast<float>(sc) * static_cast<float>(q - kQ6Zero);
  }
}

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_Q6_K_H_
