#include "ternary_kernels/ternary_2bit.h"

#include <cstring>

namespace trit {

void PackTernary2Bit(const int8_t* codes, int64_t num_rows, int64_t stride, int64_t cols,
                     uint8_t* packed) {
  constexpr uint32_t kOnes = 0x01010101, kFields = 0x03030303;
  const int64_t column_groups = Ternary2BitColumnGroups(cols);
  for (int64_t c = 0; c < column_groups; ++c) {
    for (int64_t row = 0; row < kTernary2BitRows; ++row) {
      uint32_t word = 0;  // four bytes at once; byte order does not matter
      for (int f = 0; f < 4; ++f) {
        uint32_t trits = 0;
        if (row < num_rows) std::memcpy(&trits, codes + row * stride + 16 * c + 4 * f, 4);
        // Modulo 4, trit + 1 needs the two low bits only, and no carry leaves its byte.
        word |= (((trits & kFields) + kOnes) & kFields) << (2 * f);
      }
      std::memcpy(packed + c * kTernary2BitGroupBytes + row * 4, &word, 4);
    }
  }
}

void UnpackTernary2Bit(const uint8_t* packed, int64_t row, int64_t cols, int8_t* trits) {
  for (int64_t col = 0; col < cols; ++col) {
    const int64_t field = col % 16 / 4;
    const uint8_t byte = packed[col / 16 * kTernary2BitGroupBytes + row * 4 + col % 4];
    trits[col] = static_cast<int8_t>(((byte >> (2 * field)) & 3) - 1);
  }
}

}  // namespace trit
