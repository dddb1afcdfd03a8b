// Many tokens (prompts) and trits at 1.6 bits: the codes of 64 rows and a chunk of columns are
// unpacked once into bytes that stay in L1, then multiplied with all tokens of a tile. With so many
// tokens, dot products of bytes are faster than tables made for each of them.
#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/ternary_dense_many.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/byte_tile-inl.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/ternary_byte.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if !TRIT_HAS_BYTE_TABLES

void ManyTokensDense(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

constexpr int64_t kGroups = 4;  // decoded together: 20 columns, five quads
constexpr int64_t kQuads = kGroups * kTernaryDenseCols / 4;
static_assert(kTernaryByteBlockRows == kFieldRows && kTernaryByteChunk % kGroups == 0);

struct Decoding {
  // [column of a group][code % 128]: the trit of the positive code + 1.
  alignas(64) uint8_t fields[kTernaryDenseCols][kTernaryByteEntries] = {};
  // Of a block's 64 codes in memory, in the order that interleaving four columns wants.
  alignas(64) uint8_t order[64] = {};
};

constexpr Decoding MakeDecoding() {
  Decoding decoding;
  for (int c = 0; c < kTernaryDenseCols; ++c) {
    for (int e = 0; e < kTernaryByteEntries; ++e) {
      decoding.fields[c][e] = static_cast<uint8_t>(kTernaryDenseEntries[e][c] + 1);
    }
  }
  // Interleaving takes lane 4 v + k of each 16 bytes L to lane 4 L + k of vector v, row 16 v + 4 L
  // + k, which stands at byte 4 (4 L + k) + v.
  for (int v = 0; v < 4; ++v) {
    for (int lane = 0; lane < 16; ++lane) {
      decoding.order[lane / 4 * 16 + 4 * v + lane % 4] = static_cast<uint8_t>(4 * lane + v);
    }
  }
  return decoding;
}

constexpr Decoding kDecoding = MakeDecoding();

// Trits + 1 of column kColumn of a group.
template <int kColumn>
HWY_INLINE Bytes Decode(Bytes codes) {
  const BytesTag du8;
  const uint8_t* table = kDecoding.fields[kColumn];
  const Bytes field = TwoTablesLookupBytes(hn::Load(du8, table), hn::Load(du8, table + 64), codes);
  const auto positive = hn::MaskFromVec(codes);  // bit 7
  return hn::IfThenElse(positive, field, hn::Sub(hn::Set(du8, 2), field));
}

// quad[64 rows][4 columns] of four columns.
HWY_INLINE void StoreQuad(const Bytes* columns, uint8_t* quad) {
  const BytesTag du8;
  const hn::Repartition<uint16_t, BytesTag> du16;
  const auto pairs = [&](Bytes even, Bytes odd, auto upper) HWY_ATTR {
    if constexpr (upper)
      return hn::BitCast(du16, hn::InterleaveUpper(du8, even, odd));
    else
      return hn::BitCast(du16, hn::InterleaveLower(du8, even, odd));
  };
  int64_t half_bytes = 0;
  const auto store = [&](auto upper) HWY_ATTR {
    const auto first = pairs(columns[0], columns[1], upper);
    const auto second = pairs(columns[2], columns[3], upper);
    const auto lower_rows = hn::InterleaveLower(du16, first, second);
    const auto upper_rows = hn::InterleaveUpper(du16, first, second);
    hn::Store(hn::BitCast(du8, lower_rows), du8, quad + half_bytes);
    hn::Store(hn::BitCast(du8, upper_rows), du8, quad + half_bytes + kVectorBytes);
    half_bytes += 2 * kVectorBytes;
  };
  store(std::false_type());
  store(std::true_type());
}

// fields: (kQuads a kGroups groups, 64 rows, 4 columns); columns behind the last group are 0.
// codes: of a block, groups kTernaryByteRows apart.
void Unpack(const uint8_t* codes, int64_t num_groups, uint8_t* fields) {
  const BytesTag du8;
  const Bytes order = hn::Load(du8, kDecoding.order);
  for (int64_t first = 0; first < num_groups; first += kGroups) {
    Bytes columns[kGroups * kTernaryDenseCols];
    for (int64_t g = 0; g < kGroups; ++g) {
      Bytes* to = columns + g * kTernaryDenseCols;
      if (first + g < num_groups) {
        const Bytes stored = hn::Load(du8, codes + (first + g) * kTernaryByteRows);
        const Bytes code = TwoTablesLookupBytes(stored, stored, order);
        to[0] = Decode<0>(code);
        to[1] = Decode<1>(code);
        to[2] = Decode<2>(code);
        to[3] = Decode<3>(code);
        to[4] = Decode<4>(code);
      } else {
        std::fill_n(to, kTernaryDenseCols, hn::Zero(du8));
      }
    }
    for (int64_t quad = 0; quad < kQuads; ++quad) {
      StoreQuad(columns + 4 * quad, fields);
      fields += kQuadBytes;
    }
  }
}

struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    alignas(kBufferAlignment) uint8_t fields[kTernaryByteChunk / kGroups * kQuads * kQuadBytes];
    const PackedMatrix& weights = *call.weights;
    const TernaryByteLayout layout =
        TernaryByteLayoutOf(weights.rows, weights.cols, kTernaryDenseCols);
    const int64_t stride = call.codes->stride;
    const int64_t group_begin = request.col_begin / kTernaryDenseCols;
    const int64_t group_end = (request.col_end + kTernaryDenseCols - 1) / kTernaryDenseCols;
    std::fill_n(request.sums, request.num_tokens * kFieldRows, 0);
    int64_t num_groups;
    for (int64_t g = group_begin; g < group_end; g += num_groups) {
      num_groups = std::min(group_end - g, kTernaryByteChunk - g % kTernaryByteChunk);
      Unpack(weights.data.data() + layout.Offset(request.row / kTernaryByteRows, g) +
                 request.row % kTernaryByteRows,
             num_groups, fields);
      // Columns that pad the last group have fields of 1: they are left out, or their codes are 0.
      const int64_t first_col = g * kTernaryDenseCols;
      const int64_t num_cols =
          std::min(num_groups * kTernaryDenseCols, request.col_end - first_col);
      const int64_t num_quads = (num_cols + 3) / 4;
      const int8_t* q = call.codes->codes.data() + request.token * stride + first_col;
      AddProducts<2>(fields, num_quads, q, stride, request.num_tokens, request.sums);
    }
  }
};

}  // namespace

void ManyTokensDense(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kFieldRows, kUnpackedTokens, BitFields<2>::kCodeOffset>(call, range,
                                                                        FormSums{call});
}

#endif  // !TRIT_HAS_BYTE_TABLES
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(ManyTokensDense);
void DotDenseMany(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(ManyTokensDense)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
