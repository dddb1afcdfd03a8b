#include "ternary_kernels/operand_conversion.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "ternary_kernels/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/operand_conversion.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/bf16_pairs-inl.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/vector_loops-inl.h"

#ifndef TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_SCALAR_
#define TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_SCALAR_

namespace trit {

// A NaN keeps its top bits and becomes quiet, so that it cannot turn into an infinity.
inline void StoreElement(float x, BFloat16* out) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = x != x ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
  *out = {static_cast<uint16_t>(rounded >> 16)};
}
inline void StoreElement(float x, float* out) { *out = x; }

// Elements of T side by side in 32 bits: rows of a left operand that are transposed together, or
// rows of a packed right operand.
template <typename T>
constexpr int64_t kPair = static_cast<int64_t>(sizeof(float) / sizeof(T));

// A packed operand (k, n).
struct PackedView {
  PanelLayout layout;
  int64_t k, n;

  int64_t PanelElements() const { return layout.PaddedRows(k) * layout.width; }
};

}  // namespace trit
#endif  // TRIT_TERNARY_KERNELS_OPERAND_CONVERSION_SCALAR_

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

void RaiseCodesRange(const int8_t* codes, int64_t n, uint8_t* out) {
  const hn::ScalableTag<uint8_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, reinterpret_cast<const uint8_t*>(codes) + i);
    hn::StoreU(hn::Xor(v, hn::Set(d, uint8_t{0x80})), d, out + i);
  }
  for (; i < n; ++i) out[i] = static_cast<uint8_t>(codes[i] + 128);
}

template <class D>
HWY_INLINE hn::Vec<D> LoadFloats(D d, const float* x) {
  return hn::LoadU(d, x);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadFloats(D d, const int8_t* codes) {
  const hn::Rebind<int8_t, D> d8;
  return hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<D>(), hn::LoadU(d8, codes)));
}

template <class D>
HWY_INLINE void StoreVector(D d, hn::Vec<D> v, float* out) {
  hn::StoreU(v, d, out);
}
template <class D>
HWY_INLINE void StoreVector(D d, hn::Vec<D> v, BFloat16* out) {
  const hn::Rebind<uint16_t, D> d16;
  hn::StoreU(hn::TruncateTo(d16, hn::ShiftRight<16>(RoundedBits(d, v))), d16,
             reinterpret_cast<uint16_t*>(out));
}

template <typename T>
HWY_INLINE void ScaleRow(const float* x, int64_t cols, float row, const float* col, float all,
                         T* out) {
  ForEachVector(cols, [&](auto d, int64_t c) HWY_ATTR {
    auto v = hn::Mul(hn::LoadU(d, x + c), hn::Set(d, row));
    if (col != nullptr) v = hn::Mul(v, hn::LoadU(d, col + c));
    v = hn::Mul(v, hn::Set(d, all));
    if constexpr (hn::MaxLanes(d) == 1) {
      StoreElement(hn::GetLane(v), out + c);
    } else {
      StoreVector(d, v, out + c);
    }
  });
}

void ScaleRowToF32(const float* x, int64_t cols, float row, const float* col, float all,
                   float* out) {
  ScaleRow(x, cols, row, col, all, out);
}
void ScaleRowToBF16(const float* x, int64_t cols, float row, const float* col, float all,
                    BFloat16* out) {
  ScaleRow(x, cols, row, col, all, out);
}

#if !TRIT_SCALAR_TARGET

using F32 = hn::ScalableTag<float>;
using U32 = hn::RebindToUnsigned<F32>;
using Bits = hn::Vec<U32>;

// Codes need no rounding.
template <typename Source>
HWY_INLINE Bits PairOf(hn::Vec<F32> low, hn::Vec<F32> high) {
  if constexpr (std::is_same_v<Source, int8_t>) return PairBitsExact(F32(), low, high);
  return PairBits(F32(), low, high);
}

#endif  // !TRIT_SCALAR_TARGET

#if !TRIT_SCALAR_TARGET
// A block of x is transposed by way of a buffer: columns of `out` often lie powers of two apart,
// where they would evict each other from the L1 cache.
constexpr int64_t kStagedRows = 64;
constexpr int64_t kStagedCols = 64;

// rows: a multiple of 4 * kPair<T>; cols: a multiple of the vector length.
template <typename T>
HWY_INLINE void TransposeBlock(const float* x, int64_t rows, int64_t cols, int64_t stride,
                               const float* row_factors, T* out, int64_t out_stride) {
  const F32 d;
  constexpr int64_t kLanes = hn::MaxLanes(F32());
  constexpr int64_t kRows = 4 * kPair<T>;  // that make 16 bytes of a column
  HWY_ALIGN T staged[kStagedCols * kStagedRows];
  for (int64_t r = 0; r < rows; r += kRows) {
    hn::Vec<F32> factors[kRows];
    for (int64_t j = 0; j < kRows; ++j) {
      factors[j] = hn::Set(d, row_factors != nullptr ? row_factors[r + j] : 1.0f);
    }
    for (int64_t c = 0; c < cols; c += kLanes) {
      Bits bits[4];
      for (int64_t j = 0; j < 4; ++j) {
        const int64_t row = j * kPair<T>;
        const float* from = x + (r + row) * stride + c;
        const auto first = hn::Mul(hn::LoadU(d, from), factors[row]);
        if constexpr (kPair<T> == 1) {
          bits[j] = hn::BitCast(U32(), first);
        } else {
          bits[j] = PairBits(d, first, hn::Mul(hn::LoadU(d, from + stride), factors[row + 1]));
        }
      }
      StoreTransposed(U32(), bits, reinterpret_cast<uint32_t*>(staged + c * kStagedRows + r),
                      kStagedRows / kPair<T>);
    }
  }
  if (rows == kStagedRows) {
    for (int64_t c = 0; c < cols; ++c) {
      hwy::CopyBytes<kStagedRows * sizeof(T)>(staged + c * kStagedRows, out + c * out_stride);
    }
  } else {
    for (int64_t c = 0; c < cols; ++c) {
      std::copy_n(staged + c * kStagedRows, rows, out + c * out_stride);
    }
  }
}
#endif

template <typename T>
HWY_INLINE void Transpose(const float* x, int64_t rows, int64_t cols, const float* row_factors,
                          int64_t padded_rows, T* out, int64_t out_stride) {
  int64_t vector_rows = 0, vector_cols = 0;
#if !TRIT_SCALAR_TARGET
  constexpr int64_t kRows = 4 * kPair<T>;
  constexpr int64_t kLanes = hn::MaxLanes(F32());
  vector_rows = rows / kRows * kRows;
  vector_cols = cols / kLanes * kLanes;
  for (int64_t r = 0; r < vector_rows; r += kStagedRows) {
    for (int64_t c = 0; c < vector_cols; c += kStagedCols) {
      TransposeBlock(x + r * cols + c, std::min(kStagedRows, vector_rows - r),
                     std::min(kStagedCols, vector_cols - c), cols,
                     row_factors != nullptr ? row_factors + r : nullptr, out + c * out_stride + r,
                     out_stride);
    }
  }
#endif
  for (int64_t c = 0; c < cols; ++c) {
    for (int64_t r = c < vector_cols ? vector_rows : 0; r < rows; ++r) {
      const float factor = row_factors != nullptr ? row_factors[r] : 1.0f;
      StoreElement(x[r * cols + c] * factor, out + c * out_stride + r);
    }
    std::fill(out + c * out_stride + rows, out + c * out_stride + padded_rows, T{});
  }
}

void TransposeToF32(const float* x, int64_t rows, int64_t cols, const float* row_factors,
                    int64_t padded_rows, float* out, int64_t out_stride) {
  Transpose(x, rows, cols, row_factors, padded_rows, out, out_stride);
}
void TransposeToBF16(const float* x, int64_t rows, int64_t cols, const float* row_factors,
                     int64_t padded_rows, BFloat16* out, int64_t out_stride) {
  Transpose(x, rows, cols, row_factors, padded_rows, out, out_stride);
}

// One or, in bf16, two rows of a panel of a right operand: `width` columns of which `cols` are
// there. A null row is zero.
template <typename Source, typename T>
HWY_INLINE void PackPanelRows(const Source* first, const Source* second, int64_t cols,
                              int64_t width, T* out) {
  int64_t c = 0;
#if !TRIT_SCALAR_TARGET
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; c + lanes <= cols; c += lanes) {
    const auto v = LoadFloats(d, first + c);
    if constexpr (kPair<T> == 1) {
      hn::StoreU(v, d, out + c);
    } else {
      const auto w = second != nullptr ? LoadFloats(d, second + c) : hn::Zero(d);
      hn::StoreU(PairOf<Source>(v, w), U32(), reinterpret_cast<uint32_t*>(out + 2 * c));
    }
  }
#endif
  for (; c < cols; ++c) {
    StoreElement(static_cast<float>(first[c]), out + c * kPair<T>);
    if constexpr (kPair<T> == 2) {
      StoreElement(second != nullptr ? static_cast<float>(second[c]) : 0.0f, out + 2 * c + 1);
    }
  }
  std::fill(out + cols * kPair<T>, out + width * kPair<T>, T{});
}

template <typename Source, typename T>
HWY_INLINE void Pack(const PackedView& view, const Source* x, int64_t stride, int64_t begin,
                     int64_t end, int64_t padded_end, T* packed) {
  const int64_t width = view.layout.width;
  for (int64_t col = 0; col < view.n; col += width) {
    T* panel = packed + col / width * view.PanelElements();
    const int64_t cols = std::min(width, view.n - col);
    for (int64_t r = begin; r < end; r += kPair<T>) {
      const Source* row = x + (r - begin) * stride + col;
      PackPanelRows(row, r + 1 < end ? row + stride : nullptr, cols, width, panel + r * width);
    }
    const int64_t written = (end + kPair<T> - 1) / kPair<T> * kPair<T>;
    std::fill(panel + written * width, panel + padded_end * width, T{});
  }
}

void PackCodesToF32(const PackedView& view, const int8_t* x, int64_t stride, int64_t begin,
                    int64_t end, int64_t padded_end, float* packed) {
  Pack(view, x, stride, begin, end, padded_end, packed);
}
void PackCodesToBF16(const PackedView& view, const int8_t* x, int64_t stride, int64_t begin,
                     int64_t end, int64_t padded_end, BFloat16* packed) {
  Pack(view, x, stride, begin, end, padded_end, packed);
}
void PackFloatsToF32(const PackedView& view, const float* x, int64_t stride, int64_t begin,
                     int64_t end, int64_t padded_end, float* packed) {
  Pack(view, x, stride, begin, end, padded_end, packed);
}
void PackFloatsToBF16(const PackedView& view, const float* x, int64_t stride, int64_t begin,
                      int64_t end, int64_t padded_end, BFloat16* packed) {
  Pack(view, x, stride, begin, end, padded_end, packed);
}

template <typename Source, typename T>
HWY_INLINE void PackTransposed(const PackedView& view, const Source* x, int64_t begin, int64_t end,
                               T* packed) {
  const int64_t width = view.layout.width;
  const auto column = [&](int64_t c) {  // where column c begins
    return packed + c / width * view.PanelElements() + c % width * kPair<T>;
  };
  int64_t c = begin;
#if !TRIT_SCALAR_TARGET
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t step = lanes * kPair<T>;  // rows of b
  for (; c + 4 <= end; c += 4) {
    const Source* from = x + (c - begin) * view.k;
    T* const to = column(c);
    int64_t r = 0;
    for (; r + step <= view.k; r += step) {
      Bits bits[4];
      for (int64_t j = 0; j < 4; ++j) {
        const Source* p = from + j * view.k + r;
        const auto v = LoadFloats(d, p);
        if constexpr (kPair<T> == 1) {
          bits[j] = hn::BitCast(U32(), v);
        } else {
          const auto w = LoadFloats(d, p + lanes);
          bits[j] = PairOf<Source>(hn::ConcatEven(d, w, v), hn::ConcatOdd(d, w, v));
        }
      }
      StoreTransposed(U32(), bits, reinterpret_cast<uint32_t*>(to + r * width), width);
    }
    for (int64_t j = 0; j < 4; ++j) {
      for (int64_t rest = r; rest < view.k; ++rest) {
        StoreElement(static_cast<float>(from[j * view.k + rest]),
                     to + rest / kPair<T> * kPair<T> * width + j * kPair<T> + rest % kPair<T>);
      }
    }
  }
#endif
  for (; c < end; ++c) {
    const Source* from = x + (c - begin) * view.k;
    for (int64_t r = 0; r < view.k; ++r) {
      StoreElement(static_cast<float>(from[r]),
                   column(c) + r / kPair<T> * kPair<T> * width + r % kPair<T>);
    }
  }
}

void PackCodeColumnsToF32(const PackedView& view, const int8_t* x, int64_t begin, int64_t end,
                          float* packed) {
  PackTransposed(view, x, begin, end, packed);
}
void PackCodeColumnsToBF16(const PackedView& view, const int8_t* x, int64_t begin, int64_t end,
                           BFloat16* packed) {
  PackTransposed(view, x, begin, end, packed);
}
void PackFloatColumnsToF32(const PackedView& view, const float* x, int64_t begin, int64_t end,
                           float* packed) {
  PackTransposed(view, x, begin, end, packed);
}
void PackFloatColumnsToBF16(const PackedView& view, const float* x, int64_t begin, int64_t end,
                            BFloat16* packed) {
  PackTransposed(view, x, begin, end, packed);
}

void AddRange(const float* x, int64_t n, float* y) {
  ForEachVector(n, [&](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::LoadU(d, x + i)), d, y + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(RaiseCodesRange);
HWY_EXPORT(ScaleRowToF32);
HWY_EXPORT(ScaleRowToBF16);
HWY_EXPORT(TransposeToF32);
HWY_EXPORT(TransposeToBF16);
HWY_EXPORT(PackCodesToF32);
HWY_EXPORT(PackCodesToBF16);
HWY_EXPORT(PackFloatsToF32);
HWY_EXPORT(PackFloatsToBF16);
HWY_EXPORT(PackCodeColumnsToF32);
HWY_EXPORT(PackCodeColumnsToBF16);
HWY_EXPORT(PackFloatColumnsToF32);
HWY_EXPORT(PackFloatColumnsToBF16);
HWY_EXPORT(AddRange);

PackedView ViewOfRows(const TileProduct& product, int64_t stride, int64_t begin, int64_t end,
                      int64_t padded_end) {
  const PackedView view{product.layout(), product.k(), product.n()};
  const int64_t multiple = view.layout.row_multiple;
  TRIT_CHECK(stride >= view.n && 0 <= begin && begin <= end && end <= view.k);
  TRIT_CHECK(begin % multiple == 0 && padded_end % multiple == 0 && end <= padded_end &&
             padded_end <= view.layout.PaddedRows(view.k));
  return view;
}

PackedView ViewOfColumns(const TileProduct& product, int64_t begin, int64_t end) {
  TRIT_CHECK(0 <= begin && begin % 4 == 0 && begin <= end && end <= product.n());
  return {product.layout(), product.k(), product.n()};
}

}  // namespace

void RaiseCodes(const int8_t* codes, int64_t n, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(RaiseCodesRange)(codes, n, out);
}

void ScaleRows(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
               float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    HWY_DYNAMIC_DISPATCH(ScaleRowToF32)
    (x + r * cols, cols, factors.row != nullptr ? factors.row[r] : 1.0f, factors.col, factors.all,
     out + r * cols);
  }
}

void ScaleRows(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
               BFloat16* out) {
  for (int64_t r = 0; r < rows; ++r) {
    HWY_DYNAMIC_DISPATCH(ScaleRowToBF16)
    (x + r * cols, cols, factors.row != nullptr ? factors.row[r] : 1.0f, factors.col, factors.all,
     out + r * cols);
  }
}

void TransposeRows(const float* x, int64_t rows, int64_t cols, const float* row_factors,
                   int64_t padded_rows, float* out, int64_t out_stride) {
  TRIT_CHECK(rows <= padded_rows && padded_rows <= out_stride);
  HWY_DYNAMIC_DISPATCH(TransposeToF32)
  (x, rows, cols, row_factors, padded_rows, out, out_stride);
}

void TransposeRows(const float* x, int64_t rows, int64_t cols, const float* row_factors,
                   int64_t padded_rows, BFloat16* out, int64_t out_stride) {
  TRIT_CHECK(rows <= padded_rows && padded_rows <= out_stride);
  HWY_DYNAMIC_DISPATCH(TransposeToBF16)
  (x, rows, cols, row_factors, padded_rows, out, out_stride);
}

void PackRows(const TileProduct& product, const int8_t* x, int64_t stride, int64_t begin,
              int64_t end, int64_t padded_end, float* packed) {
  const PackedView view = ViewOfRows(product, stride, begin, end, padded_end);
  HWY_DYNAMIC_DISPATCH(PackCodesToF32)(view, x, stride, begin, end, padded_end, packed);
}

void PackRows(const TileProduct& product, const int8_t* x, int64_t stride, int64_t begin,
              int64_t end, int64_t padded_end, BFloat16* packed) {
  const PackedView view = ViewOfRows(product, stride, begin, end, padded_end);
  HWY_DYNAMIC_DISPATCH(PackCodesToBF16)(view, x, stride, begin, end, padded_end, packed);
}

void PackRows(const TileProduct& product, const float* x, int64_t stride, int64_t begin,
              int64_t end, int64_t padded_end, float* packed) {
  const PackedView view = ViewOfRows(product, stride, begin, end, padded_end);
  HWY_DYNAMIC_DISPATCH(PackFloatsToF32)(view, x, stride, begin, end, padded_end, packed);
}

void PackRows(const TileProduct& product, const float* x, int64_t stride, int64_t begin,
              int64_t end, int64_t padded_end, BFloat16* packed) {
  const PackedView view = ViewOfRows(product, stride, begin, end, padded_end);
  HWY_DYNAMIC_DISPATCH(PackFloatsToBF16)(view, x, stride, begin, end, padded_end, packed);
}

void PackColumns(const TileProduct& product, const int8_t* x, int64_t begin, int64_t end,
                 float* packed) {
  const PackedView view = ViewOfColumns(product, begin, end);
  HWY_DYNAMIC_DISPATCH(PackCodeColumnsToF32)(view, x, begin, end, packed);
}

void PackColumns(const TileProduct& product, const int8_t* x, int64_t begin, int64_t end,
                 BFloat16* packed) {
  const PackedView view = ViewOfColumns(product, begin, end);
  HWY_DYNAMIC_DISPATCH(PackCodeColumnsToBF16)(view, x, begin, end, packed);
}

void PackColumns(const TileProduct& product, const float* x, int64_t begin, int64_t end,
                 float* packed) {
  const PackedView view = ViewOfColumns(product, begin, end);
  HWY_DYNAMIC_DISPATCH(PackFloatColumnsToF32)(view, x, begin, end, packed);
}

void PackColumns(const TileProduct& product, const float* x, int64_t begin, int64_t end,
                 BFloat16* packed) {
  const PackedView view = ViewOfColumns(product, begin, end);
  HWY_DYNAMIC_DISPATCH(PackFloatColumnsToBF16)(view, x, begin, end, packed);
}

void AddTo(const float* x, int64_t n, float* y) { HWY_DYNAMIC_DISPATCH(AddRange)(x, n, y); }

}  // namespace trit
#endif  // HWY_ONCE
