#include "ternary_kernels/ternary_byte.h"

namespace trit {
namespace {

constexpr int kNumValues[] = {1, 3, 9, 27, 81, 243};  // of so many trits

// The number of some trits in base 3, the first one lowest.
template <int kCols, class Trits>
constexpr int ValueOf(const Trits& trits, int sign = 1) {
  int value = 0;
  for (int i = kCols - 1; i >= 0; --i) value = 3 * value + sign * trits[i] + 1;
  return value;
}

// Codes by the number of their trits.
template <int kCols>
constexpr auto MakeCodes(const TernaryEntries& entries, bool with_sign) {
  std::array<uint8_t, kNumValues[kCols]> codes{};
  // Unused entries are zero: backwards, so that a value gets its first entry.
  for (int e = kTernaryByteEntries - 1; e >= 0; --e) {
    if (with_sign) codes[ValueOf<kCols>(entries[e], -1)] = static_cast<uint8_t>(e);
    const int positive = with_sign ? kTernaryBytePositive : 0;
    codes[ValueOf<kCols>(entries[e])] = static_cast<uint8_t>(e | positive);
  }
  return codes;
}

constexpr auto kDenseCodes = MakeCodes<kTernaryDenseCols>(kTernaryDenseEntries, true);
constexpr auto kQuadCodes = MakeCodes<kTernaryQuadCols>(kTernaryQuadEntries, false);

// Where a row's byte stands among the 128 of a group.
int64_t PlaceOf(int64_t row) {
  return row / kTernaryByteBlockRows * kTernaryByteBlockRows + row % 16 * 4 +
         row % kTernaryByteBlockRows / 16;
}

template <int kCols, class Codes>
void Pack(const Codes& code_of, const int8_t* codes, int64_t num_rows, int64_t stride,
          const TernaryByteLayout& layout, int64_t block, uint8_t* data) {
  constexpr int8_t kZeros[kCols] = {};
  for (int64_t chunk = 0; chunk < layout.num_groups; chunk += kTernaryByteChunk) {
    const int64_t num_groups = layout.GroupsOfChunk(chunk);
    for (int64_t row = 0; row < kTernaryByteRows; ++row) {
      uint8_t* to = data + layout.Offset(block, chunk) + PlaceOf(row);
      const int8_t* from = codes + row * stride + chunk * kCols;
      for (int64_t g = 0; g < num_groups; ++g) {
        const int8_t* trits = row < num_rows ? from + g * kCols : kZeros;
        to[g * kTernaryByteRows] = code_of[ValueOf<kCols>(trits)];
      }
    }
  }
}

template <int kCols>
void Unpack(const TernaryEntries& entries, bool with_sign, const uint8_t* data,
            const TernaryByteLayout& layout, int64_t row, int64_t cols, int8_t* trits) {
  const int64_t block = row / kTernaryByteRows;
  for (int64_t col = 0; col < cols; ++col) {
    const uint8_t code = data[layout.Offset(block, col / kCols) + PlaceOf(row % kTernaryByteRows)];
    const int8_t trit = entries[code % kTernaryByteEntries][col % kCols];
    const bool negative = with_sign && (code & kTernaryBytePositive) == 0;
    trits[col] = static_cast<int8_t>(negative ? -trit : trit);
  }
}

}  // namespace

void PackTernaryDense(const int8_t* codes, int64_t num_rows, int64_t stride,
                      const TernaryByteLayout& layout, int64_t block, uint8_t* data) {
  Pack<kTernaryDenseCols>(kDenseCodes, codes, num_rows, stride, layout, block, data);
}

void PackTernaryQuad(const int8_t* codes, int64_t num_rows, int64_t stride,
                     const TernaryByteLayout& layout, int64_t block, uint8_t* data) {
  Pack<kTernaryQuadCols>(kQuadCodes, codes, num_rows, stride, layout, block, data);
}

void UnpackTernaryDense(const uint8_t* data, const TernaryByteLayout& layout, int64_t row,
                        int64_t cols, int8_t* trits) {
  Unpack<kTernaryDenseCols>(kTernaryDenseEntries, true, data, layout, row, cols, trits);
}

void UnpackTernaryQuad(const uint8_t* data, const TernaryByteLayout& layout, int64_t row,
                       int64_t cols, int8_t* trits) {
  Unpack<kTernaryQuadCols>(kTernaryQuadEntries, false, data, layout, row, cols, trits);
}

}  // namespace trit
