// Products of trits by table lookup and addition, without a multiplication: for each pair of
// columns the 9 possible sums t0 q0 + t1 q1 stand in 16-entry tables, and byte shuffles look up a
// vector of rows at once.
//
// A sum, which lies in [-256, 256], is split into two bytes: sum + 256 = 23 h + l with both at most
// 22, so that bytes of 11 pairs add up before they must be widened.
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/ternary_lookup_add.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/ternary_lookup.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

void LookupAddTokens(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

using BytesTag = hn::ScalableTag<uint8_t>;
using WordsTag = hn::Repartition<uint16_t, BytesTag>;
using Int32Tag = hn::Repartition<int32_t, BytesTag>;
using Bytes = hn::Vec<BytesTag>;
using Words = hn::Vec<WordsTag>;
using Int32s = hn::Vec<Int32Tag>;

constexpr int64_t kVectorBytes = hn::MaxLanes(BytesTag());
// Rows that share the tables of a block of columns.
constexpr int64_t kBlockRows = 64 * kTernaryLookupRows;
// Column groups of such a block, whole runs: 120 pairs of columns, whose sum lies within 120 * 256,
// an int16.
constexpr int64_t kBlockGroups = 60;

// By the code of a pair of columns: bytes l, and bytes h behind them.
struct PairTables {
  uint8_t low[16];
  uint8_t high[16];
};

struct alignas(kBufferAlignment) GroupTables {
  PairTables pairs[2];
};

// Which activations of a pair the 16 codes add and take away (unused codes neither).
struct alignas(kBufferAlignment) PairTrits {
  uint8_t plus[16][2] = {};
  uint8_t minus[16][2] = {};
};

constexpr PairTrits MakePairTrits() {
  PairTrits trits;
  for (int code = 0; code < 9; ++code) {
    const int pair[2] = {code / 3 - 1, code % 3 - 1};
    for (int i = 0; i < 2; ++i) {
      trits.plus[code][i] = pair[i] == 1 ? 1 : 0;
      trits.minus[code][i] = pair[i] == -1 ? 1 : 0;
    }
  }
  return trits;
}
constexpr PairTrits kPairTrits = MakePairTrits();

// How far ahead weights are asked for: each block of columns is a jump in memory.
constexpr int64_t kFetchSuperblocks = 2;

constexpr int kRadix = 23;
constexpr int kSumOffset = 256;  // of every pair
// Groups, of two pairs, whose bytes are added up before they are widened.
constexpr int64_t kRun = 255 / (kRadix - 1) / 2;

// Tables of a pair of activations.
HWY_INLINE void MakePairTables(const int8_t* q_pair, PairTables& tables) {
  const hn::CappedTag<uint8_t, 32> du8;
  const hn::Repartition<uint16_t, decltype(du8)> du16;
  const hn::Repartition<int16_t, decltype(du8)> di16;
  constexpr int64_t kLanes = hn::MaxLanes(du16);  // 16 or 8
  int16_t bits;
  std::memcpy(&bits, q_pair, 2);
  const auto q = hn::BitCast(hn::RebindToSigned<decltype(du8)>(), hn::Set(di16, bits));
  hn::Vec<decltype(du8)> low[16 / kLanes], high[16 / kLanes];
  for (int64_t first = 0; first < 16; first += kLanes) {
    // Products with 0 or 1: nothing saturates.
    const auto plus = SatWidenMulPairwiseAdd(di16, hn::Load(du8, kPairTrits.plus[first]), q);
    const auto minus = SatWidenMulPairwiseAdd(di16, hn::Load(du8, kPairTrits.minus[first]), q);
    const auto sum = hn::Add(hn::Sub(plus, minus), hn::Set(di16, kSumOffset));
    // The quotient is exact up to 512.
    const auto raised = hn::BitCast(du16, sum);
    const auto quotient = hn::MulHigh(raised, hn::Set(du16, 65536 / kRadix + 1));
    const auto rest = hn::Sub(raised, hn::Mul(quotient, hn::Set(du16, kRadix)));
    low[first / kLanes] = hn::BitCast(du8, rest);
    high[first / kLanes] = hn::BitCast(du8, quotient);
  }
  if constexpr (kLanes == 16) {
    hn::Store(hn::ConcatEven(du8, high[0], low[0]), du8, tables.low);
  } else {
    hn::Store(hn::ConcatEven(du8, low[1], low[0]), du8, tables.low);
    hn::Store(hn::ConcatEven(du8, high[1], high[0]), du8, tables.high);
  }
}

// q: 4 * num_groups codes.
void MakeTables(const int8_t* q, int64_t num_groups, GroupTables* tables) {
  for (int64_t c = 0; c < num_groups; ++c) {
    MakePairTables(q + kTernaryLookupCols * c, tables[c].pairs[0]);
    MakePairTables(q + kTernaryLookupCols * c + 2, tables[c].pairs[1]);
  }
}

// Adds bytes to their sums in words: sum[0] of both bytes of a word, even + 256 odd modulo 2^16,
// and sum[1] of the odd one. (An array: the constructor of a struct would lack the target's
// attributes.)
HWY_INLINE void AddBytes(Words (&sum)[2], Bytes bytes) {
  const Words words = hn::BitCast(WordsTag(), bytes);
  sum[0] = hn::Add(sum[0], words);
  sum[1] = hn::Add(sum[1], hn::ShiftRight<8>(words));
}

// Vectors of rows at a time, which share the loading of tables; those of 16 bytes leave no
// registers.
constexpr int64_t kVectors = kVectorBytes == 32 ? 2 : 1;

// Adds the sums of kVectors vectors of rows over num_groups <= kBlockGroups column groups to
// totals[i][j], the sum of row 4 j + i; packed points to the first vector in the first group. If
// kFetch, asks for as many groups at `fetch`.
template <bool kFetch>
void AddVectors(const uint8_t* packed, const uint8_t* fetch, int64_t num_groups,
                const GroupTables* tables, int32_t* const* totals) {
  const BytesTag du8;
  const WordsTag du16;
  const Int32Tag di32;
  const Bytes nibble = hn::Set(du8, 15);
  Words low[kVectors][2], high[kVectors][2];
  for (int64_t v = 0; v < kVectors; ++v) {
    low[v][0] = low[v][1] = high[v][0] = high[v][1] = hn::Zero(du16);
  }
  int64_t c = 0;
  const auto add_run = [&](auto length) HWY_ATTR {
    Bytes l[kVectors], h[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) l[v] = h[v] = hn::Zero(du8);
    for (int64_t i = 0; i < length; ++i, ++c) {
      if constexpr (kFetch) __builtin_prefetch(fetch + c * kTernaryLookupRows);
      const Bytes low0 = hn::LoadDup128(du8, tables[c].pairs[0].low);
      const Bytes low1 = hn::LoadDup128(du8, tables[c].pairs[1].low);
      const Bytes high0 = hn::LoadDup128(du8, tables[c].pairs[0].high);
      const Bytes high1 = hn::LoadDup128(du8, tables[c].pairs[1].high);
      for (int64_t v = 0; v < kVectors; ++v) {
        const Bytes codes = hn::Load(du8, packed + c * kTernaryLookupRows + v * kVectorBytes);
        const Words shifted = hn::ShiftRight<4>(hn::BitCast(du16, codes));
        const Bytes code0 = hn::And(codes, nibble);
        const Bytes code1 = hn::And(hn::BitCast(du8, shifted), nibble);
        l[v] = hn::Add(l[v], hn::TableLookupBytes(low0, code0));
        h[v] = hn::Add(h[v], hn::TableLookupBytes(high0, code0));
        l[v] = hn::Add(l[v], hn::TableLookupBytes(low1, code1));
        h[v] = hn::Add(h[v], hn::TableLookupBytes(high1, code1));
      }
    }
    for (int64_t v = 0; v < kVectors; ++v) {
      AddBytes(low[v], l[v]);
      AddBytes(high[v], h[v]);
    }
  };
  while (c + kRun <= num_groups) add_run(std::integral_constant<int64_t, kRun>());
  if (c < num_groups) add_run(num_groups - c);

  const Words offset = hn::Set(du16, static_cast<uint16_t>(2 * kSumOffset * num_groups));
  const Words radix = hn::Set(du16, kRadix);
  for (int64_t v = 0; v < kVectors; ++v) {
    const auto even_bytes = [&](const Words* sum)
                                HWY_ATTR { return hn::Sub(sum[0], hn::ShiftLeft<8>(sum[1])); };
    const auto total = [&](Words l, Words h) HWY_ATTR {
      return hn::BitCast(di32, hn::Sub(hn::Add(l, hn::Mul(h, radix)), offset));
    };
    const Int32s even = total(even_bytes(low[v]), even_bytes(high[v]));
    const Int32s odd = total(low[v][1], high[v][1]);
    const Int32s sums[4] = {hn::ShiftRight<16>(hn::ShiftLeft<16>(even)),
                            hn::ShiftRight<16>(hn::ShiftLeft<16>(odd)), hn::ShiftRight<16>(even),
                            hn::ShiftRight<16>(odd)};
    for (int i = 0; i < 4; ++i) {
      int32_t* to = totals[i] + v * kVectorBytes / 4;
      hn::Store(hn::Add(hn::Load(di32, to), sums[i]), di32, to);
    }
  }
}

struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    const Int32Tag di32;
    const int64_t superblock_bytes = TernaryLookupSuperblockBytes(call.weights->cols);
    const uint8_t* packed =
        call.weights->data.data() + request.row / kTernaryLookupRows * superblock_bytes;
    const int64_t num_superblocks =
        (request.num_rows + kTernaryLookupRows - 1) / kTernaryLookupRows;
    const int64_t quarter = num_superblocks * kTernaryLookupRows / 4;
    alignas(kBufferAlignment) int32_t totals[4][kBlockRows / 4];  // [row % 4][row / 4]
    alignas(kBufferAlignment) GroupTables tables[kBlockGroups];
    for (auto& rows : totals) std::fill_n(rows, quarter, 0);

    const int8_t* q = call.codes->codes.data() + request.token * call.codes->stride;
    const int64_t group_begin = request.col_begin / kTernaryLookupCols;
    const int64_t group_end = TernaryLookupColumnGroups(request.col_end);
    for (int64_t c = group_begin; c < group_end; c += kBlockGroups) {
      const int64_t num_groups = std::min(kBlockGroups, group_end - c);
      MakeTables(q + c * kTernaryLookupCols, num_groups, tables);
      for (int64_t row = 0; row < num_superblocks * kTernaryLookupRows;
           row += kVectors * kVectorBytes) {
        int32_t* const to[4] = {totals[0] + row / 4, totals[1] + row / 4, totals[2] + row / 4,
                                totals[3] + row / 4};
        const uint8_t* superblock =
            packed + row / kTernaryLookupRows * superblock_bytes + c * kTernaryLookupRows;
        if (row % kTernaryLookupRows == 0) {
          AddVectors<true>(superblock, superblock + kFetchSuperblocks * superblock_bytes,
                           num_groups, tables, to);
        } else {
          AddVectors<false>(superblock + row % kTernaryLookupRows, nullptr, num_groups, tables, to);
        }
      }
    }
    for (int64_t i = 0; i < quarter; i += kVectorBytes / 4) {
      hn::StoreInterleaved4(hn::Load(di32, totals[0] + i), hn::Load(di32, totals[1] + i),
                            hn::Load(di32, totals[2] + i), hn::Load(di32, totals[3] + i), di32,
                            request.sums + 4 * i);
    }
  }
};

}  // namespace

void LookupAddTokens(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kBlockRows, 1, 0>(call, range, FormSums{call});
}

#endif  // TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(LookupAddTokens);
void LookupAdd(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(LookupAddTokens)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
