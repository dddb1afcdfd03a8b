#include "ternary_kernels/bit_fields.h"

#include <cstring>

namespace trit {

template <int kBits>
void BitFields<kBits>::Pack(const int8_t* codes, int64_t num_rows, int64_t stride, int64_t cols,
                            uint8_t* packed) {
  constexpr uint32_t kOffsets = 0x01010101u * kCodeOffset;
  constexpr uint32_t kMasks = 0x01010101u * ((1 << kBits) - 1);
  const int64_t column_groups = ColumnGroups(cols);
  for (int64_t c = 0; c < column_groups; ++c) {
    for (int64_t row = 0; row < kFieldRows; ++row) {
      uint32_t word = 0;  // four bytes at once; byte order does not matter
      for (int f = 0; f < kFields; ++f) {
        uint32_t four = 0;
        if (row < num_rows) std::memcpy(&four, codes + row * stride + kCols * c + 4 * f, 4);
        // Modulo 2^kBits, code + kCodeOffset needs the low bits only: of 2 bits the offset 1 must
        // be added (no carry leaves its byte), of more the offset is the highest bit.
        const uint32_t raised = kBits == 2 ? (four & kMasks) + kOffsets : four ^ kOffsets;
        word |= (raised & kMasks) << (kBits * f);
      }
      std::memcpy(packed + c * kFieldGroupBytes + row * 4, &word, 4);
    }
  }
}

template <int kBits>
void BitFields<kBits>::Unpack(const uint8_t* packed, int64_t row, int64_t cols, int8_t* codes) {
  for (int64_t col = 0; col < cols; ++col) {
    const int64_t field = col % kCols / 4;
    const uint8_t byte = packed[col / kCols * kFieldGroupBytes + row * 4 + col % 4];
    codes[col] =
        static_cast<int8_t>(((byte >> (kBits * field)) & ((1 << kBits) - 1)) - kCodeOffset);
  }
}

template struct BitFields<2>;
template struct BitFields<4>;
template struct BitFields<8>;

}  // namespace trit
