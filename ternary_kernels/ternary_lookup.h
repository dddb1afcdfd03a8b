// The layout of WeightFormat::kTernaryLookup, for products by table lookup and addition alone.
//
// A pair of columns has 9 pairs of trits and so 9 possible partial sums for given activations;
// their index is a 4-bit code, 3 (t0 + 1) + (t1 + 1), and one byte shuffle looks a whole vector of
// codes up in a 16-entry table. Rows come in superblocks of 64, columns in groups of 4; both are
// padded with trits 0. Bytes are [rows / 64][cols / 4][64 rows]: the low nibble of a row's byte is
// the code of columns 4c, 4c + 1, the high nibble that of columns 4c + 2, 4c + 3. 2 bits a weight.
#ifndef TRIT_TERNARY_KERNELS_TERNARY_LOOKUP_H_
#define TRIT_TERNARY_KERNELS_TERNARY_LOOKUP_H_

#include <cstdint>

namespace trit {

inline constexpr int64_t kTernaryLookupRows = 64;  // rows of a superblock
inline constexpr int64_t kTernaryLookupCols = 4;   // columns of a byte

inline int64_t TernaryLookupColumnGroups(int64_t cols) {
  return (cols + kTernaryLookupCols - 1) / kTernaryLookupCols;
}
// Bytes of one superblock.
inline int64_t TernaryLookupSuperblockBytes(int64_t cols) {
  return TernaryLookupColumnGroups(cols) * kTernaryLookupRows;
}

// codes: (num_rows, stride) trits, num_rows <= 64, zeros from cols to TernaryLookupColumnGroups * 4
// <= stride; packed: one superblock.
void PackTernaryLookup(const int8_t* codes, int64_t num_rows, int64_t stride, int64_t cols,
                       uint8_t* packed);
// trits[0, cols) of one row of a superblock.
void UnpackTernaryLookup(const uint8_t* packed, int64_t row, int64_t cols, int8_t* trits);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_TERNARY_LOOKUP_H_
