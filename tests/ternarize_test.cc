#include "ternary_kernels/ternarize.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/simd_targets.h"

namespace trit {
namespace {

std::vector<float> NormalWeights(int64_t count, float deviation, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> w(count);
  for (float& v : w) v = normal(random);
  return w;
}

struct Ternarized {
  std::vector<int8_t> trits;
  std::vector<float> scales;
  bool operator==(const Ternarized&) const = default;
};

template <typename Function>
Ternarized Run(const Function& ternarize, const std::vector<float>& w, int64_t rows, int64_t cols,
               ScaleKind kind, int64_t group_size) {
  Ternarized result;
  result.trits.resize(rows * cols);
  WeightScales scales;
  scales.kind = kind;
  scales.group_size = group_size;
  ternarize(w.data(), rows, cols, result.trits.data(), scales);
  result.scales.assign(scales.values.begin(), scales.values.end());
  return result;
}

// Scales within one unit in the last place of the mean in plain double arithmetic, and the trits
// that follow from the scales.
BOOST_AUTO_TEST_CASE(reference_is_the_formula) {
  for (const ScaleKind kind : {ScaleKind::kTensor, ScaleKind::kRow, ScaleKind::kGroup}) {
    const int64_t group_size = 20;
    const int64_t rows = 37, cols = 5000;
    const std::vector<float> w = NormalWeights(rows * cols, 0.02f, 1);
    const Ternarized result = Run(TernarizeReference, w, rows, cols, kind, group_size);
    const auto scale_index = [&](int64_t row, int64_t col) -> int64_t {
      if (kind == ScaleKind::kTensor) return 0;
      return kind == ScaleKind::kRow ? row : col / group_size * rows + row;
    };
    std::vector<double> sums(result.scales.size());
    for (int64_t i = 0; i < rows * cols; ++i)
      sums[scale_index(i / cols, i % cols)] += std::abs(w[i]);
    for (size_t i = 0; i < sums.size(); ++i) {
      const double mean = sums[i] * static_cast<double>(sums.size()) / (rows * cols);
      const float s = result.scales[i];
      BOOST_TEST(std::abs(s - mean) <= std::nextafter(s, 1.0f) - s);
    }
    bool good = true;
    for (int64_t i = 0; i < rows * cols; ++i) {
      const float inverse = 1.0f / result.scales[scale_index(i / cols, i % cols)];
      good &= result.trits[i] == std::clamp(std::nearbyint(w[i] * inverse), -1.0f, 1.0f);
    }
    BOOST_TEST(good);
  }
}

BOOST_AUTO_TEST_CASE(ties_go_to_even_and_small_means_use_the_floor) {
  // The mean of |w| is 1.
  const Ternarized ties =
      Run(TernarizeReference, {0.5f, -0.5f, 1.5f, -1.5f, 0.50000006f, -1.0f, 1.0f, 1.49999994f}, 1,
          8, ScaleKind::kTensor, 0);
  BOOST_TEST(ties.scales[0] == 1.0f);
  BOOST_TEST((ties.trits == std::vector<int8_t>{0, 0, 1, -1, 1, -1, 1, 1}));
  const Ternarized tiny =
      Run(TernarizeReference, {0.0f, 4e-6f, -6e-6f, 1e-40f}, 1, 4, ScaleKind::kTensor, 0);
  BOOST_TEST(tiny.scales[0] == kMinWeightScale);
  BOOST_TEST((tiny.trits == std::vector<int8_t>{0, 0, -1, 0}));
}

// Lane 0 gets 2^24 and 1, lane 4 twice 2^-29. That is half a unit of 2^24 in double: added to lane
// 0 it would be lost, but what lane 4 adds up survives, and tips the mean over the middle between
// two floats.
BOOST_AUTO_TEST_CASE(order_of_the_sum) {
  std::vector<float> w(16);
  w[0] = 0x1p24f;
  w[8] = 1.0f;
  w[4] = w[12] = 0x1p-29f;
  const float expected = (0x1p24f + 2.0f) / 16.0f;
  BOOST_TEST(Run(TernarizeReference, w, 1, 16, ScaleKind::kTensor, 0).scales[0] == expected);
  for (const std::string& target : SimdTargets()) {
    UseSimdTarget(target);
    BOOST_TEST(Run(Ternarize, w, 1, 16, ScaleKind::kTensor, 0).scales[0] == expected, target);
  }
  UseSimdTarget("");
}

BOOST_AUTO_TEST_CASE(all_targets_and_threads_give_the_reference_bits) {
  const int threads = NumThreads();
  struct Shape {
    int64_t rows, cols;
  };
  for (const auto [rows, cols] :
       {Shape{1, 1}, {3, 7}, {5, 17}, {64, 100}, {7, 4096}, {2, 4097}, {3, 9000}, {1, 20000}}) {
    const std::vector<float> w = NormalWeights(rows * cols, 0.03f, static_cast<uint32_t>(cols));
    for (const ScaleKind kind : {ScaleKind::kTensor, ScaleKind::kRow, ScaleKind::kGroup}) {
      const int64_t group_size = cols % 20 == 0 ? cols / 20 : cols;
      const Ternarized expected = Run(TernarizeReference, w, rows, cols, kind, group_size);
      for (const std::string& target : SimdTargets()) {
        UseSimdTarget(target);
        for (const int num_threads : {1, 2}) {
          SetNumThreads(num_threads);
          BOOST_CHECK_MESSAGE(
              Run(Ternarize, w, rows, cols, kind, group_size) == expected,
              target << ", " << rows << " x " << cols << ", " << num_threads << " threads");
        }
      }
      UseSimdTarget("");
    }
  }
  SetNumThreads(threads);
}

}  // namespace
}  // namespace trit
