// Products of trits by table lookup and addition, without a multiplication: for each pair of
// columns the 9 possible sums t0 q0 + t1 q1 stand in a 16-entry table (their low and high bytes
// apart), and byte shuffles look up a vector of rows at once.
//
// Low bytes are unsigned and add up in 16-bit lanes, two rows a lane: `both` collects even + 256
// odd (modulo 2^16) and `odd` the odd row alone, so no unpacking is needed. High bytes are -1, 0 or
// 1 and add up in bytes.
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
constexpr int64_t kBlockRows = 16 * kTernaryLookupRows;
// Column groups of such a block: 64 pairs of columns, so a row's low bytes add up to at most 16320
// and its sum lies within 64 * 256.
constexpr int64_t kBlockGroups = 32;

// Tables of one column group, by the codes of its two pairs.
struct alignas(kBufferAlignment) GroupTables {
  uint8_t low[2][16];
  uint8_t high[2][16];
};

// Masks by which q0 and q1 enter the sum of each code, as 16 int16 lanes: all ones where the trit
// is 1 (plus) or -1 (minus).
struct alignas(kBufferAlignment) PairMasks {
  int16_t plus[2][16] = {};
  int16_t minus[2][16] = {};
};

constexpr PairMasks MakePairMasks() {
  PairMasks masks;
  for (int code = 0; code < 9; ++code) {
    const int trits[2] = {code / 3 - 1, code % 3 - 1};
    for (int i = 0; i < 2; ++i) {
      masks.plus[i][code] = trits[i] == 1 ? -1 : 0;
      masks.minus[i][code] = trits[i] == -1 ? -1 : 0;
    }
  }
  return masks;
}
constexpr PairMasks kPairMasks = MakePairMasks();

// Sums of codes [first, first + 8).
HWY_INLINE hn::Vec<hn::Full128<int16_t> > PairSums(int16_t q0, int16_t q1, int first) {
  const hn::Full128<int16_t> d;
  const auto x0 = hn::Set(d, q0), x1 = hn::Set(d, q1);
  const auto plus = hn::Add(hn::And(x0, hn::Load(d, kPairMasks.plus[0] + first)),
                            hn::And(x1, hn::Load(d, kPairMasks.plus[1] + first)));
  const auto minus = hn::Add(hn::And(x0, hn::Load(d, kPairMasks.minus[0] + first)),
                             hn::And(x1, hn::Load(d, kPairMasks.minus[1] + first)));
  return hn::Sub(plus, minus);
}

// q: 4 * num_groups codes.
void MakeTables(const int8_t* q, int64_t num_groups, GroupTables* tables) {
  const hn::Full128<uint8_t> du8;
  for (int64_t c = 0; c < num_groups; ++c) {
    for (int pair = 0; pair < 2; ++pair) {
      const int8_t* q_pair = q + kTernaryLookupCols * c + 2 * pair;
      const auto first = hn::BitCast(du8, PairSums(q_pair[0], q_pair[1], 0));
      const auto last = hn::BitCast(du8, PairSums(q_pair[0], q_pair[1], 8));
      hn::Store(hn::ConcatEven(du8, last, first), du8, tables[c].low[pair]);
      hn::Store(hn::ConcatOdd(du8, last, first), du8, tables[c].high[pair]);
    }
  }
}

// Adds the sums of one vector of rows over num_groups <= kBlockGroups column groups to
// totals[i][j], the sum of row 4 j + i of the vector; packed points to the vector in the first
// group.
void AddVector(const uint8_t* packed, int64_t num_groups, const GroupTables* tables,
               int32_t* const* totals) {
  const BytesTag du8;
  const WordsTag du16;
  const Int32Tag di32;
  const Bytes nibble = hn::Set(du8, 15);
  Words both = hn::Zero(du16), odd = hn::Zero(du16);
  Bytes high = hn::Zero(du8);
  for (int64_t c = 0; c < num_groups; ++c) {
    const Bytes codes = hn::Load(du8, packed + c * kTernaryLookupRows);
    const Words shifted = hn::ShiftRight<4>(hn::BitCast(du16, codes));
    const Bytes code[2] = {hn::And(codes, nibble), hn::And(hn::BitCast(du8, shifted), nibble)};
    for (int pair = 0; pair < 2; ++pair) {
      const Bytes low_table = hn::LoadDup128(du8, tables[c].low[pair]);
      const Bytes high_table = hn::LoadDup128(du8, tables[c].high[pair]);
      const Words low = hn::BitCast(du16, hn::TableLookupBytes(low_table, code[pair]));
      both = hn::Add(both, low);
      odd = hn::Add(odd, hn::ShiftRight<8>(low));
      high = hn::Add(high, hn::TableLookupBytes(high_table, code[pair]));
    }
  }
  const Words high_words = hn::BitCast(du16, high);
  const Words even_sums =
      hn::Add(hn::Sub(both, hn::ShiftLeft<8>(odd)), hn::ShiftLeft<8>(high_words));
  const Words odd_sums = hn::Add(odd, hn::And(high_words, hn::Set(du16, 0xFF00)));
  const Int32s even = hn::BitCast(di32, even_sums), odds = hn::BitCast(di32, odd_sums);
  const Int32s sums[4] = {hn::ShiftRight<16>(hn::ShiftLeft<16>(even)),
                          hn::ShiftRight<16>(hn::ShiftLeft<16>(odds)), hn::ShiftRight<16>(even),
                          hn::ShiftRight<16>(odds)};
  for (int i = 0; i < 4; ++i) {
    hn::Store(hn::Add(hn::Load(di32, totals[i]), sums[i]), di32, totals[i]);
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
      for (int64_t row = 0; row < num_superblocks * kTernaryLookupRows; row += kVectorBytes) {
        int32_t* const to[4] = {totals[0] + row / 4, totals[1] + row / 4, totals[2] + row / 4,
                                totals[3] + row / 4};
        AddVector(packed + row / kTernaryLookupRows * superblock_bytes + c * kTernaryLookupRows +
                      row % kTernaryLookupRows,
                  num_groups, tables, to);
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
