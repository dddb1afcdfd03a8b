// The layouts of WeightFormat::kTernaryDense and kTernaryQuad, for products by lookup in tables of
// 128 entries. A byte is a row's code of a group of 5 (dense, 1.6 bits a weight) or 4 (quad, 2
// bits) consecutive columns.
//
// Rows come in superblocks of 128, which are two blocks of 64; groups come in chunks of 84, the
// last one shorter. Rows and columns are padded with trits 0. Bytes are [chunks][rows / 128][84
// groups][2 blocks][64]: a kernel keeps the tables of a chunk in L1 while all rows pass by in one
// stream. Byte 4 i + j of the 64 is row 16 j + i, so that sums of bytes widened to 16 and then to
// 32 bits stand in the order of rows.
//
// The low 7 bits of a code are an entry e = 32 k + j of a table of sums.
//   quad    k = t3 + 1, j = 9 (t0 + 1) + 3 (t1 + 1) + (t2 + 1)
//   dense   five trits have 243 values, one and its negative share an entry: bit 7 is set for the
//           positive one. Where (t3, t4) is + or - one of the pairs (1,-1) (1,0) (1,1) (0,1), the
//           pair's number is k and j as above, of the trits times that sign. Where t3 = t4 = 0, the
//           14 values of t0 t1 t2 that are zero or start with 1 take places j = 27 to 31 of the
//           four k in turn.
#ifndef TRIT_TERNARY_KERNELS_TERNARY_BYTE_H_
#define TRIT_TERNARY_KERNELS_TERNARY_BYTE_H_

#include <algorithm>
#include <array>
#include <cstdint>

namespace trit {

inline constexpr int64_t kTernaryByteBlockRows = 64;  // rows of a block
inline constexpr int64_t kTernaryByteRows = 128;      // rows of a superblock
inline constexpr int64_t kTernaryByteChunk = 84;      // groups of a chunk
inline constexpr int kTernaryByteEntries = 128;       // of a table; a code's low 7 bits
inline constexpr uint8_t kTernaryBytePositive = 128;  // dense: the code's sign
inline constexpr int64_t kTernaryDenseCols = 5;       // columns of a group
inline constexpr int64_t kTernaryQuadCols = 4;

// What an entry adds up: its trits, zero behind the columns of a group; unused entries are zero.
using TernaryEntry = std::array<int8_t, 5>;
using TernaryEntries = std::array<TernaryEntry, kTernaryByteEntries>;

constexpr TernaryEntries MakeTernaryDenseEntries() {
  constexpr int kPairs[4][2] = {{1, -1}, {1, 0}, {1, 1}, {0, 1}};
  TernaryEntries entries{};
  for (int k = 0; k < 4; ++k) {
    for (int j = 0; j < 32; ++j) {
      const int half = 5 * k + j - 27;  // of the values with t3 = t4 = 0
      const int triple = j < 27 ? j : 13 + half;
      if (triple > 26) continue;
      const auto trit = [](int t) { return static_cast<int8_t>(t - 1); };
      entries[32 * k + j] = {trit(triple / 9), trit(triple / 3 % 3), trit(triple % 3),
                             static_cast<int8_t>(j < 27 ? kPairs[k][0] : 0),
                             static_cast<int8_t>(j < 27 ? kPairs[k][1] : 0)};
    }
  }
  return entries;
}

constexpr TernaryEntries MakeTernaryQuadEntries() {
  TernaryEntries entries{};
  for (int k = 0; k < 3; ++k) {
    for (int j = 0; j < 27; ++j) {
      const auto trit = [](int t) { return static_cast<int8_t>(t - 1); };
      entries[32 * k + j] = {trit(j / 9), trit(j / 3 % 3), trit(j % 3), trit(k), 0};
    }
  }
  return entries;
}

inline constexpr TernaryEntries kTernaryDenseEntries = MakeTernaryDenseEntries();
inline constexpr TernaryEntries kTernaryQuadEntries = MakeTernaryQuadEntries();

// Where the bytes of a matrix stand.
struct TernaryByteLayout {
  int64_t num_groups;
  int64_t num_superblocks;

  // Bytes of a superblock, all chunks together.
  int64_t superblock_bytes() const { return num_groups * kTernaryByteRows; }
  int64_t GroupsOfChunk(int64_t group) const {
    const int64_t first = group / kTernaryByteChunk * kTernaryByteChunk;
    return std::min(kTernaryByteChunk, num_groups - first);
  }
  // The first byte of a group of a superblock. Groups of a chunk are kTernaryByteRows apart, and
  // behind them stand those of the next superblock.
  int64_t Offset(int64_t superblock, int64_t group) const {
    const int64_t in_chunk = group % kTernaryByteChunk;
    return kTernaryByteRows *
           (num_superblocks * (group - in_chunk) + superblock * GroupsOfChunk(group) + in_chunk);
  }
};

inline TernaryByteLayout TernaryByteLayoutOf(int64_t rows, int64_t cols, int64_t group_cols) {
  return {(cols + group_cols - 1) / group_cols, (rows + kTernaryByteRows - 1) / kTernaryByteRows};
}

// codes: (num_rows, stride) trits of superblock `block`, num_rows <= 128, zeros from cols to the
// end of the last group within stride. data: the whole matrix.
void PackTernaryDense(const int8_t* codes, int64_t num_rows, int64_t stride,
                      const TernaryByteLayout& layout, int64_t block, uint8_t* data);
void PackTernaryQuad(const int8_t* codes, int64_t num_rows, int64_t stride,
                     const TernaryByteLayout& layout, int64_t block, uint8_t* data);
// trits[0, cols) of one row.
void UnpackTernaryDense(const uint8_t* data, const TernaryByteLayout& layout, int64_t row,
                        int64_t cols, int8_t* trits);
void UnpackTernaryQuad(const uint8_t* data, const TernaryByteLayout& layout, int64_t row,
                       int64_t cols, int8_t* trits);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_TERNARY_BYTE_H_
