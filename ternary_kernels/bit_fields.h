// The layout of WeightFormat::kTernary2Bit, kInt4 and kInt8, for dot products of bytes with rows
// across SIMD lanes: codes are fields of 2, 4 or 8 bits.
//
// Rows come in superblocks of 64 (4 blocks of 16), columns in groups of 4 a field of a byte; both
// are padded with codes 0. Bytes are [rows / 64][cols / kCols][4 blocks][16 rows][4 bytes]. The
// four bytes of a row and a column group hold code + kCodeOffset, which is not negative: field f,
// from bit kBits * f up, of byte j is column kCols * group + 4 f + j.
//
// So one field of a 64-byte vector is, for 16 rows, the same four consecutive columns: four bytes
// of activations, broadcast, serve all lanes, and every lane adds up a row of its own. Fields can
// be masked where they stand, without shifts.
#ifndef TRIT_TERNARY_KERNELS_BIT_FIELDS_H_
#define TRIT_TERNARY_KERNELS_BIT_FIELDS_H_

#include <cstdint>

namespace trit {

inline constexpr int64_t kFieldRows = 64;         // rows of a superblock
inline constexpr int64_t kFieldGroupBytes = 256;  // a superblock's bytes for a column group

template <int kBits>
struct BitFields {
  static constexpr int64_t kFields = 8 / kBits;  // of a byte
  static constexpr int64_t kCols = 4 * kFields;  // columns of a group
  // 2 bits hold trits, more bits every code they have.
  static constexpr int32_t kCodeOffset = kBits == 2 ? 1 : 1 << (kBits - 1);
  static constexpr int32_t kMaxField = kBits == 2 ? 2 : (1 << kBits) - 1;
  // A kernel that leaves a byte's highest field in its place sums up to this times activation -128
  // over the columns of that field; so many columns int32 holds.
  static constexpr int64_t kMaxInPlace = kMaxField << (8 - kBits);
  static constexpr int64_t kMaxCols = INT32_MAX / (kMaxInPlace * 128 / kFields) / kCols * kCols;

  static int64_t ColumnGroups(int64_t cols) { return (cols + kCols - 1) / kCols; }
  static int64_t SuperblockBytes(int64_t cols) { return ColumnGroups(cols) * kFieldGroupBytes; }

  // codes: (num_rows, stride), num_rows <= 64, zeros from cols to ColumnGroups(cols) * kCols <=
  // stride; packed: one superblock.
  static void Pack(const int8_t* codes, int64_t num_rows, int64_t stride, int64_t cols,
                   uint8_t* packed);
  // codes[0, cols) of one row of a superblock.
  static void Unpack(const uint8_t* packed, int64_t row, int64_t cols, int8_t* codes);
};

extern template struct BitFields<2>;
extern template struct BitFields<4>;
extern template struct BitFields<8>;

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_BIT_FIELDS_H_
