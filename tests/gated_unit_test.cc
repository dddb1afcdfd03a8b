#include "ternary_kernels/gated_unit.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/support/float_kernel_test.h"
#include "tests/support/gradient_check.h"

namespace trit {
namespace {

const GateActivation kActivations[] = {GateActivation::kRelu2, GateActivation::kSilu};
const int64_t kSizes[] = {1, 3, 15, 16, 17, 100, 257};

double Activation(GateActivation activation, double z) {
  if (activation == GateActivation::kRelu2) return z > 0.0 ? z * z : 0.0;
  return z / (1.0 + std::exp(-z));
}

std::vector<float> Forward(GateActivation activation, const std::vector<float>& gate,
                           const std::vector<float>& up) {
  std::vector<float> y(gate.size());
  GatedUnitForward(activation, gate.data(), up.data(), 1, static_cast<int64_t>(gate.size()),
                   y.data());
  return y;
}

struct Gradients {
  std::vector<float> dgate, dup;
};

Gradients Backward(GateActivation activation, const std::vector<float>& dy,
                   const std::vector<float>& gate, const std::vector<float>& up) {
  Gradients gradients{std::vector<float>(gate.size()), std::vector<float>(gate.size())};
  GatedUnitBackward(activation, dy.data(), gate.data(), up.data(), 1,
                    static_cast<int64_t>(gate.size()), gradients.dgate.data(),
                    gradients.dup.data());
  return gradients;
}

BOOST_AUTO_TEST_CASE(forward_matches_the_formula) {
  for (const GateActivation activation : kActivations) {
    for (const int64_t size : kSizes) {
      const std::vector<float> gate = RandomFloats(size, 10.0f, 1);
      const std::vector<float> up = RandomFloats(size, 2.0f, 2);
      ForEachSimdTarget([&] {
        const std::vector<float> y = Forward(activation, gate, up);
        for (int64_t i = 0; i < size; ++i) {
          const double expected = Activation(activation, gate[i]) * up[i];
          // Exp (at most 1.02 ulp: 2.04 roundings), a sum, a quotient, a product.
          CheckWithin(y[i], expected, 5.1 * kUnitRoundoff * std::abs(expected));
        }
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(extremes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> gate = {0.0f,   -0.0f, 88.0f,  -88.0f, 200.0f,
                                   -200.f, 1e4f,  -1e30f, 1e-30f, kInfinity};
  const std::vector<float> ones(gate.size(), 1.0f);
  ForEachSimdTarget([&] {
    const std::vector<float> y = Forward(GateActivation::kSilu, gate, ones);
    const Gradients gradients = Backward(GateActivation::kSilu, ones, gate, ones);
    for (size_t i = 0; i < gate.size(); ++i) {
      // Below -87.3 the sigmoid may be flushed: at most 88 times the smallest normal float.
      const double expected = Activation(GateActivation::kSilu, gate[i]);
      if (gate[i] == kInfinity) {
        BOOST_TEST(y[i] == kInfinity);
      } else {
        CheckWithin(y[i], expected, 5.1 * kUnitRoundoff * std::abs(expected) + 1.1e-36);
        BOOST_TEST(std::isfinite(gradients.dgate[i]));
      }
      BOOST_TEST(Forward(GateActivation::kRelu2, gate, ones)[i] >= 0.0f);
    }
    BOOST_TEST(gradients.dgate[0] == 0.5f);
    BOOST_TEST(gradients.dgate[4] == 1.0f);
    BOOST_TEST(gradients.dgate[5] == 0.0f);
    const std::vector<float> nan = {std::numeric_limits<float>::quiet_NaN()};
    BOOST_TEST(std::isnan(Forward(GateActivation::kSilu, nan, {1.0f})[0]));
  });
}

BOOST_AUTO_TEST_CASE(backward_matches_central_differences) {
  for (const GateActivation activation : kActivations) {
    for (const int64_t size : kSizes) {
      const std::vector<float> gate = RandomFloats(size, 4.0f, 3);
      const std::vector<float> up = RandomFloats(size, 1.0f, 4);
      const std::vector<float> dy = RandomFloats(size, 1.0f, 5);
      const auto loss = [&](const std::vector<double>& at_gate, const std::vector<double>& at_up) {
        double sum = 0.0;
        for (int64_t i = 0; i < size; ++i) {
          sum += dy[i] * Activation(activation, at_gate[i]) * at_up[i];
        }
        return sum;
      };
      const std::vector<double> exact_gate = ToDoubles(gate);
      const std::vector<double> exact_up = ToDoubles(up);
      ForEachSimdTarget([&] {
        const Gradients gradients = Backward(activation, dy, gate, up);
        // Ten float operations, the largest intermediate at most 6 times the result.
        constexpr double kTolerance = 60 * kUnitRoundoff + 1e-7;
        if (activation == GateActivation::kSilu || gate[0] > 0.0f || size > 1) {
          CheckGradient([&](const std::vector<double>& at) { return loss(at, exact_up); }, gate,
                        gradients.dgate, kTolerance);
          CheckGradient([&](const std::vector<double>& at) { return loss(exact_gate, at); }, up,
                        gradients.dup, kTolerance);
        }
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(keeps_bits) {
  constexpr int64_t kRows = 300;
  constexpr int64_t kCols = 257;
  const std::vector<float> gate = RandomFloats(kRows * kCols, 8.0f, 6);
  const std::vector<float> up = RandomFloats(kRows * kCols, 1.0f, 7);
  const std::vector<float> dy = RandomFloats(kRows * kCols, 1.0f, 8);
  for (const GateActivation activation : kActivations) {
    std::vector<float> fused_y, fused_dgate;
    ForEachSimdTarget([&] {
      const std::vector<float> y = CheckThreads([&] { return Forward(activation, gate, up); });
      const std::vector<float> dgate =
          CheckThreads([&] { return Backward(activation, dy, gate, up).dgate; });
      const std::vector<float> dup =
          CheckThreads([&] { return Backward(activation, dy, gate, up).dup; });

      const std::vector<float> row_gate(&gate[kCols], &gate[2 * kCols]);
      const std::vector<float> row_up(&up[kCols], &up[2 * kCols]);
      BOOST_TEST(SameBits(Forward(activation, row_gate, row_up),
                          std::vector<float>(&y[kCols], &y[2 * kCols])),
                 "a row alone");
      if (HasFusedMultiplyAdd(SimdTarget())) {
        if (fused_y.empty()) fused_y = y, fused_dgate = dgate;
        BOOST_TEST(SameBits(y, fused_y));
        BOOST_TEST(SameBits(dgate, fused_dgate));
      }

      std::vector<float> in_place = gate;
      GatedUnitForward(activation, in_place.data(), up.data(), kRows, kCols, in_place.data());
      BOOST_TEST(SameBits(in_place, y), "y over gate");
      in_place = dy;
      std::vector<float> other(dy.size());
      GatedUnitBackward(activation, in_place.data(), gate.data(), up.data(), kRows, kCols,
                        in_place.data(), other.data());
      BOOST_TEST((SameBits(in_place, dgate) && SameBits(other, dup)), "dgate over dy");
      in_place = dy;
      GatedUnitBackward(activation, in_place.data(), gate.data(), up.data(), kRows, kCols,
                        other.data(), in_place.data());
      BOOST_TEST((SameBits(other, dgate) && SameBits(in_place, dup)), "dup over dy");
    });
  }
}

}  // namespace
}  // namespace trit
