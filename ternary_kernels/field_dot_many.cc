// Many tokens (prompts): a superblock's codes for some columns are unpacked once into bytes that
// stay in L1, then multiplied with all tokens of a tile.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/field_dot_many.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/byte_tile-inl.h"
#include "ternary_kernels/field_dot-inl.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

template <int kBits>
void ManyTokens(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

// Column groups unpacked at a time: 32 KiB that stay in L1, or what 16-bit sums allow, 16 KiB.
template <int kBits>
constexpr int64_t kColumnGroups = std::min<int64_t>(128 / BitFields<kBits>::kFields,
                                                    FieldDot<kBits>::kColumnGroups);

// Fields kField and above of one vector, kQuadBytes apart.
template <int kBits, int kField>
HWY_INLINE void UnpackFields(Bytes packed, uint8_t* fields) {
  hn::Store(Field<kBits, kField>(packed), BytesTag(), fields + kField * kQuadBytes);
  if constexpr (kField + 1 < BitFields<kBits>::kFields) {
    UnpackFields<kBits, kField + 1>(packed, fields);
  }
}

// fields: [num_groups][kFields][64 rows][4 columns], a byte each.
template <int kBits>
void Unpack(const uint8_t* packed, int64_t num_groups, uint8_t* fields) {
  for (int64_t c = 0; c < num_groups; ++c) {
    for (int64_t v = 0; v < kVectors; ++v) {
      UnpackFields<kBits, 0>(
          hn::Load(BytesTag(), packed + c * kFieldGroupBytes + v * kVectorBytes),
          fields + c * BitFields<kBits>::kFields * kQuadBytes + v * kVectorBytes);
    }
  }
}

template <int kBits>
struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    using Fields = BitFields<kBits>;
    constexpr int64_t kGroups = kColumnGroups<kBits>;
    alignas(kBufferAlignment) uint8_t unpacked[kGroups * Fields::kFields * kQuadBytes];
    std::fill_n(request.sums, request.num_tokens * kFieldRows, 0);
    const uint8_t* packed = call.weights->data.data() +
                            request.row / kFieldRows * Fields::SuperblockBytes(call.weights->cols);
    const int64_t stride = call.codes->stride;
    const int64_t group_begin = request.col_begin / Fields::kCols;
    const int64_t group_end = Fields::ColumnGroups(request.col_end);
    for (int64_t c = group_begin; c < group_end; c += kGroups) {
      const int64_t num_groups = std::min(kGroups, group_end - c);
      const uint8_t* fields = packed + c * kFieldGroupBytes;
      if constexpr (kBits < 8) {
        Unpack<kBits>(fields, num_groups, unpacked);
        fields = unpacked;
      }
      const int8_t* q = call.codes->codes.data() + request.token * stride + c * Fields::kCols;
      AddProducts<kBits>(fields, Fields::kFields * num_groups, q, stride, request.num_tokens,
                         request.sums);
    }
  }
};

template <int kBits>
void ManyTokens(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kFieldRows, kUnpackedTokens, BitFields<kBits>::kCodeOffset>(call, range,
                                                                            FormSums<kBits>{call});
}

}  // namespace
#endif  // TRIT_SCALAR_TARGET

void ManyTokens2Bit(const MatmulCall& call, const MatmulRange& range) {
  ManyTokens<2>(call, range);
}
void ManyTokensInt4(const MatmulCall& call, const MatmulRange& range) {
  ManyTokens<4>(call, range);
}
void ManyTokensInt8(const MatmulCall& call, const MatmulRange& range) {
  ManyTokens<8>(call, range);
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(ManyTokens2Bit);
HWY_EXPORT(ManyTokensInt4);
HWY_EXPORT(ManyTokensInt8);
void Dot2BitMany(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(ManyTokens2Bit)(call, range);
}
void DotInt4Many(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(ManyTokensInt4)(call, range);
}
void DotInt8Many(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(ManyTokensInt8)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
