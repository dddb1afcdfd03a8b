#include "ternary_kernels/ternary_lookup.h"

namespace trit {

void PackTernaryLookup(const int8_t* codes, int64_t num_rows, int64_t stride, int64_t cols,
                       uint8_t* packed) {
  constexpr int kZeros = 4;  // the code of trits 0, 0
  const auto pair_code = [](const int8_t* trits) { return 3 * (trits[0] + 1) + (trits[1] + 1); };
  const int64_t column_groups = TernaryLookupColumnGroups(cols);
  for (int64_t c = 0; c < column_groups; ++c) {
    for (int64_t row = 0; row < kTernaryLookupRows; ++row) {
      const int8_t* trits = codes + row * stride + 4 * c;
      const int low = row < num_rows ? pair_code(trits) : kZeros;
      const int high = row < num_rows ? pair_code(trits + 2) : kZeros;
      packed[c * kTernaryLookupRows + row] = static_cast<uint8_t>(low | high << 4);
    }
  }
}

void UnpackTernaryLookup(const uint8_t* packed, int64_t row, int64_t cols, int8_t* trits) {
  for (int64_t col = 0; col < cols; ++col) {
    const int byte = packed[col / 4 * kTernaryLookupRows + row];
    const int code = col % 4 < 2 ? byte & 15 : byte >> 4;
    trits[col] = static_cast<int8_t>((col % 2 == 0 ? code / 3 : code % 3) - 1);
  }
}

}  // namespace trit
