#include "ternary_kernels/scale_sums.h"

#include "ternary_kernels/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/scale_sums.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// body(d, i) for whole vectors of [0, n), then with one-lane vectors for the rest: the same
// operations in both, so that tails round as vectors do.
template <class Body>
HWY_INLINE void ForLanes(int64_t n, const Body& body) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) body(d, i);
  for (; i < n; ++i) body(d1, i);
}

// float(sum - 128 * code_sum): the product of the codes themselves.
template <class D>
HWY_INLINE hn::Vec<D> CodeProduct(D d, const int32_t* sums, const int32_t* code_sums) {
  const hn::RebindToSigned<D> di;
  const auto raised = hn::ShiftLeft<7>(hn::LoadU(di, code_sums));
  return hn::ConvertTo(d, hn::Sub(hn::LoadU(di, sums), raised));
}

// One token.
void ScaleToken(const int32_t* sums, const int32_t* code_sums, int64_t rows,
                const SumScaling& scaling, const float* residual, float* out) {
  const float a = scaling.activation_scale;
  // One value for all rows, or a value a row, over a.
  const auto ratio = [&](auto d, const float* values, int64_t r) HWY_ATTR {
    return scaling.per_row ? hn::Div(hn::LoadU(d, values + r), hn::Set(d, a))
                           : hn::Set(d, values[0] / a);
  };
  ForLanes(rows, [&](auto d, int64_t r) HWY_ATTR {
    auto y = hn::Mul(CodeProduct(d, sums + r, code_sums + r), ratio(d, scaling.scales, r));
    if (scaling.offsets != nullptr) {
      const auto activation_sum = hn::Set(d, static_cast<float>(scaling.activation_sum));
      y = hn::Add(y, hn::Mul(activation_sum, ratio(d, scaling.offsets, r)));
    }
    if (residual != nullptr) y = hn::Add(y, hn::LoadU(d, residual + r));
    hn::StoreU(y, d, out + r);
  });
}

void AddGroupToken(const int32_t* sums, const int32_t* code_sums, int64_t rows,
                   const float* group_scales, const float* group_offsets, int32_t activation_sum,
                   bool first, float* out) {
  ForLanes(rows, [&](auto d, int64_t r) HWY_ATTR {
    const auto term =
        hn::Mul(CodeProduct(d, sums + r, code_sums + r), hn::LoadU(d, group_scales + r));
    const auto before = first ? hn::Zero(d) : hn::LoadU(d, out + r);
    auto total = hn::Add(before, term);
    if (group_offsets != nullptr) {
      const auto factor = hn::Set(d, static_cast<float>(activation_sum));
      total = hn::Add(total, hn::Mul(factor, hn::LoadU(d, group_offsets + r)));
    }
    hn::StoreU(total, d, out + r);
  });
}

void FinishGroupToken(int64_t rows, float a, const float* residual, float* out) {
  const float factor = 1.0f / a;
  ForLanes(rows, [&](auto d, int64_t r) HWY_ATTR {
    auto y = hn::Mul(hn::LoadU(d, out + r), hn::Set(d, factor));
    if (residual != nullptr) y = hn::Add(y, hn::LoadU(d, residual + r));
    hn::StoreU(y, d, out + r);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(SumOfCodes);
HWY_EXPORT(ScaleToken);
HWY_EXPORT(AddGroupToken);
HWY_EXPORT(FinishGroupToken);

}  // namespace

int32_t SumCodes(const int8_t* codes, int64_t n) {
  return HWY_DYNAMIC_DISPATCH(SumOfCodes)(codes, n);
}

void ScaleSums(const SumsToScale& sums, const WeightScales& scales, const float* residual,
               float* out) {
  TRIT_CHECK(scales.kind != ScaleKind::kGroup);
  const bool has_offsets = !scales.offsets.empty();
  for (int64_t t = 0; t < sums.num_tokens; ++t) {
    const int64_t at = t * sums.rows;
    HWY_DYNAMIC_DISPATCH(ScaleToken)
    (sums.sums + at, sums.code_sums, sums.rows,
     {.correction = 0,
      .scales = scales.values.data(),
      .offsets = has_offsets ? scales.offsets.data() : nullptr,
      .per_row = scales.kind == ScaleKind::kRow,
      .activation_scale = sums.activation_scales[t],
      .activation_sum = has_offsets ? sums.activation_sums[t] : 0},
     residual != nullptr ? residual + at : nullptr, out + at);
  }
}

void AddGroupSums(const SumsToScale& sums, const float* group_scales, const float* group_offsets,
                  bool first, float* out) {
  for (int64_t t = 0; t < sums.num_tokens; ++t) {
    const int64_t at = t * sums.rows;
    HWY_DYNAMIC_DISPATCH(AddGroupToken)
    (sums.sums + at, sums.code_sums, sums.rows, group_scales, group_offsets,
     group_offsets != nullptr ? sums.activation_sums[t] : 0, first, out + at);
  }
}

void FinishGroupSums(const SumsToScale& sums, const float* residual, float* out) {
  for (int64_t t = 0; t < sums.num_tokens; ++t) {
    const int64_t at = t * sums.rows;
    HWY_DYNAMIC_DISPATCH(FinishGroupToken)
    (sums.rows, sums.activation_scales[t], residual != nullptr ? residual + at : nullptr, out + at);
  }
}

}  // namespace trit
#endif  // HWY_ONCE
