// The one matrix product of attention, forward and backward, with vectors along the columns:
//   c[r][x] (+)= sum_k a(r, k) * b[k][x],   k ascending, one fused multiply-add each.
// How elements are multiplied is a parameter: floats here, pairs of bf16 for two k at once
// elsewhere. An element's bits depend on neither the number of rows nor that of columns in a call.
// Per target: include it after highway.h in a file that foreach_target.h compiles again and again.

// Toggled, not once: each target needs its own copy.
#if defined(TRIT_TERNARY_KERNELS_ATTENTION_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_ATTENTION_PRODUCT_INL_H_
#undef TRIT_TERNARY_KERNELS_ATTENTION_PRODUCT_INL_H_
#else
#define TRIT_TERNARY_KERNELS_ATTENTION_PRODUCT_INL_H_
#endif

#include "ternary_kernels/hwy_shim-inl.h"

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// Vectors of at most 16 floats: kAttentionPage and every padded row are multiples of that.
using AttentionTag = hwy::HWY_NAMESPACE::CappedTag<float, 16>;

// A block of sums held in registers: 4 x 4 vectors where there are 32 registers, else 4 x 2.
constexpr int64_t kProductRows = 4;
#if HWY_CAP_GE512 || HWY_ARCH_ARM_A64
constexpr int64_t kProductVectors = 4;
#else
constexpr int64_t kProductVectors = 2;
#endif

struct FloatStep {
  using Element = float;
  using Vector = hwy::HWY_NAMESPACE::Vec<AttentionTag>;
  static HWY_INLINE Vector Load(const float* b) {
    return hwy::HWY_NAMESPACE::LoadU(AttentionTag(), b);
  }
  static HWY_INLINE Vector Broadcast(const float* a) {
    return hwy::HWY_NAMESPACE::Set(AttentionTag(), *a);
  }
  static HWY_INLINE Vector Add(Vector factor, Vector columns, Vector sum) {
    return hwy::HWY_NAMESPACE::MulAdd(factor, columns, sum);
  }
};

template <class Step>
struct StepOperands {
  using Element = typename Step::Element;
  const Element* a;  // a(r, k) = a[r * a_row_stride + k * a_step]
  int64_t a_row_stride;
  int64_t a_step;
  const Element* b;
  int64_t b_stride;
  int64_t num_steps;  // of k
  bool accumulate;    // c += instead of c =
  float* c;
  int64_t c_stride;
};
using ProductOperands = StepOperands<FloatStep>;

// Columns [first, first + kVectors * lanes) of kRows rows.
template <int64_t kRows, int64_t kVectors, class Step>
HWY_NOINLINE void ProductBlock(const StepOperands<Step>& operands, int64_t first) {
  namespace hn = hwy::HWY_NAMESPACE;
  const AttentionTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  hn::Vec<AttentionTag> sums[kRows][kVectors];
  float* const c = operands.c + first;
  const int64_t c_stride = operands.c_stride;
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t v = 0; v < kVectors; ++v) {
      sums[r][v] = operands.accumulate ? hn::LoadU(d, c + r * c_stride + v * lanes) : hn::Zero(d);
    }
  }

  const typename Step::Element* a = operands.a;
  const typename Step::Element* b = operands.b + first;
  const int64_t a_row_stride = operands.a_row_stride;
  const int64_t a_step = operands.a_step;
  const int64_t b_stride = operands.b_stride;
  for (int64_t k = operands.num_steps; k > 0; --k) {
    decltype(Step::Load(b)) columns[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) columns[v] = Step::Load(b + v * lanes);
    for (int64_t r = 0; r < kRows; ++r) {
      const auto factor = Step::Broadcast(a + r * a_row_stride);
      for (int64_t v = 0; v < kVectors; ++v) {
        sums[r][v] = Step::Add(factor, columns[v], sums[r][v]);
      }
    }
    a += a_step;
    b += b_stride;
  }

  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t v = 0; v < kVectors; ++v) {
      hn::StoreU(sums[r][v], d, c + r * c_stride + v * lanes);
    }
  }
}

// Columns from `first` on, in blocks of kVectors vectors and a narrower last one.
template <int64_t kRows, int64_t kVectors = kProductVectors, class Step>
HWY_INLINE void ProductColumns(const StepOperands<Step>& operands, int64_t first, int64_t columns) {
  const int64_t block = kVectors * static_cast<int64_t>(hwy::HWY_NAMESPACE::Lanes(AttentionTag()));
  // Whole vectors are computed, so the last may begin before `columns` and end behind it.
  const int64_t lanes = block / kVectors;
  for (; columns - first > block - lanes; first += block) {
    ProductBlock<kRows, kVectors>(operands, first);
  }
  if constexpr (kVectors > 1) ProductColumns<kRows, kVectors - 1>(operands, first, columns);
}

// rows: 1 to kProductRows. Writes whole vectors: c's rows (and b's, for reading) must extend to
// the next multiple of the vector length behind `columns`.
template <class Step>
HWY_INLINE void Product(const StepOperands<Step>& operands, int64_t rows, int64_t columns) {
  switch (rows) {
    case 1:
      return ProductColumns<1>(operands, 0, columns);
    case 2:
      return ProductColumns<2>(operands, 0, columns);
    case 3:
      return ProductColumns<3>(operands, 0, columns);
    default:
      return ProductColumns<kProductRows>(operands, 0, columns);
  }
}

// x[i] = v[i] * scale for i < n, and 0 up to `padded`.
HWY_INLINE void ScaleRow(const float* v, int64_t n, float scale, int64_t padded, float* x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const AttentionTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, v + i), hn::Set(d, scale)), d, x + i);
  }
  for (; i < n; ++i) x[i] = v[i] * scale;
  for (; i < padded; ++i) x[i] = 0.0f;
}

// The sum of 16 virtual lanes, pairwise (8, 4, 2, 1): the same on every vector length.
HWY_INLINE float SumVirtualLanes(float* lanes) {
  for (int64_t half = 8; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // TRIT_TERNARY_KERNELS_ATTENTION_PRODUCT_INL_H_
