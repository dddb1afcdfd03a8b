// Weight quantizers against plain double-precision definitions, and their gradients:
// straight-through is the identity; LSQ's against its published formula and, where the surrogate is
// smooth, against finite differences.
#include "training/weight_quantizer.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <memory>
#include <vector>

#include "engine/error.h"
#include "training/lsq_quantizer.h"
#include "training/random.h"

namespace trit {
namespace {

constexpr int64_t kRows = 12;
constexpr int64_t kCols = 64;

WeightInfo Info() {
  WeightInfo info;
  info.name = "model.layers.0.mlp.up_proj.weight";
  info.kind = WeightKind::kLinear;
  info.rows = kRows;
  info.cols = kCols;
  return info;
}

std::vector<float> RandomWeights(uint64_t seed) {
  const CounterRandom random(seed, 0);
  std::vector<float> w;
  for (uint64_t i = 0; i < kRows * kCols; ++i) {
    w.push_back(static_cast<float>(0.1 * (random.Uniform(2 * i) + random.Uniform(2 * i + 1) - 1)));
  }
  return w;
}

// Index of the scale of a weight.
size_t ScaleIndex(ScaleKind kind, int64_t group_size, int64_t row, int64_t col) {
  if (kind == ScaleKind::kTensor) return 0;
  if (kind == ScaleKind::kRow) return static_cast<size_t>(row);
  return static_cast<size_t>(col / group_size * kRows + row);
}

struct Granularity {
  ScaleKind kind;
  int64_t group_size;
};
const std::vector<Granularity> kGranularities = {
    {ScaleKind::kTensor, 0}, {ScaleKind::kRow, 0}, {ScaleKind::kGroup, 16}};

BOOST_AUTO_TEST_CASE(int8_is_absmax) {
  const std::vector<float> w = RandomWeights(1);
  for (const auto& [kind, group_size] : kGranularities) {
    const auto quantizer = MakeWeightQuantizer({"int8", "int8", kind, group_size}, Info());
    std::vector<int8_t> codes(w.size());
    WeightScales scales = quantizer->MakeScales();
    quantizer->Quantize(w.data(), nullptr, codes.data(), scales);
    std::vector<float> max_abs(scales.values.size(), 0.0f);
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kCols; ++c) {
        float& m = max_abs[ScaleIndex(kind, group_size, r, c)];
        m = std::max(m, std::fabs(w[static_cast<size_t>(r * kCols + c)]));
      }
    }
    for (size_t i = 0; i < max_abs.size(); ++i) BOOST_TEST(scales.values[i] == max_abs[i] / 127.0f);
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kCols; ++c) {
        const size_t i = static_cast<size_t>(r * kCols + c);
        const double s = scales.values[ScaleIndex(kind, group_size, r, c)];
        // Half a step, and float's rounding of w * (1/s), which is at most 127 * 2^-23.
        BOOST_TEST(std::fabs(w[i] / s - codes[i]) <= 0.5 + 127 * 0x1p-22);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(straight_through_is_the_identity) {
  const std::vector<float> w = RandomWeights(2);
  for (const char* name : {"ternary", "int8"}) {
    const auto quantizer = MakeWeightQuantizer({name, "int8", ScaleKind::kTensor, 0}, Info());
    std::vector<float> gradient = RandomWeights(3);
    const std::vector<float> before = gradient;
    quantizer->Backward(w.data(), nullptr, gradient.data(), nullptr);
    BOOST_TEST(gradient == before, boost::test_tools::per_element());
    BOOST_TEST(quantizer->NumLearned() == 0);
  }
}

BOOST_AUTO_TEST_CASE(lsq_codes_and_start) {
  const std::vector<float> w = RandomWeights(4);
  for (const auto& [kind, group_size] : kGranularities) {
    const LsqQuantizer quantizer(4, kRows, kCols, kind, group_size);
    std::vector<float> steps(static_cast<size_t>(quantizer.NumLearned()));
    quantizer.InitializeLearned(w.data(), steps.data());
    std::vector<double> sums(steps.size(), 0.0);
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kCols; ++c) {
        sums[ScaleIndex(kind, group_size, r, c)] +=
            std::fabs(w[static_cast<size_t>(r * kCols + c)]);
      }
    }
    const double per_step = static_cast<double>(kRows * kCols) / static_cast<double>(steps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      BOOST_TEST(steps[i] == 2 * sums[i] / per_step / std::sqrt(7.0),
                 boost::test_tools::tolerance(1e-6));
    }
    std::vector<int8_t> codes(w.size());
    WeightScales scales = quantizer.MakeScales();
    quantizer.Quantize(w.data(), steps.data(), codes.data(), scales);
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kCols; ++c) {
        const size_t i = static_cast<size_t>(r * kCols + c);
        const float ratio = w[i] / steps[ScaleIndex(kind, group_size, r, c)];
        BOOST_TEST(static_cast<float>(codes[i]) == std::clamp(std::nearbyint(ratio), -8.0f, 7.0f));
      }
    }
  }
}

// The surrogate whose derivative LSQ's step gradient is: rounding replaced by its value at the
// point, w_hat(s) = s * (w/s + e) inside with e = code - w/s held fixed in w but not in s … that
// is, d(w_hat)/ds = code - w/s inside and the bound outside. Checked by finite differences on s ->
// s * clamp(w/s + e, -Qn, Qp) - w * (s / s), with e frozen: inside it is s * e + w.
BOOST_AUTO_TEST_CASE(lsq_gradients) {
  const std::vector<float> w = RandomWeights(5);
  const std::vector<float> upstream = RandomWeights(6);
  for (const auto& [kind, group_size] : kGranularities) {
    const LsqQuantizer quantizer(4, kRows, kCols, kind, group_size);
    std::vector<float> steps(static_cast<size_t>(quantizer.NumLearned()));
    quantizer.InitializeLearned(w.data(), steps.data());
    for (float& step : steps) step *= 0.4f;  // so that some weights are clipped

    std::vector<float> gradient = upstream;
    std::vector<float> step_gradient(steps.size(), 0.0f);
    quantizer.Backward(w.data(), steps.data(), gradient.data(), step_gradient.data());

    const double per_step = static_cast<double>(kRows * kCols) / static_cast<double>(steps.size());
    const double factor = 1 / std::sqrt(per_step * 7);
    std::vector<double> numeric(steps.size(), 0.0);
    int clipped = 0;
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kCols; ++c) {
        const size_t i = static_cast<size_t>(r * kCols + c);
        const size_t k = ScaleIndex(kind, group_size, r, c);
        const float ratio = w[i] / steps[k];
        const bool inside = ratio >= -8 && ratio <= 7;
        clipped += inside ? 0 : 1;
        BOOST_TEST(gradient[i] == (inside ? upstream[i] : 0.0f));
        const double code = std::clamp(std::nearbyint(ratio), -8.0f, 7.0f);
        const double frozen = code - static_cast<double>(w[i]) / steps[k];
        const auto surrogate = [&](double s) { return inside ? s * frozen + w[i] : s * code; };
        const double h = 1e-3;
        numeric[k] +=
            upstream[i] * (surrogate(steps[k] + h) - surrogate(steps[k] - h)) / (2 * h) * factor;
      }
    }
    BOOST_TEST(clipped > 0);
    // Float's rounding of w/s (at most 8 in magnitude), summed over the weights of a step.
    for (size_t k = 0; k < steps.size(); ++k) {
      BOOST_TEST(std::fabs(step_gradient[k] - numeric[k]) <
                 1e-6 * std::fabs(numeric[k]) + factor * per_step * 0.1 * 8 * 0x1p-23);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  BOOST_CHECK(MakeWeightQuantizer({"none", "none", ScaleKind::kTensor, 0}, Info()) == nullptr);
  BOOST_CHECK_THROW(MakeWeightQuantizer({"int5", "int8", ScaleKind::kTensor, 0}, Info()),
                    UsageError);
  BOOST_CHECK_THROW(MakeWeightQuantizer({"ternary", "int8", ScaleKind::kGroup, 48}, Info()),
                    UsageError);
}

}  // namespace
}  // namespace trit
