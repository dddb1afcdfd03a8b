// The layout of WeightFormat::kTernary2Bit, for dot products of bytes with rows across SIMD lanes.
//
// Rows come in superblocks of 64 (4 blocks of 16), columns in groups of 16; both are padded with
// trits 0. Bytes are [rows / 64][cols / 16][4 blocks][16 rows][4 bytes]. The four bytes of a row
// and a column group hold 16 codes (trit + 1): bits 2f, 2f + 1 of byte j are column 16 c + 4 f + j.
//
// So one field f of a 64-byte vector is, for 16 rows, the same four consecutive columns: four bytes
// of activations, broadcast, serve all lanes, and every lane adds up a row of its own. Fields can
// be masked where they stand, without shifts. 2 bits a weight.
#ifndef TRIT_TERNARY_KERNELS_TERNARY_2BIT_H_
#define TRIT_TERNARY_KERNELS_TERNARY_2BIT_H_

#include <cstdint>

namespace trit {

inline constexpr int64_t kTernary2BitRows = 64;         // rows of a superblock
inline constexpr int64_t kTernary2BitCols = 16;         // columns of a group
inline constexpr int64_t kTernary2BitGroupBytes = 256;  // a superblock's bytes for a column group
// A kernel that leaves a field in its place sums up to code 2 << 6 times activation -128 over a
// quarter of the columns; in int32 that holds for fewer than 2^19 columns.
inline constexpr int64_t kTernary2BitMaxCols = (int64_t{1} << 19) - kTernary2BitCols;

inline int64_t Ternary2BitColumnGroups(int64_t cols) {
  return (cols + kTernary2BitCols - 1) / kTernary2BitCols;
}
// Bytes of one superblock.
inline int64_t Ternary2BitSuperblockBytes(int64_t cols) {
  return Ternary2BitColumnGroups(cols) * kTernary2BitGroupBytes;
}

// codes: (num_rows, stride) trits, num_rows <= 64, zeros from cols to Ternary2BitColumnGroups * 16
// <= stride; packed: one superblock.
void PackTernary2Bit(const int8_t* codes, int64_t num_rows, int64_t stride, int64_t cols,
                     uint8_t* packed);
// trits[0, cols) of one row of a superblock.
void UnpackTernary2Bit(const uint8_t* packed, int64_t row, int64_t cols, int8_t* trits);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_TERNARY_2BIT_H_
