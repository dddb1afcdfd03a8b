#include "ternary_kernels/gated_unit.h"

#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/task_size.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/gated_unit.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ternary_kernels/exp-inl.h"
#include "ternary_kernels/vector_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

struct Relu2 {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V z) {
    const V positive = hn::Max(z, hn::Zero(d));
    return hn::Mul(positive, positive);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V z) {
    const V positive = hn::Max(z, hn::Zero(d));
    return hn::Add(positive, positive);
  }
};

struct Silu {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V z) {
    return hn::Div(z, hn::Add(hn::Set(d, 1.0f), Exp(d, hn::Neg(z))));
  }
  // s (1 + z (1 - s)) with s = 1 / (1 + exp(-z)).
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V z) {
    const V one = hn::Set(d, 1.0f);
    const V s = hn::Div(one, hn::Add(one, Exp(d, hn::Neg(z))));
    return hn::Mul(s, hn::MulAdd(z, hn::Sub(one, s), one));
  }
};

template <class Activation>
HWY_INLINE void Forward(const float* gate, const float* up, int64_t n, float* y) {
  ForEachVector(n, [&](auto d, int64_t i) HWY_ATTR {
    const auto value = Activation::Value(d, hn::LoadU(d, gate + i));
    hn::StoreU(hn::Mul(value, hn::LoadU(d, up + i)), d, y + i);
  });
}

template <class Activation>
HWY_INLINE void Backward(const float* dy, const float* gate, const float* up, int64_t n,
                         float* dgate, float* dup) {
  ForEachVector(n, [&](auto d, int64_t i) HWY_ATTR {
    const auto dy_i = hn::LoadU(d, dy + i);
    const auto z = hn::LoadU(d, gate + i);
    const auto up_i = hn::LoadU(d, up + i);
    hn::StoreU(hn::Mul(hn::Mul(dy_i, up_i), Activation::Slope(d, z)), d, dgate + i);
    hn::StoreU(hn::Mul(dy_i, Activation::Value(d, z)), d, dup + i);
  });
}

void GatedUnitForwardRange(GateActivation activation, const float* gate, const float* up, int64_t n,
                           float* y) {
  switch (activation) {
    case GateActivation::kRelu2:
      return Forward<Relu2>(gate, up, n, y);
    case GateActivation::kSilu:
      return Forward<Silu>(gate, up, n, y);
  }
}

void GatedUnitBackwardRange(GateActivation activation, const float* dy, const float* gate,
                            const float* up, int64_t n, float* dgate, float* dup) {
  switch (activation) {
    case GateActivation::kRelu2:
      return Backward<Relu2>(dy, gate, up, n, dgate, dup);
    case GateActivation::kSilu:
      return Backward<Silu>(dy, gate, up, n, dgate, dup);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(GatedUnitForwardRange);
HWY_EXPORT(GatedUnitBackwardRange);

}  // namespace

void GatedUnitForward(GateActivation activation, const float* gate, const float* up, int64_t rows,
                      int64_t cols, float* y) {
  TRIT_CHECK(rows >= 0 && cols >= 0);
  ParallelForBlocks(rows * cols, kTaskElements, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(GatedUnitForwardRange)
    (activation, gate + begin, up + begin, end - begin, y + begin);
  });
}

void GatedUnitBackward(GateActivation activation, const float* dy, const float* gate,
                       const float* up, int64_t rows, int64_t cols, float* dgate, float* dup) {
  TRIT_CHECK(rows >= 0 && cols >= 0);
  TRIT_CHECK(dgate != dup);
  ParallelForBlocks(rows * cols, kTaskElements, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(GatedUnitBackwardRange)
    (activation, dy + begin, gate + begin, up + begin, end - begin, dgate + begin, dup + begin);
  });
}

}  // namespace trit
#endif  // HWY_ONCE
