#include "ternary_kernels/adamw.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/support/float_kernel_test.h"

namespace trit {
namespace {

const AdamWStep kStep{.learning_rate = 0.01,
                      .beta1 = 0.9,
                      .beta2 = 0.999,
                      .eps = 0.01,  // large enough to see where it is added
                      .weight_decay = 0.1,
                      .gradient_scale = 0.5f,
                      .step = 1};

// One weight and its moments in double: the algorithm box of torch.optim.AdamW.
struct Reference {
  double w, m = 0.0, v = 0.0;

  void Update(const AdamWStep& step, double gradient) {
    const double g = gradient * static_cast<double>(step.gradient_scale);
    w -= step.learning_rate * step.weight_decay * w;
    m = step.beta1 * m + (1.0 - step.beta1) * g;
    v = step.beta2 * v + (1.0 - step.beta2) * g * g;
    const double m_hat = m / (1.0 - std::pow(step.beta1, static_cast<double>(step.step)));
    const double v_hat = v / (1.0 - std::pow(step.beta2, static_cast<double>(step.step)));
    w -= step.learning_rate * m_hat / (std::sqrt(v_hat) + step.eps);
  }
};

struct State {
  std::vector<float> w, m, v;
};

BOOST_AUTO_TEST_CASE(five_steps_match_the_formula) {
  for (const int64_t n : {1, 3, 15, 17, 100, 257}) {
    const std::vector<float> start = RandomFloats(n, 2.0f, 1);
    ForEachSimdTarget([&] {
      State state{start, std::vector<float>(start.size()), std::vector<float>(start.size())};
      std::vector<Reference> reference;
      for (const float w : start) reference.push_back({.w = w});
      AdamWStep step = kStep;
      double m_size = 0.0;
      for (step.step = 1; step.step <= 5; ++step.step) {
        step.learning_rate = 0.01 / static_cast<double>(step.step);
        const std::vector<float> gradient =
            RandomFloats(n, 1.0f, 10 + static_cast<uint32_t>(step.step));
        AdamWUpdate(step, n, state.w.data(), gradient.data(), state.m.data(), state.v.data());
        for (int64_t i = 0; i < n; ++i) reference[i].Update(step, gradient[i]);
        m_size = 0.9 * m_size + 0.1 * 0.5;
        const auto steps = static_cast<double>(step.step);
        for (int64_t i = 0; i < n; ++i) {
          // m may cancel, so its error is bounded by the size of what was added: four roundings a
          // step. v has only positive terms: six roundings a step, relative.
          CheckWithin(state.m[i], reference[i].m, 4.0 * steps * kUnitRoundoff * m_size);
          CheckWithin(state.v[i], reference[i].v, 6.0 * steps * kUnitRoundoff * reference[i].v);
          // Each step: three roundings of |w| <= 2, and an update of at most lr * 2 with less than
          // 60 roundings.
          CheckWithin(state.w[i], reference[i].w,
                      steps * kUnitRoundoff * (3.0 * 2.0 + 60.0 * 0.01 * 2.0));
        }
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(first_step_has_the_size_of_the_learning_rate) {
  AdamWStep step = kStep;
  step.weight_decay = 0.0;
  step.eps = 1e-12;
  std::vector<float> w = {1.0f, 1.0f, 1.0f}, m(3), v(3);
  const std::vector<float> gradient = {1e-3f, -1e3f, 0.0f};
  AdamWUpdate(step, 3, w.data(), gradient.data(), m.data(), v.data());
  CheckWithin(w[0], 0.99, 1e-6);
  CheckWithin(w[1], 1.01, 1e-6);
  BOOST_TEST(w[2] == 1.0f);
}

BOOST_AUTO_TEST_CASE(keeps_bits) {
  constexpr int64_t kSize = 50001;
  const State start{RandomFloats(kSize, 1.0f, 2), RandomFloats(kSize, 0.1f, 3),
                    std::vector<float>(kSize, 0.01f)};
  const std::vector<float> gradient = RandomFloats(kSize, 1.0f, 4);
  const auto update = [&] {
    State state = start;
    AdamWUpdate(kStep, kSize, state.w.data(), gradient.data(), state.m.data(), state.v.data());
    return state;
  };
  std::vector<float> fused;
  ForEachSimdTarget([&] {
    const std::vector<float> w = CheckThreads([&] { return update().w; });
    CheckThreads([&] { return update().m; });
    CheckThreads([&] { return update().v; });
    State last{{start.w.back()}, {start.m.back()}, {start.v.back()}};
    AdamWUpdate(kStep, 1, last.w.data(), &gradient.back(), last.m.data(), last.v.data());
    BOOST_TEST(last.w[0] == w.back(), "an element alone");
    if (HasFusedMultiplyAdd(SimdTarget())) {
      if (fused.empty()) fused = w;
      BOOST_TEST(SameBits(w, fused));
    }
  });
}

BOOST_AUTO_TEST_CASE(sum_of_squares) {
  BOOST_TEST(SumOfSquares(nullptr, 0) == 0.0);
  for (const int64_t n : {1, 3, 15, 17, 100, 257, 16384, 16385, 100003}) {
    const std::vector<float> x = RandomFloats(n, 1e3f, 5);
    long double expected = 0.0L;
    for (const float v : x) expected += static_cast<long double>(v) * v;
    std::vector<double> first;
    ForEachSimdTarget([&] {
      const std::vector<double> sum =
          CheckThreads([&] { return std::vector<double>{SumOfSquares(x.data(), n)}; });
      // At most 1024 additions in a row within a lane, then a few.
      CheckWithin(sum[0], static_cast<double>(expected),
                  1040 * 0x1p-53 * static_cast<double>(expected));
      if (first.empty()) first = sum;
      BOOST_TEST(SameBits(sum, first), "every target has the same bits");
    });
  }
}

}  // namespace
}  // namespace trit
