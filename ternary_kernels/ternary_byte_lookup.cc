// Products of trits by table lookup and addition on the layouts of ternary_byte.h: for each group
// of columns a table holds the 128 possible sums of a token's activations, and two byte
// permutations look the sums of 64 rows up, each half of a sum from a table of its own. So four or
// five multiply-adds cost a quarter of what a dot product of bytes costs.
//
// A sum is split into two bytes, which add up six or seven at a time, from 128 so that they stay
// unsigned, before they are widened.
#include <array>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/ternary_byte_lookup.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/ternary_byte.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

bool HaveByteTables() { return TRIT_HAS_BYTE_TABLES; }

#if !TRIT_HAS_BYTE_TABLES

void LookupDenseTokens(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}
void LookupQuadTokens(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

using BytesTag = hn::Full512<uint8_t>;
using WordsTag = hn::Full512<uint16_t>;
using Int32Tag = hn::Full512<int32_t>;
using Bytes = hn::Vec<BytesTag>;
using Words = hn::Vec<WordsTag>;
using Int32s = hn::Vec<Int32Tag>;

constexpr int kBias = 128;
constexpr int64_t kTableBytes = 2 * kTernaryByteEntries;  // of a group: bytes l, then bytes h

struct Dense {
  static constexpr int64_t kCols = kTernaryDenseCols;
  static constexpr const TernaryEntries& kEntries = kTernaryDenseEntries;
  static constexpr int64_t kRun = 6;  // 128 + 6 * 20 and 128 + 6 * 17 are bytes

  // s = 33 h + l + 17 with h in [-20, 19] and l in [-16, 16]: then ~h and ~l are the bytes of -s.
  static constexpr int kRadix = 33;
  static constexpr int kConstant = 17;
  static constexpr int kHighOffset = 20, kLowOffset = 16;
  static constexpr int16_t kSumOffset = kRadix * kHighOffset + kLowOffset - kConstant;
  // sum = s + kSumOffset lies in [19, 1299], where this quotient is exact.
  static HWY_INLINE void Split(Words sum, Words& high, Words& low) {
    const WordsTag du16;
    high = hn::MulHigh(sum, hn::Set(du16, 65536 / kRadix + 1));
    low = hn::Sub(sum, hn::Mul(high, hn::Set(du16, kRadix)));
  }
  // All ones where the sum of the code is the negative of its entry's. (A byte with bit 7 looks up
  // zero.)
  static HWY_INLINE Bytes Flip(Bytes codes) {
    return hn::TableLookupBytes(hn::Set(BytesTag(), 0xFF), codes);
  }
  static HWY_INLINE Bytes Apply(Bytes sums, Bytes flip) { return hn::Xor(sums, flip); }
};

struct Quad {
  static constexpr int64_t kCols = kTernaryQuadCols;
  static constexpr const TernaryEntries& kEntries = kTernaryQuadEntries;
  static constexpr int64_t kRun = 7;  // 128 + 7 * 16 and 128 - 7 * 16 are bytes

  // s = 32 h + l + 16 with h in [-16, 16] and l in [-16, 15].
  static constexpr int kRadix = 32;
  static constexpr int kConstant = 16;
  static constexpr int kHighOffset = 16, kLowOffset = 16;
  static constexpr int16_t kSumOffset = kRadix * kHighOffset + kLowOffset - kConstant;
  static HWY_INLINE void Split(Words sum, Words& high, Words& low) {
    high = hn::ShiftRight<5>(sum);
    low = hn::And(sum, hn::Set(WordsTag(), 31));
  }
  static HWY_INLINE Bytes Flip(Bytes codes) { return codes; }
  static HWY_INLINE Bytes Apply(Bytes sums, Bytes) { return sums; }
};

// How tables are made. 32 words, `parts`, are sums of few activations: even ones of the first two,
// odd ones of the others; an entry is the sum of an even and an odd one. Its words stand where
// packing them to bytes, which interleaves halves of 16 bytes, puts them in order.
struct TableRecipe {
  // Bytes 2 i and 2 i + 1, of part i: whether an activation is added or taken away. Of activations
  // 0 to 3 over and over; and of 2 to 5 over and over, of which only 4 is used.
  alignas(64) uint8_t plus[64] = {}, minus[64] = {};
  alignas(64) uint8_t plus4[64] = {}, minus4[64] = {};
  alignas(64) uint16_t even[4][32] = {};  // parts of the entries
  alignas(64) uint16_t odd[4][32] = {};
};

constexpr TableRecipe MakeRecipe(const TernaryEntries& entries) {
  TableRecipe recipe;
  const auto set = [](uint8_t* plus, uint8_t* minus, int trit) {
    *plus = trit == 1 ? 1 : 0;
    *minus = trit == -1 ? 1 : 0;
  };
  std::array<TernaryEntry, 16> odd_parts{};
  int num_odd_parts = 0;
  for (int e = 0; e < kTernaryByteEntries; ++e) {
    const TernaryEntry& trits = entries[e];
    const int even_part = 3 * (trits[0] + 1) + trits[1] + 1;
    set(&recipe.plus[4 * even_part], &recipe.minus[4 * even_part], trits[0]);
    set(&recipe.plus[4 * even_part + 1], &recipe.minus[4 * even_part + 1], trits[1]);
    int odd_part = 0;
    for (; odd_part < num_odd_parts; ++odd_part) {
      const TernaryEntry& part = odd_parts[odd_part];
      if (part[2] == trits[2] && part[3] == trits[3] && part[4] == trits[4]) break;
    }
    if (odd_part == num_odd_parts) odd_parts[num_odd_parts++] = trits;
    set(&recipe.plus[4 * odd_part + 2], &recipe.minus[4 * odd_part + 2], trits[2]);
    set(&recipe.plus[4 * odd_part + 3], &recipe.minus[4 * odd_part + 3], trits[3]);
    set(&recipe.plus4[4 * odd_part + 2], &recipe.minus4[4 * odd_part + 2], trits[4]);
    const int vector = e / 64 * 2 + e % 16 / 8;
    const int lane = e % 64 / 16 * 8 + e % 8;
    recipe.even[vector][lane] = static_cast<uint16_t>(2 * even_part);
    recipe.odd[vector][lane] = static_cast<uint16_t>(2 * odd_part + 1);
  }
  return recipe;
}

template <class Format>
constexpr TableRecipe kRecipe = MakeRecipe(Format::kEntries);

// bytes, over and over, at any address.
HWY_INLINE hn::Vec<hn::Full512<int8_t> > Repeat4(const void* bytes) {
  int32_t bits;
  std::memcpy(&bits, bytes, 4);
  return hn::BitCast(hn::Full512<int8_t>(), hn::Set(Int32Tag(), bits));
}

// Tables of num_groups groups. q: their activations; codes: what will be looked up first, asked for
// meanwhile, since memory would idle.
template <class Format>
HWY_NOINLINE void MakeTables(const int8_t* q, int64_t num_groups, const uint8_t* codes,
                             uint8_t* tables) {
  const WordsTag du16;
  const hn::Full512<int16_t> di16;
  const BytesTag du8;
  const TableRecipe& recipe = kRecipe<Format>;
  const auto offset = hn::Set(di16, Format::kSumOffset);
  for (int64_t g = 0; g < num_groups; ++g) {
    __builtin_prefetch(codes + g * kTernaryByteRows);
    __builtin_prefetch(codes + g * kTernaryByteRows + 64);
    const int8_t* x = q + g * Format::kCols;
    // Products with 0 or 1 of at most 4 bytes: nothing saturates.
    const auto sums = [&](const uint8_t* plus, const uint8_t* minus, auto activations) HWY_ATTR {
      return hn::Sub(SatWidenMulPairwiseAdd(di16, hn::Load(du8, plus), activations),
                     SatWidenMulPairwiseAdd(di16, hn::Load(du8, minus), activations));
    };
    auto parts = sums(recipe.plus, recipe.minus, Repeat4(x));
    if constexpr (Format::kCols == 5) {
      parts = hn::Add(parts, sums(recipe.plus4, recipe.minus4, Repeat4(x + 2)));
    }
    const Words odd = hn::BitCast(du16, parts);
    const Words even = hn::BitCast(du16, hn::Add(parts, offset));
    Words low[4], high[4];
    for (int v = 0; v < 4; ++v) {
      const Words sum = hn::Add(PermuteWords(even, hn::Load(du16, recipe.even[v])),
                                PermuteWords(odd, hn::Load(du16, recipe.odd[v])));
      Format::Split(sum, high[v], low[v]);
    }
    uint8_t* to = tables + g * kTableBytes;
    for (int half = 0; half < 2; ++half) {
      const Bytes l = PackWordsInBlocks(low[2 * half], low[2 * half + 1]);
      const Bytes h = PackWordsInBlocks(high[2 * half], high[2 * half + 1]);
      hn::Store(hn::Sub(l, hn::Set(du8, Format::kLowOffset)), du8, to + 64 * half);
      hn::Store(hn::Sub(h, hn::Set(du8, Format::kHighOffset)), du8, to + 128 + 64 * half);
    }
  }
}

// Sums of bytes, widened: of both bytes of a word, even + 256 odd modulo 2^16, and of the odd one
// alone.
struct WideSum {
  Words both, odd;
};

HWY_INLINE void AddBytes(WideSum& sum, Bytes bytes) {
  const WordsTag du16;
  const Words words = hn::BitCast(du16, bytes);
  sum.both = hn::Add(sum.both, words);
  sum.odd = hn::Add(sum.odd, hn::ShiftRight<8>(words));
}

// What a superblock has in a chunk.
constexpr int64_t kPieceBytes = kTernaryByteChunk * kTernaryByteRows;

// A piece of work: the codes of a block or a superblock in consecutive groups, and their tables.
struct Piece {
  const uint8_t* codes;  // groups are kTernaryByteRows apart
  const uint8_t* tables;
  int64_t num_groups;
  const uint8_t* fetch;  // where codes lie that are asked for meanwhile
  int64_t fetch_bytes;   // of them a group
};

// Adds (or stores, if `first`) the sums of kBlocks blocks of 64 rows.
template <class Format, int kBlocks, int kFetchLines>
HWY_NOINLINE void SumPiece(const Piece& piece, bool first, int32_t* sums) {
  const BytesTag du8;
  const WordsTag du16;
  const Int32Tag di32;
  WideSum low[kBlocks], high[kBlocks];
  for (int b = 0; b < kBlocks; ++b) {
    low[b].both = low[b].odd = high[b].both = high[b].odd = hn::Zero(du16);
  }
  const uint8_t* codes = piece.codes;
  const uint8_t* fetch = piece.fetch;
  const uint8_t* table = piece.tables;
  int32_t offset = Format::kConstant * static_cast<int32_t>(piece.num_groups);
  const auto add_run = [&](auto length) HWY_ATTR {
    Bytes l[kBlocks], h[kBlocks];
    for (int b = 0; b < kBlocks; ++b) l[b] = h[b] = hn::Set(du8, kBias);
    for (int64_t i = 0; i < length; ++i) {
      const Bytes l0 = hn::Load(du8, table), l1 = hn::Load(du8, table + 64);
      const Bytes h0 = hn::Load(du8, table + 128), h1 = hn::Load(du8, table + 192);
      for (int b = 0; b < kBlocks; ++b) {
        const Bytes code = hn::Load(du8, codes + b * kTernaryByteBlockRows);
        const Bytes flip = Format::Flip(code);
        l[b] = hn::Add(l[b], Format::Apply(TwoTablesLookupBytes(l0, l1, code), flip));
        h[b] = hn::Add(h[b], Format::Apply(TwoTablesLookupBytes(h0, h1, code), flip));
      }
      if constexpr (kFetchLines >= 1) __builtin_prefetch(fetch);
      if constexpr (kFetchLines == 2) __builtin_prefetch(fetch + 64);
      table += kTableBytes;
      codes += kTernaryByteRows;
      fetch += piece.fetch_bytes;
    }
    for (int b = 0; b < kBlocks; ++b) {
      AddBytes(low[b], l[b]);
      AddBytes(high[b], h[b]);
    }
    offset -= (Format::kRadix + 1) * kBias;
  };
  int64_t groups = piece.num_groups;
  for (; groups >= Format::kRun; groups -= Format::kRun) {
    add_run(std::integral_constant<int64_t, Format::kRun>());
  }
  if (groups > 0) add_run(groups);

  const auto offsets = hn::Set(di32, offset);
  for (int b = 0; b < kBlocks; ++b) {
    const auto split = [&](const WideSum& sum, Int32s* quarters) HWY_ATTR {
      const auto even = hn::BitCast(di32, hn::Sub(sum.both, hn::ShiftLeft<8>(sum.odd)));
      const auto odd = hn::BitCast(di32, sum.odd);
      const hn::Full512<uint32_t> du32;
      const auto lower = hn::Set(di32, 0xFFFF);
      quarters[0] = hn::And(even, lower);
      quarters[1] = hn::And(odd, lower);
      quarters[2] = hn::BitCast(di32, hn::ShiftRight<16>(hn::BitCast(du32, even)));
      quarters[3] = hn::BitCast(di32, hn::ShiftRight<16>(hn::BitCast(du32, odd)));
    };
    Int32s l[4], h[4];
    split(low[b], l);
    split(high[b], h);
    int32_t* to = sums + b * kTernaryByteBlockRows;
    for (int i = 0; i < 4; ++i) {
      static_assert(Format::kRadix == 32 || Format::kRadix == 33);
      Int32s total = hn::Add(hn::Add(l[i], hn::ShiftLeft<5>(h[i])), offsets);
      if constexpr (Format::kRadix == 33) total = hn::Add(total, h[i]);
      if (!first) total = hn::Add(total, hn::Load(di32, to + 16 * i));
      hn::Store(total, di32, to + 16 * i);
    }
  }
}

constexpr int64_t kBlockRows = 8192;
constexpr int64_t kTileTokens = 32;
constexpr int64_t kFewTokens = 16;  // whose products wait for memory

template <class Format>
struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    alignas(kBufferAlignment) uint8_t tables[kTernaryByteChunk * kTableBytes];
    const PackedMatrix& weights = *call.weights;
    const TernaryByteLayout layout = TernaryByteLayoutOf(weights.rows, weights.cols, Format::kCols);
    const int64_t row_end = request.row + request.num_rows;
    const int64_t group_begin = request.col_begin / Format::kCols;
    const int64_t group_end = (request.col_end + Format::kCols - 1) / Format::kCols;
    int64_t num_groups;
    for (int64_t g = group_begin; g < group_end; g += num_groups) {
      num_groups = std::min(group_end - g, kTernaryByteChunk - g % kTernaryByteChunk);
      const bool first = g == group_begin;
      for (int64_t t = 0; t < request.num_tokens; ++t) {
        const int8_t* q =
            call.codes->codes.data() + (request.token + t) * call.codes->stride + g * Format::kCols;
        MakeTables<Format>(q, num_groups,
                           weights.data.data() + layout.Offset(request.row / kTernaryByteRows, g),
                           tables);
        int32_t* sums = request.sums + t * kBlockRows;
        for (int64_t row = request.row; row < row_end;) {
          const int64_t in_superblock = row % kTernaryByteRows;
          const int64_t superblock = row / kTernaryByteRows;
          Piece piece = {weights.data.data() + layout.Offset(superblock, g) + in_superblock, tables,
                         num_groups, nullptr, 0};
          if (in_superblock == 0 && row + kTernaryByteBlockRows < row_end) {
            // What comes from memory is asked for ahead: of one token, the next superblock; of a
            // few, the next chunk, a part of it during each token, so that reading never waits.
            if (request.num_tokens == 1) {
              piece.fetch = piece.codes + kPieceBytes;
              piece.fetch_bytes = kTernaryByteRows;
              SumPiece<Format, 2, 2>(piece, first, sums);
            } else if (request.num_tokens <= kFewTokens) {
              piece.fetch_bytes = kTernaryByteRows / request.num_tokens;
              piece.fetch =
                  weights.data.data() + t * num_groups * piece.fetch_bytes +
                  layout.Offset(superblock, g + num_groups < group_end ? g + num_groups : g);
              SumPiece<Format, 2, 1>(piece, first, sums);
            } else {
              SumPiece<Format, 2, 0>(piece, first, sums);
            }
            row += kTernaryByteRows;
            sums += kTernaryByteRows;
          } else {
            SumPiece<Format, 1, 0>(piece, first, sums);
            row += kTernaryByteBlockRows;
            sums += kTernaryByteBlockRows;
          }
        }
      }
    }
  }
};

}  // namespace

void LookupDenseTokens(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kBlockRows, kTileTokens, 0>(call, range, FormSums<Dense>{call});
}

void LookupQuadTokens(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kBlockRows, kTileTokens, 0>(call, range, FormSums<Quad>{call});
}

#endif  // !TRIT_HAS_BYTE_TABLES
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(HaveByteTables);
HWY_EXPORT(LookupDenseTokens);
HWY_EXPORT(LookupQuadTokens);
bool HasByteTables() { return HWY_DYNAMIC_DISPATCH(HaveByteTables)(); }
void LookupDense(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(LookupDenseTokens)(call, range);
}
void LookupQuad(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(LookupQuadTokens)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
