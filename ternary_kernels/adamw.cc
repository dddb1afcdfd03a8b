#include "ternary_kernels/adamw.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/task_size.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/adamw.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ternary_kernels/vector_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

void AdamWRange(const AdamWStep& step, int64_t n, float* w, const float* gradient, float* m,
                float* v) {
  // Factors in double, rounded once, as PyTorch has them.
  const auto t = static_cast<double>(step.step);
  const double step_size = step.learning_rate / (1.0 - std::pow(step.beta1, t));
  const double root_correction2 = std::sqrt(1.0 - std::pow(step.beta2, t));
  const double decay = 1.0 - step.learning_rate * step.weight_decay;
  ForEachVector(n, [&](auto d, int64_t i) HWY_ATTR {
    const auto set = [d](double x) HWY_ATTR { return hn::Set(d, static_cast<float>(x)); };
    const auto g = hn::Mul(hn::LoadU(d, gradient + i), set(step.gradient_scale));
    const auto new_m =
        hn::MulAdd(set(1.0 - step.beta1), g, hn::Mul(set(step.beta1), hn::LoadU(d, m + i)));
    const auto new_v = hn::MulAdd(hn::Mul(set(1.0 - step.beta2), g), g,
                                  hn::Mul(set(step.beta2), hn::LoadU(d, v + i)));
    const auto denominator =
        hn::Add(hn::Div(hn::Sqrt(new_v), set(root_correction2)), set(step.eps));
    const auto update = hn::Div(hn::Mul(set(step_size), new_m), denominator);
    const auto decayed = hn::Mul(hn::LoadU(d, w + i), set(decay));
    hn::StoreU(new_m, d, m + i);
    hn::StoreU(new_v, d, v + i);
    hn::StoreU(hn::Sub(decayed, update), d, w + i);
  });
}

double SumOfSquaresRange(const float* x, int64_t n) {
  return SumTerms(n, [&](auto d, int64_t i) HWY_ATTR {
    const auto v = LoadDoubles(d, x + i);
    return hn::Mul(v, v);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
namespace {

HWY_EXPORT(AdamWRange);
HWY_EXPORT(SumOfSquaresRange);

}  // namespace

void AdamWUpdate(const AdamWStep& step, int64_t n, float* w, const float* gradient, float* m,
                 float* v) {
  TRIT_CHECK(n >= 0 && step.step >= 1);
  ParallelForBlocks(n, kTaskElements, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AdamWRange)
    (step, end - begin, w + begin, gradient + begin, m + begin, v + begin);
  });
}

double SumOfSquares(const float* x, int64_t n) {
  TRIT_CHECK(n >= 0);
  // Blocks depend on n alone; their number is bounded so that their sums fit on the stack.
  constexpr int64_t kMaxBlocks = 1024;
  const int64_t block = std::max(kTaskElements, (n + kMaxBlocks - 1) / kMaxBlocks);
  std::array<double, kMaxBlocks> sums = {};
  ParallelForBlocks(n, block, [&](int64_t begin, int64_t end) {
    sums[begin / block] = HWY_DYNAMIC_DISPATCH(SumOfSquaresRange)(x + begin, end - begin);
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace trit
#endif  // HWY_ONCE
