#include "ternary_kernels/rope.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/support/float_kernel_test.h"
#include "tests/support/gradient_check.h"

namespace trit {
namespace {

const RopeStyle kStyles[] = {RopeStyle::kHalves, RopeStyle::kInterleaved};
constexpr double kBase = 10000.0;
constexpr int64_t kHeads = 3;
constexpr int64_t kMaxPositions = 5000;

// Indices of pair i in a head.
struct Pair {
  int64_t a, b;
};
Pair PairOf(RopeStyle style, int64_t i, int64_t head_dim) {
  if (style == RopeStyle::kHalves) return {i, i + head_dim / 2};
  return {2 * i, 2 * i + 1};
}

// One row turned, in double. sign: -1 turns back.
std::vector<double> Turned(RopeStyle style, std::vector<double> x, int64_t head_dim,
                           int64_t position, double sign, const std::vector<float>& factors) {
  for (size_t head = 0; head < x.size(); head += static_cast<size_t>(head_dim)) {
    for (int64_t i = 0; i < head_dim / 2; ++i) {
      const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
      double angle = sign * static_cast<double>(position) * std::pow(kBase, exponent);
      if (!factors.empty()) angle /= factors[i];
      const Pair pair = PairOf(style, i, head_dim);
      const double a = x[head + pair.a], b = x[head + pair.b];
      x[head + pair.a] = a * std::cos(angle) - b * std::sin(angle);
      x[head + pair.b] = a * std::sin(angle) + b * std::cos(angle);
    }
  }
  return x;
}

BOOST_AUTO_TEST_CASE(matches_the_formula) {
  const std::vector<int32_t> positions = {0, 1, 4999, 17};
  for (const int64_t head_dim : {2, 6, 30, 32, 34, 100, 128}) {
    std::vector<float> factors(static_cast<size_t>(head_dim / 2));
    for (size_t i = 0; i < factors.size(); ++i) factors[i] = 1.0f + 0.25f * static_cast<float>(i);
    const RopeTable plain(head_dim, kBase, kMaxPositions);
    const RopeTable stretched(head_dim, kBase, kMaxPositions, factors);
    const int64_t width = kHeads * head_dim;
    const int64_t stride = width + 5;
    const std::vector<float> x = RandomFloats(4 * stride, 2.0f, 1);
    for (const RopeStyle style : kStyles) {
      for (const bool stretch : {false, true}) {
        for (const bool backward : {false, true}) {
          ForEachSimdTarget([&] {
            std::vector<float> y = x;
            const RopeTable& table = stretch ? stretched : plain;
            const auto turn = backward ? RopeBackward : RopeForward;
            turn(table, style, positions.data(), 4, kHeads, y.data(), stride);
            for (int64_t r = 0; r < 4; ++r) {
              const std::vector<double> expected =
                  Turned(style, {&x[r * stride], &x[r * stride] + width}, head_dim, positions[r],
                         backward ? -1.0 : 1.0, stretch ? factors : std::vector<float>());
              for (int64_t i = 0; i < width; ++i) {
                // Rounded sine and cosine, two products and a sum, with |x| <= 2.
                CheckWithin(y[r * stride + i], expected[i], 3.0 * kUnitRoundoff * 4.0);
              }
              for (int64_t i = width; i < stride; ++i) {
                BOOST_TEST(y[r * stride + i] == x[r * stride + i], "between rows");
              }
            }
          });
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(table_is_rounded_once) {
  const RopeTable table(64, kBase, kMaxPositions);
  for (const int64_t position : {0, 1, 63, 4999}) {
    for (int64_t i = 0; i < 32; ++i) {
      const double angle =
          static_cast<double>(position) * std::pow(kBase, -static_cast<double>(i) / 32.0);
      // Sine and cosine are at most 1, so half an ulp is at most 2^-25; angles in double add less
      // than 1e-12.
      CheckWithin(table.Cos(position)[i], std::cos(angle), 0x1p-25 + 1e-12);
      CheckWithin(table.Sin(position)[i], std::sin(angle), 0x1p-25 + 1e-12);
    }
  }
}

BOOST_AUTO_TEST_CASE(backward_matches_central_differences) {
  const std::vector<int32_t> position = {123};
  for (const int64_t head_dim : {2, 6, 34}) {
    const RopeTable table(head_dim, kBase, kMaxPositions);
    const int64_t width = kHeads * head_dim;
    const std::vector<float> x = RandomFloats(width, 1.0f, 2);
    const std::vector<float> dy = RandomFloats(width, 1.0f, 3);
    for (const RopeStyle style : kStyles) {
      ForEachSimdTarget([&] {
        std::vector<float> gradient = dy;
        RopeBackward(table, style, position.data(), 1, kHeads, gradient.data(), width);
        // Four float operations of numbers up to 1.
        CheckGradient(
            [&](const std::vector<double>& at) {
              const std::vector<double> y = Turned(style, at, head_dim, position[0], 1.0, {});
              double sum = 0.0;
              for (int64_t i = 0; i < width; ++i) sum += dy[i] * y[i];
              return sum;
            },
            x, gradient, 5e-7);
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(keeps_bits) {
  constexpr int64_t kRows = 200;
  for (const int64_t head_dim : {6, 34, 128}) {
    const RopeTable table(head_dim, kBase, kMaxPositions);
    const int64_t width = kHeads * head_dim;
    const std::vector<float> x = RandomFloats(kRows * width, 1.0f, 4);
    std::vector<int32_t> positions(kRows);
    for (int32_t r = 0; r < kRows; ++r) positions[r] = (r * 37) % 1000;
    // The same numbers with the pairs of a head side by side.
    std::vector<float> interleaved(x.size());
    for (size_t head = 0; head < x.size(); head += static_cast<size_t>(head_dim)) {
      for (int64_t i = 0; i < head_dim / 2; ++i) {
        interleaved[head + 2 * i] = x[head + i];
        interleaved[head + 2 * i + 1] = x[head + head_dim / 2 + i];
      }
    }
    ForEachSimdTarget([&] {
      const std::vector<float> y = CheckThreads([&] {
        std::vector<float> turned = x;
        RopeForward(table, RopeStyle::kHalves, positions.data(), kRows, kHeads, turned.data(),
                    width);
        return turned;
      });
      std::vector<float> row(&x[7 * width], &x[8 * width]);
      RopeForward(table, RopeStyle::kHalves, &positions[7], 1, kHeads, row.data(), width);
      BOOST_TEST(SameBits(row, std::vector<float>(&y[7 * width], &y[8 * width])), "a row alone");

      std::vector<float> other = interleaved;
      RopeForward(table, RopeStyle::kInterleaved, positions.data(), kRows, kHeads, other.data(),
                  width);
      bool same = true;
      for (size_t head = 0; head < x.size(); head += static_cast<size_t>(head_dim)) {
        for (int64_t i = 0; i < head_dim / 2; ++i) {
          same &= other[head + 2 * i] == y[head + i] &&
                  other[head + 2 * i + 1] == y[head + head_dim / 2 + i];
        }
      }
      BOOST_TEST(same, "both styles are the same turn");
    });
  }
}

}  // namespace
}  // namespace trit
