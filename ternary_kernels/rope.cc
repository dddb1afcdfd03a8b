#include "ternary_kernels/rope.h"

#include <cmath>

#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/task_size.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/rope.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ternary_kernels/vector_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// (a, b) becomes (a cos - b sin, a sin + b cos).
template <class D, class V = hn::Vec<D>>
HWY_INLINE void Turn(D /*d*/, V cos, V sin, V& a, V& b) {
  const V turned = hn::NegMulAdd(b, sin, hn::Mul(a, cos));
  b = hn::MulAdd(a, sin, hn::Mul(b, cos));
  a = turned;
}

// Turns one row. sine_sign: 1, or -1 to turn back.
void RopeRow(RopeStyle style, const float* cos, const float* sin, float sine_sign,
             int64_t num_heads, int64_t head_dim, float* x) {
  const int64_t half = head_dim / 2;
  for (float* head = x; head < x + num_heads * head_dim; head += head_dim) {
    ForEachVector(half, [&](auto d, int64_t i) HWY_ATTR {
      const auto cos_i = hn::LoadU(d, cos + i);
      const auto sin_i = hn::Mul(hn::LoadU(d, sin + i), hn::Set(d, sine_sign));
      auto a = hn::Zero(d);
      auto b = hn::Zero(d);
      if (style == RopeStyle::kHalves) {
        a = hn::LoadU(d, head + i);
        b = hn::LoadU(d, head + half + i);
        Turn(d, cos_i, sin_i, a, b);
        hn::StoreU(a, d, head + i);
        hn::StoreU(b, d, head + half + i);
      } else {
        hn::LoadInterleaved2(d, head + 2 * i, a, b);
        Turn(d, cos_i, sin_i, a, b);
        hn::StoreInterleaved2(a, b, d, head + 2 * i);
      }
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(RopeRow);

void TurnRows(const RopeTable& table, RopeStyle style, float sine_sign, const int32_t* positions,
              int64_t rows, int64_t num_heads, float* x, int64_t x_stride) {
  const int64_t head_dim = table.head_dim();
  TRIT_CHECK(rows >= 0 && num_heads >= 1 && x_stride >= num_heads * head_dim);
  ParallelForBlocks(rows, RowsPerTask(num_heads * head_dim), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t position = positions[r];
      TRIT_CHECK(position >= 0 && position < table.max_positions());
      HWY_DYNAMIC_DISPATCH(RopeRow)
      (style, table.Cos(position), table.Sin(position), sine_sign, num_heads, head_dim,
       x + r * x_stride);
    }
  });
}

}  // namespace

RopeTable::RopeTable(int64_t head_dim, double base, int64_t max_positions,
                     std::span<const float> frequency_factors)
    : head_dim_(head_dim), max_positions_(max_positions) {
  TRIT_CHECK(head_dim >= 2 && head_dim % 2 == 0 && max_positions >= 1 && base > 0.0);
  const int64_t half = head_dim / 2;
  TRIT_CHECK(frequency_factors.empty() || static_cast<int64_t>(frequency_factors.size()) == half);
  cos_ = AlignedBuffer<float>(static_cast<size_t>(max_positions * half));
  sin_ = AlignedBuffer<float>(static_cast<size_t>(max_positions * half));
  AlignedBuffer<double> frequencies(static_cast<size_t>(half));
  for (int64_t i = 0; i < half; ++i) {
    const auto exponent = -2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    frequencies[i] = std::pow(base, exponent);
    if (!frequency_factors.empty()) frequencies[i] /= frequency_factors[i];
  }
  ParallelForBlocks(max_positions, RowsPerTask(head_dim), [&](int64_t begin, int64_t end) {
    for (int64_t position = begin; position < end; ++position) {
      for (int64_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(position) * frequencies[i];
        cos_[position * half + i] = static_cast<float>(std::cos(angle));
        sin_[position * half + i] = static_cast<float>(std::sin(angle));
      }
    }
  });
}

void RopeForward(const RopeTable& table, RopeStyle style, const int32_t* positions, int64_t rows,
                 int64_t num_heads, float* x, int64_t x_stride) {
  TurnRows(table, style, 1.0f, positions, rows, num_heads, x, x_stride);
}

void RopeBackward(const RopeTable& table, RopeStyle style, const int32_t* positions, int64_t rows,
                  int64_t num_heads, float* dx, int64_t x_stride) {
  TurnRows(table, style, -1.0f, positions, rows, num_heads, dx, x_stride);
}

}  // namespace trit
#endif  // HWY_ONCE
