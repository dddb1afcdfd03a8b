#include "ternary_kernels/operand_conversion.h"

#include "ternary_kernels/parallel_for.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/operand_conversion.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F32>;
using U32 = hn::RebindToUnsigned<F32>;

// Calls body(i) for whole vectors of [0, n) and tail(i) for what is left.
template <class Body, class Tail>
HWY_INLINE void ForVectors(int64_t n, const Body& body, const Tail& tail) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) body(i);
  for (; i < n; ++i) tail(i);
}

HWY_INLINE hn::Vec<F32> LoadCodes(const int8_t* codes) {
  const hn::Rebind<int8_t, F32> d8;
  return hn::ConvertTo(F32(), hn::PromoteTo(I32(), hn::LoadU(d8, codes)));
}

// Round to nearest even on the bits. A NaN keeps its top bits and becomes quiet, so that it cannot
// turn into an infinity.
HWY_INLINE void StoreBF16(hn::Vec<F32> v, BFloat16* out) {
  const U32 du;
  const hn::Rebind<uint16_t, F32> d16;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu)));
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
  const auto chosen = hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), quiet, rounded);
  hn::StoreU(hn::TruncateTo(d16, hn::ShiftRight<16>(chosen)), d16,
             reinterpret_cast<uint16_t*>(out));
}

HWY_INLINE BFloat16 ToBF16(float x) {
  uint32_t bits;
  hwy::CopyBytes<4>(&x, &bits);
  const uint32_t rounded = x != x ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
  return {static_cast<uint16_t>(rounded >> 16)};
}

void CodesToF32Range(const int8_t* codes, int64_t n, float* out) {
  ForVectors(
      n, [&](int64_t i) HWY_ATTR { hn::StoreU(LoadCodes(codes + i), F32(), out + i); },
      [&](int64_t i) { out[i] = codes[i]; });
}

void CodesToBF16Range(const int8_t* codes, int64_t n, BFloat16* out) {
  ForVectors(
      n, [&](int64_t i) HWY_ATTR { StoreBF16(LoadCodes(codes + i), out + i); },
      [&](int64_t i) { out[i] = ToBF16(codes[i]); });
}

void CodesToU8Range(const int8_t* codes, int64_t n, uint8_t* out) {
  const hn::ScalableTag<uint8_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, reinterpret_cast<const uint8_t*>(codes) + i);
    hn::StoreU(hn::Xor(v, hn::Set(d, uint8_t{0x80})), d, out + i);
  }
  for (; i < n; ++i) out[i] = static_cast<uint8_t>(codes[i] + 128);
}

// One row times its factors, handed to `store` / `store_one`.
template <class Store, class StoreOne>
HWY_INLINE void ScaleRow(const float* x, int64_t cols, float row_factor, const float* col,
                         float all, const Store& store, const StoreOne& store_one) {
  const F32 d;
  const auto row_v = hn::Set(d, row_factor);
  const auto all_v = hn::Set(d, all);
  ForVectors(
      cols,
      [&](int64_t c) HWY_ATTR {
        auto v = hn::Mul(hn::LoadU(d, x + c), row_v);
        if (col != nullptr) v = hn::Mul(v, hn::LoadU(d, col + c));
        store(hn::Mul(v, all_v), c);
      },
      [&](int64_t c) {
        float v = x[c] * row_factor;
        if (col != nullptr) v *= col[c];
        store_one(v * all, c);
      });
}

void ScaleRowToF32(const float* x, int64_t cols, float row, const float* col, float all,
                   float* out) {
  ScaleRow(
      x, cols, row, col, all,
      [&](hn::Vec<F32> v, int64_t c) HWY_ATTR { hn::StoreU(v, F32(), out + c); },
      [&](float v, int64_t c) { out[c] = v; });
}

void ScaleRowToBF16(const float* x, int64_t cols, float row, const float* col, float all,
                    BFloat16* out) {
  ScaleRow(
      x, cols, row, col, all, [&](hn::Vec<F32> v, int64_t c) HWY_ATTR { StoreBF16(v, out + c); },
      [&](float v, int64_t c) { out[c] = ToBF16(v); });
}

void AddRange(const float* x, int64_t n, float* y) {
  const F32 d;
  ForVectors(
      n,
      [&](int64_t i)
          HWY_ATTR { hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::LoadU(d, x + i)), d, y + i); },
      [&](int64_t i) { y[i] += x[i]; });
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(CodesToF32Range);
HWY_EXPORT(CodesToBF16Range);
HWY_EXPORT(CodesToU8Range);
HWY_EXPORT(ScaleRowToF32);
HWY_EXPORT(ScaleRowToBF16);
HWY_EXPORT(AddRange);

constexpr int64_t kBlock = 1 << 14;  // elements a task: a few microseconds of work

int64_t RowsPerTask(int64_t cols) { return std::max<int64_t>(1, kBlock / cols); }

}  // namespace

void CodesToF32(const int8_t* codes, int64_t n, float* out) {
  ParallelForBlocks(n, kBlock, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(CodesToF32Range)(codes + begin, end - begin, out + begin);
  });
}

void CodesToBF16(const int8_t* codes, int64_t n, BFloat16* out) {
  ParallelForBlocks(n, kBlock, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(CodesToBF16Range)(codes + begin, end - begin, out + begin);
  });
}

void CodesToU8(const int8_t* codes, int64_t n, uint8_t* out) {
  ParallelForBlocks(n, kBlock, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(CodesToU8Range)(codes + begin, end - begin, out + begin);
  });
}

void ScaleToF32(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
                float* out) {
  ParallelForBlocks(rows, RowsPerTask(cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(ScaleRowToF32)
      (x + r * cols, cols, factors.row ? factors.row[r] : 1.0f, factors.col, factors.all,
       out + r * cols);
    }
  });
}

void ScaleToBF16(const float* x, int64_t rows, int64_t cols, const ScaleFactors& factors,
                 BFloat16* out) {
  ParallelForBlocks(rows, RowsPerTask(cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(ScaleRowToBF16)
      (x + r * cols, cols, factors.row ? factors.row[r] : 1.0f, factors.col, factors.all,
       out + r * cols);
    }
  });
}

void AddInPlace(const float* x, int64_t n, float* y) {
  ParallelForBlocks(n, kBlock, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AddRange)(x + begin, end - begin, y + begin);
  });
}

}  // namespace trit
#endif  // HWY_ONCE
